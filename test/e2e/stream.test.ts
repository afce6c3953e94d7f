// What a player gets from the proxy port, judged by ffmpeg; what the receiver sees meanwhile.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as inFolder } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { readStream, withoutLastUnits } from '../stream/programme.ts'
import { ask, read, viewer } from '../stream/viewers.ts'
import { open, type House } from './house.ts'

const execute = promisify(execFile)

let house: House
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(inFolder(tmpdir(), 'xg2g-'))
  const streams = ['mpeg2', 'h264-1080i', 'radio-mp2'] as const
  house = await open({ streams: [...streams], tuners: 2 }, { XG2G_LINGER: '0s' })
}, 180_000)
beforeEach(async () => {
  // Who comes while a stream is being given up would be seated in it.
  await vi.waitFor(() => expect(house.demo.requests.streamsNow).toBe(0), { timeout: 5000 })
  house.demo.resetRequests()
})
afterAll(async () => {
  await house.close()
  await rm(folder, { recursive: true })
})

/** Three seconds of a channel, as a file. */
async function record(kind: Parameters<House['url']>[0], query = ''): Promise<string> {
  const { status, body } = await ask(house.proxyPort, `/${house.ref(kind)}?duration=3${query}`)
  expect(status).toBe(200)
  const file = inFolder(folder, `${kind}${query.replace(/\W/g, '-')}.ts`)
  writeFileSync(file, body)
  return file
}

async function sound(file: string): Promise<string[]> {
  const entries = [
    '-select_streams',
    'a',
    '-show_entries',
    'stream=codec_name,sample_rate,channels:stream_tags=language',
  ]
  const { stdout } = await execute('ffprobe', ['-v', 'error', ...entries, '-of', 'csv=p=0', file])
  return [...new Set(stdout.trim().split(/\n+/))].filter((line) => line.split(',').length === 4)
}

describe('GET /<service reference>', () => {
  it.each([
    ['mpeg2', ['aac,48000,2,deu']],
    ['h264-1080i', ['aac,48000,2,deu', 'aac,48000,2,deu', 'aac,48000,2,eng']],
    ['radio-mp2', ['aac,48000,2,deu']],
  ] as const)('gives %s with AAC sound that decodes', async (kind, tracks) => {
    const file = await record(kind)
    expect(await sound(file)).toEqual([...new Set(tracks)])
    const { stderr } = await execute('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:a', '-f', 'null', '-'])
    expect(stderr.split('\n').filter((line) => /aac|audio/i.test(line))).toEqual([]) // joined in mid-picture
    expect(house.demo.requests).toMatchObject({
      streamsRefused: 0,
      quickReopens: 0,
      headRequests: 0,
      zaps: 0,
      cutOff: 0,
    })
  })

  it.each([
    ['&audio=mp3&bitrate=128k', ['mp3,48000,2,deu']],
    ['&audio=copy', ['mp2,48000,2,deu']],
    ['&channels=1', ['aac,48000,1,deu']],
  ])('gives the sound that %s asks for', async (query, tracks) => {
    expect(await sound(await record('mpeg2', query))).toEqual(tracks)
  })

  it('is found under every way to write the reference', async () => {
    const ref = house.ref('radio-mp2')
    for (const path of [
      encodeURIComponent(ref),
      ref.slice(0, -1),
      `${ref}:Radio%20Nordlicht`,
      ref.toLowerCase(),
    ]) {
      expect((await ask(house.proxyPort, `/${path}?duration=1`)).status).toBe(200)
    }
    expect(Object.keys(house.demo.requests.streams)).toEqual([ref.slice(0, -1)])
    expect(house.lines.map(({ channel }) => channel)).toEqual(expect.arrayContaining(['Radio Nordlicht']))
  })

  it('asks the receiver where a channel is once, and opens its stream once a viewer', async () => {
    await record('mpeg2')
    const { web, streams } = house.demo.requests
    expect(web.streamm3u ?? 0).toBeLessThanOrEqual(1)
    expect(streams).toEqual({ [house.ref('mpeg2').slice(0, -1)]: 1 })
  })

  it('logs and counts what went through', async () => {
    const before = (await house.metric('xg2g_transcoder_bytes_processed_total{direction="in"}')) ?? 0
    await record('mpeg2')
    const started = house.lines.findLast(({ msg }) => msg === 'stream started')
    expect(started).toMatchObject({
      channel: house.demo.channels.find(({ kind }) => kind === 'mpeg2')?.name,
      engine: 'native',
      firstByteMs: expect.any(Number) as number,
    })
    await vi.waitFor(() => {
      const completed = house.lines.findLast(({ msg }) => msg === 'remuxing stream completed')
      expect(completed).toMatchObject({
        errors: 0,
        bytes_input: expect.any(Number) as number,
        compression_ratio: expect.any(Number) as number,
      })
    })
    expect(house.lines.find(({ msg }) => msg === 'native remuxer initialized')).toMatchObject({
      sample_rate: 48_000,
      channels: 2,
      bitrate: 192_000,
    })
    await vi.waitFor(async () =>
      expect(await house.metric('xg2g_transcoder_bytes_processed_total{direction="in"}')).toBeGreaterThan(
        before + 500_000,
      ),
    )
    expect(await house.metric('xg2g_stream_active_count')).toBe(0)
    expect(await house.metric('xg2g_stream_first_byte_seconds_count')).toBeGreaterThan(0)
    expect(await house.metric('http_requests_total{method="GET",status="200"}')).toBeGreaterThan(0)
  })
})

