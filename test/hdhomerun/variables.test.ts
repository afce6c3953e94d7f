import { describe, expect, it } from 'vitest'
import type { TunerState } from '../../src/hdhomerun/device.ts'
import { answerVariable, type Answer } from '../../src/hdhomerun/variables.ts'
import { device, idle } from './devices.ts'

const busy: TunerState = {
  index: 1,
  channel: { number: '12', name: 'Das Erste HD' },
  target: '192.168.1.20',
  bitrate: 10_528_000,
  strength: 81.4,
  quality: 95,
  symbols: 100,
}

function get(name: string, tuners: readonly TunerState[] = [...idle.slice(0, 1), busy]): Answer {
  return answerVariable({ name, isWrite: false, device, tuners: () => tuners })
}

describe('answerVariable', () => {
  it.each([
    ['/sys/model', 'HDHR5-4DT'],
    ['/sys/hwmodel', 'HDHR5-4DT'],
    ['/sys/version', '20250506'],
    ['/tuner0/status', 'ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0'],
    ['/tuner1/status', 'ch=auto:v12 lock=auto ss=81 snq=95 seq=100 bps=10528000 pps=1000'],
    ['/tuner0/channel', 'none'],
    ['/tuner1/channel', 'auto:v12'],
    ['/tuner0/vchannel', 'none'],
    ['/tuner1/vchannel', '12'],
    ['/tuner0/vstatus', 'vch=none name=none auth=unspecified cci=none'],
    ['/tuner1/vstatus', 'vch=12 name=Das-Erste-HD auth=unspecified cci=none'],
    ['/tuner0/target', 'none'],
    ['/tuner1/target', '192.168.1.20'],
    ['/tuner0/channelmap', 'eu-bcast'],
    ['/tuner0/filter', '0x0000-0x1fff'],
    ['/tuner0/program', '0'],
    ['/tuner0/streaminfo', 'none'],
    ['/tuner0/lockkey', 'none'],
    ['/tuner0/debug', 'tun: ch=none lock=none ss=0 snq=0 seq=0\ndev: bps=0\nnet: pps=0\n'],
  ])('%s is %j', (name, value) => {
    expect(get(name)).toEqual({ value })
  })

  it('lists in its help what it answers', () => {
    const { value } = get('help') as { value: string }
    const names = value.trim().split('\n').slice(1)
    expect(names).toContain('/tuner<n>/status')
    for (const name of names) expect(get(name.replace('<n>', '0'))).toHaveProperty('value')
  })

  it('shows a signal where a receiver that sends tells of none, within the bounds', () => {
    const channel = { number: '7', name: 'Arte' }
    expect(get('/tuner0/status', [{ index: 0, channel }])).toEqual({
      value: 'ch=auto:v7 lock=auto ss=100 snq=100 seq=100 bps=0 pps=0',
    })
    expect(get('/tuner0/status', [{ index: 0, channel, strength: -3, quality: 250 }])).toEqual({
      value: 'ch=auto:v7 lock=auto ss=0 snq=100 seq=100 bps=0 pps=0',
    })
  })

  it('keeps words whole, whatever a channel is called', () => {
    const channel = { number: '1\u0000 2', name: ' ss=1\n'.padEnd(500, 'x') }
    const { value } = get('/tuner0/vstatus', [{ index: 0, channel }]) as { value: string }
    expect(value.split(' ')).toHaveLength(4)
    expect(value.length).toBeLessThan(120)
  })

  it.each([
    '',
    '/',
    '/sys',
    '/sys/dvbc_modulation',
    '/tuner2/status',
    '/tuner0/',
    '/tuner0/constructor',
    '/tuner-1/status',
    'toString',
  ])('does not know %j', (name) => {
    expect(get(name)).toEqual({ error: 'ERROR: unknown getset variable' })
  })

  it('lets nobody write', () => {
    const set = (name: string) => answerVariable({ name, isWrite: true, device, tuners: () => idle })
    for (const name of ['/tuner0/channel', '/tuner0/target', '/tuner0/lockkey', '/sys/model'])
      expect(set(name)).toEqual({ error: expect.stringMatching(/^ERROR: read only/) as string })
    expect(set('/sys/restart')).toEqual({ error: 'ERROR: unknown getset variable' })
  })
})
