import { afterEach, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import type { RunningStream } from '../../src/stream/feeds.ts'
import { broadcast, picture, second, sound, take } from './records.ts'
import { channel, openHouse, type FakePackaging, type HlsHouse } from './standin.ts'
import { attributes, faultsOf, readPlaylist } from './validator.ts'

const main = 'main-ts-2000-200'
let house: HlsHouse

afterEach(async () => {
  await house.close()
})

async function packaging(number = 0): Promise<FakePackaging> {
  await vi.waitFor(() => expect(house.packagings.length).toBeGreaterThan(number))
  return house.packagings[number]!
}

/** Begins a channel and gives it some seconds of broadcast. */
async function play(seconds = 10, number = 0, path = 'index.m3u8', groups = 25): Promise<FakePackaging> {
  const answer = house.text(path)
  const maker = await packaging(number)
  maker.give(
    { kind: 'tracks', tracks: [picture] },
    ...take(broadcast({ groups: () => groups }), seconds * second),
  )
  await answer
  return maker
}

const seatOf = (number: number): RunningStream => ({
  id: `seat-${number}`,
  channel: 'Das Erste',
  client: '',
  startedAt: new Date(),
  engine: 'native',
  audio: 'aac',
  bytesIn: 376,
  bytesSent: 188,
  bitrate: 10_000_000,
  lag: 0,
  skips: 0,
  clients: 1,
  joins: 1,
  errors: 0,
  reconnects: 0,
})

describe('Sessions', () => {
  it('give a channel up some time after the last request, and its seat back', async () => {
    house = await openHouse({ limits: { lingerMs: 60 } })
    const maker = await play()
    await vi.waitFor(() => expect(house.feeds.left).toEqual(house.feeds.seats))
    expect(maker.isClosed).toBe(true)
  })

  it('begin anew for who goes on after that', async () => {
    house = await openHouse({ limits: { lingerMs: 60 } })
    await play()
    await vi.waitFor(() => expect(house.feeds.left).toHaveLength(1))
    await play(10, 1, `${main}/0.m3u8`)
    expect(house.feeds.joined).toHaveLength(2)
  })

  it('keep a channel while a request waits for what comes', async () => {
    house = await openHouse({ limits: { lingerMs: 60 } })
    const answer = house.text('index.m3u8')
    const maker = await packaging()
    const since = performance.now()
    await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(200))
    expect(house.feeds.left).toEqual([])
    maker.give({ kind: 'tracks', tracks: [picture] }, ...take(broadcast(), 4 * second))
    expect(await answer).toContain('#EXTM3U')
  })

  it('are so many at most', async () => {
    house = await openHouse({ limits: { mostSessions: 1 } })
    await play()
    const answer = await fetch(`http://127.0.0.1:${house.port}/hls/1-other/index.m3u8`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: { code: 'LIMIT_REACHED' } })
    expect(answer.headers.get('retry-after')).toBe('5')
  })

  it('go on with another packager where one is lost, behind a discontinuity', async () => {
    house = await openHouse()
    const parts = take(broadcast({ groups: () => 25 }), 30 * second)
    const first = house.text('index.m3u8')
    const maker = await packaging()
    maker.give({ kind: 'tracks', tracks: [picture] }, ...parts.slice(0, 74))
    await first
    maker.fail(new AppError('WORKER_DIED'))
    const again = await packaging(1)
    // It begins before what came last, as it has to find an access point.
    again.give({ kind: 'tracks', tracks: [picture] }, ...parts.slice(60))
    await vi.waitFor(async () => {
      const playlist = readPlaylist(await house.text(`${main}/0.m3u8`))
      expect(faultsOf(playlist)).toEqual([])
      expect(playlist.segments.at(-1)?.msn).toBe(parts.at(-1)!.msn)
      expect(playlist.segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toHaveLength(1)
      const uris = playlist.segments.map(({ uri }) => uri)
      expect(new Set(uris).size).toBe(uris.length)
    })
  })

  it('give up where one packager after the other is lost', async () => {
    house = await openHouse()
    const answer = house.ask('index.m3u8')
    for (let number = 0; number < 6; number++) (await packaging(number)).fail(new AppError('WORKER_DIED'))
    expect((await answer).status).toBe(502)
    expect(house.feeds.left).toHaveLength(1)
  })

  it('take longer segments once a channel was seen to need them, and remember it', async () => {
    house = await openHouse({ limits: { lingerMs: 60 } })
    await play(40, 0, 'index.m3u8', 125) // 5 s between access points
    await vi.waitFor(() => expect(house.feeds.left).toHaveLength(1))
    await play(10, 1, 'index.m3u8', 125)
    expect(house.packagings[1]!.options.slotTicks).toBe(6 * second)
    await house.lore.close()
  })

  it('offer the broadcast’s own surround sound beside the configured one, once they have seen it', async () => {
    house = await openHouse({ isCurious: true })
    await play()
    const scout = await packaging(1)
    expect(house.feeds.joined.map(({ profile }) => profile.audio)).toEqual(['aac', 'copy'])
    const stereo = { ...picture, codecs: 'avc1.640028,mp4a.40.33' }
    const surround = { ...sound, language: 'deu', codecs: 'ac-3', channels: 6 }
    scout.give({ kind: 'tracks', tracks: [stereo, surround] })
    await vi.waitFor(() => expect(scout.isClosed).toBe(true))
    const lines = (await house.text('index.m3u8')).trim().split('\n')
    const streams = lines.filter((line) => line.includes('STREAM-INF')).map(attributes)
    expect(streams.map(({ CODECS, AUDIO }) => [CODECS, AUDIO])).toEqual([
      ['avc1.640028,mp4a.40.2', undefined],
      ['avc1.640028,mp4a.40.33,ac-3', 'original'],
    ])
    expect(lines.at(-1)).toBe('original-ts-2000-200/0.m3u8')
    expect(house.packagings).toHaveLength(2)
    await play(10, 2, 'original-ts-2000-200/0.m3u8')
    expect(house.feeds.joined.at(-1)?.profile.audio).toBe('copy')
  })

  it('list viewers in place of their own seats', async () => {
    house = await openHouse()
    await play()
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.1'])
      await (await house.ask(`${main}/0.m3u8`, { headers: { 'X-Client': client } })).text()
    const others = { ...seatOf(7), id: 'ts-viewer' }
    const list = house.sessions.expand([others, seatOf(1)])
    expect(list.map(({ client }) => client)).toEqual(['', '127.0.0.1', '192.0.2.1', '192.0.2.2'])
    expect(list.slice(1).every(({ channel: name, clients }) => name === 'Das Erste' && clients === 3)).toBe(
      true,
    )
    expect(list[2]!.bytesSent).toBeGreaterThan(list[3]!.bytesSent)
  })

  it('end one viewer and nobody else', async () => {
    house = await openHouse()
    await play()
    const from = (client: string) => house.ask(`${main}/0.m3u8`, { headers: { 'X-Client': client } })
    expect((await from('192.0.2.1')).status).toBe(200)
    expect((await from('192.0.2.2')).status).toBe(200)
    const { id } = house.sessions.expand([seatOf(1)]).find(({ client }) => client === '192.0.2.1')!
    expect(house.sessions.end(id)).toBe(true)
    expect(house.sessions.end(id)).toBe(false)
    expect((await from('192.0.2.1')).status).toBe(403)
    expect((await from('192.0.2.2')).status).toBe(200)
  })

  it('have room for so many viewers', async () => {
    house = await openHouse({ limits: { mostClients: 2 } })
    await play()
    const statuses: number[] = []
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.1'])
      statuses.push((await house.ask(`${main}/0.m3u8`, { headers: { 'X-Client': client } })).status)
    expect(statuses).toEqual([200, 503, 200])
  })

  it('cost one packager for five hundred viewers', async () => {
    house = await openHouse({ limits: { mostClients: 1000 } })
    const maker = await play()
    const { openParts, segments } = readPlaylist(await house.text(`${main}/0.m3u8`))
    const msn = segments.at(-1)!.msn + 1
    const query = `${main}/0.m3u8?_HLS_msn=${msn}&_HLS_part=${openParts.length}`
    const answers = Array.from({ length: 500 }, (_, viewer) =>
      house.ask(query, { headers: { 'X-Client': `10.0.${viewer >> 8}.${viewer & 255}` } }),
    )
    await vi.waitFor(() => expect(house.sessions.waiting).toBe(500), { timeout: 20_000 })
    const next = broadcast({ groups: () => 25 })
    for (let part = next.next().value; ; part = next.next().value)
      if (part.msn === msn && part.part === openParts.length) {
        maker.give(part)
        break
      }
    const texts = new Set(await Promise.all(answers.map(async (answer) => await (await answer).text())))
    expect(texts.size).toBe(1)
    expect(house.packagings).toHaveLength(1)
    expect(house.feeds.joined).toHaveLength(1)
  })

  it('end what waits when they are closed', async () => {
    house = await openHouse()
    const answer = house.ask('index.m3u8')
    await packaging()
    await house.sessions.close()
    expect((await answer).status).toBe(503)
    expect(house.feeds.left).toHaveLength(1)
    expect((await house.ask(`${main}/0.m3u8`)).status).toBe(503)
  })

  it('know a channel by its own name in each address', async () => {
    house = await openHouse()
    await play()
    expect((await fetch(`http://127.0.0.1:${house.port}/hls/1-other/${main}/0/1.ts`)).status).toBe(404)
    expect((await house.ask(`${main}/0/1.ts`)).status).toBe(404)
    expect(
      house.sessions.find(channel, { sound: 'main', container: 'ts', slotMs: 2000, partMs: 200 }),
    ).toBeDefined()
  })
})