describe('viewers that join a running stream', () => {
  const joins = 6

  it.each(['mpeg2', 'h264-1080i', 'radio-mp2'] as const)('of %s decode all that they get', async (kind) => {
    const first = viewer(house.proxyPort, `/${house.ref(kind)}`)
    first.resume()
    const came = (bytes: number) =>
      vi.waitFor(() => expect(first.bytesRead).toBeGreaterThan(bytes), { timeout: 20_000 })
    const [begin, apart] = kind === 'radio-mp2' ? [60_000, 5000] : [3_000_000, 150_000]
    const bodies = await Promise.all(
      Array.from({ length: joins }, async (_, join) => {
        await came(begin + join * apart)
        return (await ask(house.proxyPort, `/${house.ref(kind)}?duration=2`)).body
      }),
    )
    first.destroy()
    for (const [join, body] of bodies.entries()) {
      expect(readStream(body)).toMatchObject({ faults: [], breaks: 0 })
      const file = inFolder(folder, `join-${kind}-${join}.ts`)
      writeFileSync(file, withoutLastUnits(body))
      const { stderr } = await execute('ffmpeg', [
        '-v',
        'error',
        '-i',
        file,
        '-map',
        '0:v?',
        '-map',
        '0:a',
        '-f',
        'null',
        '-',
      ])
      expect(stderr).toBe('')
    }
    expect(house.demo.requests.streams).toEqual({ [house.ref(kind).slice(0, -1)]: 1 })
  })
})

describe('the configured sound', () => {
  const api = (path: string) => `http://127.0.0.1:${house.daemon.apiPort}${path}`
  const configure = async (sound: Record<string, string>) => {
    for (const key of Object.keys(house.settings).filter((name) => name.startsWith('XG2G_AUDIO_')))
      Reflect.deleteProperty(house.settings, key)
    Object.assign(house.settings, sound)
    expect((await fetch(api('/api/v1/config/reload'), { method: 'POST' })).status).toBe(200)
  }
  afterAll(() => configure({}))

  it.each([
    [{ XG2G_AUDIO_TRACKS: 'one' }, '', ['aac,48000,2,deu']],
    [{ XG2G_AUDIO_TRACKS: 'one' }, '&tracks=all', ['aac,48000,2,deu', 'aac,48000,2,eng']],
    [{ XG2G_AUDIO_LANGUAGE: 'eng' }, '', ['aac,48000,2,eng']],
    [{ XG2G_AUDIO_LANGUAGE: 'eng,deu' }, '', ['aac,48000,2,eng', 'aac,48000,2,deu']],
    [{ XG2G_AUDIO_LANGUAGE: 'fra' }, '', ['aac,48000,2,deu']],
    [
      { XG2G_AUDIO_CODEC: 'mp3', XG2G_AUDIO_CHANNELS: '1', XG2G_AUDIO_BITRATE: '96k' },
      '',
      ['mp3,48000,1,deu', 'mp3,48000,1,eng'],
    ],
  ])('is that of %j, after a reload, for a query of %j', async (settings, query, tracks) => {
    await configure(settings)
    expect(await sound(await record('h264-1080i', query))).toEqual(tracks)
  })
})

