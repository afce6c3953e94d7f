// Kodi with pvr.iptvsimple in front of a running daemon: channels, guide, television and radio.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { open, type House } from './house.ts'
import { hasKodi, simpleSettings, startKodi, type Kodi } from './kodi.ts'

const addon = 'pvr.iptvsimple'
if (!hasKodi(addon))
  process.stderr.write('SKIPPED: Kodi is not installed (kodi, kodi-pvr-iptvsimple, xvfb)\n')

interface Entry {
  readonly channelid: number
  readonly channelnumber: number
  readonly label: string
  readonly broadcastnow?: Broadcast
  readonly broadcastnext?: Broadcast
}
interface Broadcast {
  readonly title: string
  readonly starttime: string
  readonly endtime: string
}
interface Channel {
  readonly id: string
  readonly number: number
  readonly name: string
  readonly isRadio: boolean
}
interface Programme {
  readonly title: string
  readonly start: number
  readonly stop: number
}
interface OnAir {
  readonly channelId: string
  readonly now?: Programme
  readonly next?: Programme
}

describe.skipIf(!hasKodi(addon))('Kodi', () => {
  let house: House
  let kodi: Kodi
  let channels: readonly Channel[]
  const at = (path: string) => `http://127.0.0.1:${house.daemon.apiPort}${path}`
  const json = async <T>(path: string) => (await (await fetch(at(path))).json()) as T

  beforeAll(async () => {
    house = await open({ streams: ['mpeg2', 'radio-mp2', 'mono-44k1'] })
    await vi.waitFor(async () => expect((await fetch(at('/xmltv.xml'))).status).toBe(200), {
      timeout: 15_000,
    })
    channels = (await json<{ channels: Channel[] }>('/api/v1/channels')).channels
    kodi = await startKodi({ addon, settings: simpleSettings(at('/playlist.m3u'), at('/xmltv.xml')) })
  }, 240_000)
  afterAll(async () => {
    await kodi.close()
    await house.close()
  })

  const entries = async (group: 'alltv' | 'allradio') => {
    const properties = ['channelnumber', 'broadcastnow', 'broadcastnext']
    const answer = await kodi.ask('PVR.GetChannels', { channelgroupid: group, properties })
    return (answer as { channels: Entry[] }).channels
  }
  const allEntries = async () => [...(await entries('alltv')), ...(await entries('allradio'))]
  const play = async (name: string) => {
    const { channelid } = (await allEntries()).find(({ label }) => label === name)!
    await kodi.ask('Player.Open', { item: { channelid } })
  }
  // Player.Time is what was really played, from 00:00 at the start.
  const plays = (decoded: Record<string, string>) =>
    vi.waitFor(
      async () => {
        expect(await kodi.labels(...Object.keys(decoded))).toEqual(decoded)
        const { 'Player.Time': time } = await kodi.labels('Player.Time')
        expect(Number(time.split(':').at(-1))).toBeGreaterThanOrEqual(3)
      },
      { timeout: 60_000, interval: 250 },
    )

  it('lists all channels under their names and numbers, radio apart', async () => {
    for (const [group, isRadio] of [
      ['alltv', false],
      ['allradio', true],
    ] as const) {
      const listed = (await entries(group)).map(({ channelnumber, label }) => [channelnumber, label])
      const ours = channels.filter((channel) => channel.isRadio === isRadio)
      expect(listed).toEqual(ours.map(({ number, name }) => [number, name]))
    }
  })

  it('knows what is on now and next, and when', async () => {
    const timeOf = (unixS: number) => new Date(unixS * 1000).toISOString().slice(0, 19).replace('T', ' ')
    const told = (programme: Programme | undefined) =>
      programme && { title: programme.title, from: timeOf(programme.start), to: timeOf(programme.stop) }
    const shown = (broadcast: Broadcast | undefined) =>
      broadcast && { title: broadcast.title, from: broadcast.starttime, to: broadcast.endtime }
    await vi.waitFor(
      async () => {
        const { channels: rows } = await json<{ channels: OnAir[] }>('/api/v1/epg')
        const withGuide = rows.filter(({ next }) => next !== undefined)
        expect(withGuide.length).toBeGreaterThan(1)
        const listed = await allEntries()
        for (const { channelId, now, next } of withGuide) {
          const { name } = channels.find(({ id }) => id === channelId)!
          const entry = listed.find(({ label }) => label === name)
          expect([shown(entry?.broadcastnow), shown(entry?.broadcastnext)]).toEqual([told(now), told(next)])
        }
        // The receiver knows nothing of it.
        expect(listed.find(({ label }) => label === 'Mono Lokal')?.broadcastnow?.title).toBe('Mono Lokal')
      },
      { timeout: 30_000, interval: 500 },
    )
  }, 60_000)

  it('plays television with sound as AAC', async () => {
    await play('Nostalgie TV')
    await plays({
      'Player.Process(videodecoder)': 'ff-mpeg2video',
      'Player.Process(audiodecoder)': 'ff-aac',
      'Player.Process(audiochannels)': 'FL, FR',
      'Player.Process(audiosamplerate)': '48,000',
    })
    const properties = ['live', 'speed', 'currentaudiostream', 'currentvideostream']
    expect(await kodi.ask('Player.GetProperties', { playerid: 1, properties })).toMatchObject({
      live: true,
      speed: 1,
      currentaudiostream: { codec: 'aac', language: 'ger' },
      currentvideostream: { codec: 'mpeg2video', width: 720, height: 576 },
    })
  }, 90_000)

  it('plays radio', async () => {
    await play('Radio Nordlicht')
    await plays({ 'MusicPlayer.Codec': 'aac', 'MusicPlayer.Channels': '2', 'MusicPlayer.SampleRate': '48' })
  }, 90_000)

  it('finds no fault with playlist, guide and streams', () => {
    const faults = kodi
      .log()
      .filter((line) => line.includes(' error <') && /pvr|epg|demux|curl|ffmpeg|codec/i.test(line))
      .filter((line) => !line.includes('/picons/')) // a channel without a logo: 404
    expect(faults).toEqual([])
  })
})
