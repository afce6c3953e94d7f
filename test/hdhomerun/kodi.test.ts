// Kodi with pvr.hdhomerun, on a host of its own beside that of a daemon, which it has to find by itself.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hasKodi, startKodi, type Kodi } from '../e2e/kodi.ts'
import type { LineupEntry } from './house.ts'
import { connect, hasNamespaces, Host } from './namespace.ts'

const addon = 'pvr.hdhomerun'
const isReady = hasKodi(addon) && hasNamespaces
if (!hasKodi(addon)) process.stderr.write('SKIPPED: Kodi is not installed (kodi, kodi-pvr-hdhomerun, xvfb)\n')

const address = '10.77.0.1'
const ledgerPort = 5900

interface Entry {
  readonly channelid: number
  readonly label: string
}

describe.skipIf(!isReady)('Kodi with pvr.hdhomerun', () => {
  let host: Host
  let kodi: Kodi
  const closers: (() => Promise<void>)[] = []
  const get = async (port: number, path: string) => {
    const text = await host.run('curl', '-fsS', `http://${address}:${port}${path}`)
    return JSON.parse(text) as unknown
  }
  const lineup = async () => (await get(5004, '/lineup.json')) as LineupEntry[]
  const streamsAsked = async () =>
    ((await get(ledgerPort, '/')) as { streams: Record<string, number> }).streams

  beforeAll(async () => {
    host = new Host('kodi')
    closers.push(() => host.close())
    const server = new Host('daemon')
    closers.push(() => server.close())
    connect('lan0', [
      [server, `${address}/24`],
      [host, '10.77.0.2/24'],
    ])
    const program = 'test/hdhomerun/television.ts'
    server.start(process.execPath, program, address, String(ledgerPort), 'mpeg2', 'latm', 'radio-mp2')
    await vi.waitFor(lineup, { timeout: 60_000, interval: 250 })
    kodi = await startKodi({ addon, host })
    closers.push(() => kodi.close())
  }, 240_000)
  afterAll(async () => {
    for (const close of closers.reverse()) await close()
  })

  const entries = async () =>
    ((await kodi.ask('PVR.GetChannels', { channelgroupid: 'alltv' })) as { channels: Entry[] }).channels
  const play = async (name: string) => {
    const { channelid } = (await entries()).find(({ label }) => label === name)!
    await kodi.ask('Player.Open', { item: { channelid } })
    await vi.waitFor(
      async () => {
        const shown = await kodi.labels('VideoPlayer.ChannelName', 'Player.Time', 'VideoPlayer.AudioCodec')
        expect(shown['VideoPlayer.ChannelName']).toBe(name)
        expect(shown['VideoPlayer.AudioCodec']).toBe('aac')
        expect(Number(shown['Player.Time'].split(':').at(-1))).toBeGreaterThanOrEqual(3)
      },
      { timeout: 60_000, interval: 500 },
    )
  }

  it('finds the tuner and lists its channels', async () => {
    const names = (await lineup()).map(({ GuideName }) => GuideName)
    await vi.waitFor(async () => expect((await entries()).map(({ label }) => label)).toEqual(names), {
      timeout: 30_000,
      interval: 500,
    })
  }, 60_000)

  it('plays a channel, however often it opens it, from one stream of the receiver', async () => {
    await play('Nostalgie TV')
    expect(Object.values(await streamsAsked())).toEqual([1])
    const tuners = (await get(5004, '/status.json')) as { VctName?: string }[]
    expect(tuners.map(({ VctName }) => VctName)).toEqual(['Nostalgie TV', undefined, undefined, undefined])
  }, 90_000)

  it('zaps', async () => {
    await play('Küstenkanal')
    await play('Nostalgie TV')
    const tuners = (await get(5004, '/status.json')) as { VctName?: string }[]
    expect(tuners.filter(({ VctName }) => VctName !== undefined)).toHaveLength(1)
  }, 180_000)
})