describe('HEAD /<service reference>', () => {
  it('opens no stream at the receiver', async () => {
    const { status, body } = await ask(house.proxyPort, `/${house.ref('mpeg2')}`, 'HEAD')
    expect([status, body.length]).toEqual([200, 0])
    expect(house.demo.requests).toMatchObject({ streams: {}, headRequests: 0, otherRequests: 0 })
  })
})

describe('a receiver that fails', () => {
  const times = 1

  it('is answered with 502 when it refuses in the body', async () => {
    house.demo.faults.add('mpeg2', { kind: 'refuse' }, times)
    const { status, body } = await ask(house.proxyPort, `/${house.ref('mpeg2')}`)
    expect([status, JSON.parse(body.toString())]).toMatchObject([
      502,
      { error: { code: 'UPSTREAM_REFUSED' } },
    ])
  })

  it('is answered with 502 when it sends something else', async () => {
    house.demo.faults.add('mpeg2', { kind: 'text', text: '<html>busy</html>', isAll: true }, times)
    expect((await ask(house.proxyPort, `/${house.ref('mpeg2')}`)).status).toBe(502)
  })

  it.each([false, true])('is connected to again when it drops a stream (hard: %s)', async (isHard) => {
    house.demo.faults.add('mpeg2', { kind: 'drop', afterMs: 1000, isHard }, times)
    const { status, body } = await ask(house.proxyPort, `/${house.ref('mpeg2')}?duration=5`)
    expect(status).toBe(200)
    expect(house.demo.requests.streams).toEqual({ [house.ref('mpeg2').slice(0, -1)]: 2 })
    const { faults, breaks, units } = readStream(body)
    expect(faults).toEqual([])
    expect(breaks).toBeGreaterThan(0)
    for (const times of units.values()) {
      const steps = times.slice(1).map((time, index) => time - times[index]!)
      expect(Math.max(...steps.map(Math.abs))).toBeLessThan(3 * 90_000)
    }
  })

  it('is waited for while it finds the key of a channel', async () => {
    house.demo.faults.add('mpeg2', { kind: 'silence', ms: 1500 }, times)
    expect((await ask(house.proxyPort, `/${house.ref('mpeg2')}?duration=1`)).status).toBe(200)
  })

  it('is not asked when all tuners are taken, and works again when one is free', async () => {
    const first = viewer(house.proxyPort, `/${house.ref('mpeg2')}`)
    const second = viewer(house.proxyPort, `/${house.ref('h264-1080i')}`)
    await Promise.all([read(first, 100_000), read(second, 100_000)])
    const { status, headers, body } = await ask(house.proxyPort, `/${house.ref('radio-mp2')}`)
    expect([status, headers['x-hdhomerun-error'], headers['retry-after']]).toEqual([
      503,
      '805 All Tuners In Use',
      '5',
    ])
    expect(JSON.parse(body.toString())).toMatchObject({ error: { code: 'NO_TUNER' } })
    expect(house.demo.requests.streams).not.toHaveProperty(house.ref('radio-mp2').slice(0, -1))
    expect(house.demo.requests.streamsRefused).toBe(0)
    first.destroy()
    expect((await ask(house.proxyPort, `/${house.ref('radio-mp2')}?duration=1`)).status).toBe(200)
    second.destroy()
    expect(house.demo.requests.quickReopens).toBe(0)
  })
})

describe('a viewer that leaves', () => {
  it('frees its tuner', async () => {
    const client = viewer(house.proxyPort, `/${house.ref('mpeg2')}`)
    await read(client, 100_000)
    expect(house.demo.tuners().flatMap(({ users }) => users)).toHaveLength(1)
    client.destroy()
    await vi.waitFor(() => expect(house.demo.tuners().flatMap(({ users }) => users)).toHaveLength(0))
    expect(house.demo.requests.streamsNow).toBe(0)
  })

  it('does not hurry the receiver when it zaps', async () => {
    for (const kind of ['mpeg2', 'radio-mp2', 'mpeg2'] as const) {
      const client = viewer(house.proxyPort, `/${house.ref(kind)}`)
      await read(client, 10_000)
      client.destroy()
    }
    expect(house.demo.requests.quickReopens).toBe(0)
  })
})
