import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { gunzipSync } from 'node:zlib'
import { get } from 'node:http'
import { AppError } from '../../src/base/errors.ts'
import type { PackagedPart, PackagedTrack } from '../../src/workers/packaging.ts'
import { broadcast, picture, second, sound, take } from './records.ts'
import { channel, openHouse, type FakePackaging, type HlsHouse } from './standin.ts'
import { attributes, faultsOf, readPlaylist } from './validator.ts'

const kind = { sound: 'main', container: 'ts', slotMs: 2000, partMs: 200 } as const
const main = 'main-ts-2000-200'
let house: HlsHouse

beforeEach(async () => {
  house = await openHouse()
})
afterEach(async () => {
  await house.close()
})

/** The packager that has been begun. */
async function packaging(number = 0): Promise<FakePackaging> {
  await vi.waitFor(() => expect(house.packagings.length).toBeGreaterThan(number))
  return house.packagings[number]!
}

/** Plays so much of a broadcast, and returns what comes next. */
async function play(
  seconds: number,
  tracks: readonly PackagedTrack[] = [picture],
): Promise<{ rest: Iterator<PackagedPart, never, undefined>; parts: PackagedPart[]; maker: FakePackaging }> {
  const first = house.text('index.m3u8')
  const maker = await packaging()
  const rest = broadcast({ groups: () => 25 })
  const parts = take(rest, seconds * second)
  maker.give({ kind: 'tracks', tracks })
  for (const { track } of tracks.slice(1)) maker.give(...take(broadcast({ track }), seconds * second))
  maker.give(...parts)
  await first
  return { rest, parts, maker }
}

/** Resolves when so many requests wait for what comes. */
function held(count: number): Promise<void> {
  return vi.waitFor(() => expect(house.sessions.waiting).toBe(count))
}

describe('GET index.m3u8', () => {
  it('is held until the first segment is whole, and begins one packager for all who wait', async () => {
    const answers = [1, 2, 3].map(() => house.ask('index.m3u8'))
    const maker = await packaging()
    const parts = take(broadcast(), 3 * second)
    const end = parts.findIndex(({ isLast }) => isLast)
    maker.give({ kind: 'tracks', tracks: [picture] }, ...parts.slice(0, end))
    await held(3)
    const { session } = house.sessions.find(channel, kind)!
    await vi.waitFor(() => expect(session.tracks.get(0)?.window.open?.parts).toHaveLength(end))
    await held(3)
    maker.give(parts[end]!)
    for (const answer of answers) expect((await answer).status).toBe(200)
    expect(house.packagings).toHaveLength(1)
    expect(house.feeds.joined).toHaveLength(1)
  })

  it('says what there is: codecs, size, rate, languages', async () => {
    const described = { ...sound, isDescription: true, track: 2, language: 'deu' }
    await play(10, [picture, sound, described])
    const answer = await house.ask('index.m3u8?token=a%20b')
    expect(answer.headers.get('content-type')).toBe('application/vnd.apple.mpegurl')
    expect(answer.headers.get('cache-control')).toBe('public, max-age=30')
    const lines = (await answer.text()).split('\n')
    const [stream] = lines.filter((line) => line.startsWith('#EXT-X-STREAM-INF:'))
    const { BANDWIDTH, 'AVERAGE-BANDWIDTH': average, ...rest } = attributes(stream!)
    expect(rest).toEqual({
      CODECS: 'avc1.640028,mp4a.40.2',
      RESOLUTION: '1920x1080',
      'FRAME-RATE': '25.000',
      AUDIO: 'main',
    })
    expect(Number(BANDWIDTH)).toBeGreaterThanOrEqual(Number(average))
    expect(lines.at(-2)).toBe(`${main}/0.m3u8?token=a+b`)
    const sounds = lines.filter((line) => line.startsWith('#EXT-X-MEDIA:')).map(attributes)
    expect(sounds.map(({ LANGUAGE, NAME, DEFAULT, URI }) => [LANGUAGE, NAME, DEFAULT, URI])).toEqual([
      ['de', 'Deutsch', 'YES', undefined],
      ['en', 'English', 'NO', `${main}/1.m3u8?token=a+b`],
      ['de', 'Deutsch (audio description)', 'NO', `${main}/2.m3u8?token=a+b`],
    ])
    expect(sounds[2]?.CHARACTERISTICS).toBe('public.accessibility.describes-video')
  })

  it('says of radio that it has no picture', async () => {
    const radio = { ...sound, track: 0 }
    await play(10, [radio])
    const stream = (await house.text('index.m3u8')).split('\n').find((line) => line.includes('STREAM-INF'))!
    expect(Object.keys(attributes(stream))).toEqual(['BANDWIDTH', 'AVERAGE-BANDWIDTH', 'CODECS'])
  })

  it('goes over to fMP4 for HEVC, and begins with it the next time', async () => {
    const answer = house.text('index.m3u8')
    const hevc = { ...picture, codecs: 'hvc1.1.6.L123.B0,mp4a.40.2' }
    ;(await packaging()).give({ kind: 'tracks', tracks: [hevc] }, ...take(broadcast(), 4 * second))
    const second_ = await packaging(1)
    expect(second_.options.container).toBe('mp4')
    second_.give({ kind: 'tracks', tracks: [hevc] }, { kind: 'init', track: 0, bytes: Buffer.from('moov') })
    second_.give(...take(broadcast(), 4 * second))
    expect(await answer).toContain('main-mp4-2000-200/0.m3u8')
    expect(house.lore.get(channel).container).toBe('mp4')
    const list = readPlaylist(await house.text('main-mp4-2000-200/0.m3u8'))
    const head = await house.ask(`main-mp4-2000-200/${list.segments[0]!.map!}`)
    expect(head.headers.get('content-type')).toBe('video/mp4')
    expect(await head.text()).toBe('moov')
  })

  it('asks nothing of a receiver for HEAD', async () => {
    const answer = await house.ask('index.m3u8', { method: 'HEAD' })
    expect(answer.status).toBe(200)
    expect(house.feeds.joined).toHaveLength(0)
  })

  it('says why nothing comes', async () => {
    house.feeds.refusal = new AppError('NO_TUNER', { reason: 'All 4 tuners are in use' })
    const answer = await house.ask('index.m3u8')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.json()).toMatchObject({ error: { code: 'NO_TUNER' } })
    // The next one tries again.
    house.feeds.refusal = undefined
    await play(4)
    expect((await house.ask('index.m3u8')).status).toBe(200)
  })

  it.each([
    [`nothing/index.m3u8`, 404],
    [`${channel}/other.m3u8`, 404],
    [`${channel}/main-ts-2000-333/0.m3u8`, 404],
    [`${channel}/main-ts-3000-200/0.m3u8`, 404],
    [`${channel}/main-ts-90000-200/0.m3u8`, 404],
    [`${channel}/${main}/0/12.ts`, 404],
    [`${channel}/index.m3u8?container=mkv`, 400],
    [`${channel}/index.m3u8?x=${'y'.repeat(600)}`, 400],
  ])('answers %s with %i and tunes to nothing', async (path, status) => {
    const answer = await fetch(`http://127.0.0.1:${house.port}/hls/${path}`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(house.feeds.joined).toHaveLength(0)
  })
})

describe('GET a media playlist', () => {
  it('is one that keeps the rules, compressed for those who can', async () => {
    await play(30)
    const text = await house.text(`${main}/0.m3u8`)
    expect(faultsOf(readPlaylist(text))).toEqual([])
    const raw = await new Promise<Buffer>((resolve, reject) => {
      const url = `http://127.0.0.1:${house.port}/hls/${channel}/${main}/0.m3u8`
      get(url, { headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('end', () => resolve(Buffer.concat(pieces)))
      }).on('error', reject)
    })
    expect(raw.length).toBeLessThan(text.length / 3)
    expect(gunzipSync(raw).toString()).toBe(text)
  })

  it('is 304 for who has it', async () => {
    await play(10)
    const answer = await house.ask(`${main}/0.m3u8`)
    const etag = answer.headers.get('etag')!
    const again = await house.ask(`${main}/0.m3u8`, { headers: { 'If-None-Match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  it('waits for a part, and answers all who wait with it and not before', async () => {
    const { rest, maker, parts } = await play(9.9)
    const { msn, part } = parts.at(-1)!
    const query = `${main}/0.m3u8?_HLS_msn=${msn}&_HLS_part=${part + 1}&token=x`
    const answers = Array.from({ length: 50 }, () => house.text(query))
    await held(50)
    const next = rest.next().value
    maker.give(next)
    for (const answer of await Promise.all(answers)) {
      const { openParts, segments, hint } = readPlaylist(answer)
      const newest = openParts.at(-1) ?? segments.at(-1)!.parts.at(-1)!
      expect(newest.uri).toBe(`0/${next.msn}.${next.part}.ts?token=x`)
      expect(hint).not.toContain('_HLS')
    }
  })

  it('waits for a whole segment where no part is named', async () => {
    const { rest, maker, parts } = await play(9.9)
    const last = parts.at(-1)!
    const msn = last.msn + (last.isLast ? 1 : 0)
    const answer = house.text(`${main}/0.m3u8?_HLS_msn=${msn}`)
    let next: PackagedPart
    do {
      await held(1)
      next = rest.next().value
      maker.give(next)
    } while (!next.isLast)
    expect(readPlaylist(await answer).segments.at(-1)?.msn).toBe(msn)
  })

  it('is cached by what was waited for', async () => {
    const { parts } = await play(10)
    const cache = async (path: string) => (await house.ask(path)).headers.get('cache-control')
    expect(await cache(`${main}/0.m3u8?_HLS_msn=${parts[0]!.msn}`)).toBe('public, max-age=24')
    expect(await cache(`${main}/0.m3u8`)).toBe('public, max-age=1, stale-while-revalidate=1')
    expect(await cache(`${main}/0/${parts[0]!.msn}.ts`)).toBe('public, max-age=3600, immutable')
  })

  it.each([
    ['_HLS_part=1', 400],
    ['_HLS_msn=99999999999', 400],
    ['_HLS_msn=x', 400],
    ['_HLS_msn=LAST&_HLS_part=60', 400],
    ['_HLS_skip=maybe', 400],
    ['_HLS_msn=1', 200],
    ['_HLS_skip=YES', 200],
  ])('answers ?%s with %i', async (query, status) => {
    const { parts } = await play(10)
    const asked = query.replace('LAST', String(parts.at(-1)!.msn))
    expect((await house.ask(`${main}/0.m3u8?${asked}`)).status).toBe(status)
  })

  it('tells where to begin, where the groups of pictures are longer than the segments', async () => {
    const index = house.text('index.m3u8')
    const maker = await packaging()
    const parts = take(broadcast({ groups: () => 208 }), 20 * second)
    maker.give({ kind: 'tracks', tracks: [picture] }, ...parts)
    await index
    const start = /#EXT-X-START:TIME-OFFSET=(.*)/.exec(await house.text(`${main}/0.m3u8`))
    const begin = parts.findLast(({ part, isIndependent }) => part === 0 && isIndependent)
    const last = parts.at(-1)!
    expect(Number(start?.[1])).toBeCloseTo((begin!.time - last.time - last.duration) / second, 4)
  })

  it('leaves that to the player elsewhere', async () => {
    await play(10)
    expect(await house.text(`${main}/0.m3u8`)).not.toContain('EXT-X-START')
  })

  it('leaves out what the client has', async () => {
    await play(60)
    const delta = readPlaylist(await house.text(`${main}/0.m3u8?_HLS_skip=YES`))
    const whole = readPlaylist(await house.text(`${main}/0.m3u8`))
    expect(delta.skipped).toBeGreaterThan(0)
    expect(delta.skipped + delta.segments.length).toBe(whole.segments.length)
  })

  it('reports how far the other tracks are', async () => {
    await play(10, [picture, sound])
    const { last } = house.sessions
      .find(channel, {
        sound: 'main',
        container: 'ts',
        slotMs: 2000,
        partMs: 200,
      })!
      .session.tracks.get(1)!.window
    const { reports } = readPlaylist(await house.text(`${main}/0.m3u8`))
    expect(reports).toEqual([
      { URI: '1.m3u8', 'LAST-MSN': String(last!.msn), 'LAST-PART': String(last!.part) },
    ])
  })

  it('begins a session where a player goes on after a restart', async () => {
    const answer = house.text(`${main}/0.m3u8`)
    ;(await packaging()).give({ kind: 'tracks', tracks: [picture] }, ...take(broadcast(), 6 * second))
    expect(faultsOf(readPlaylist(await answer))).toEqual([])
  })

  it('is 404 for a track that there is none of', async () => {
    await play(10)
    expect((await house.ask(`${main}/7.m3u8`)).status).toBe(404)
  })

  it('ends when the feed has ended, with all that came', async () => {
    const { parts } = await play(10)
    const { msn, part } = parts.at(-1)!
    const waiting = house.text(`${main}/0.m3u8?_HLS_msn=${msn}&_HLS_part=${part + 1}`)
    await held(1)
    house.packagings[0]!.close()
    expect(readPlaylist(await waiting)).toMatchObject({ isEnded: true, hint: undefined })
    expect((await house.ask(`${main}/0/${parts[0]!.msn}.ts`)).status).toBe(200)
    expect(house.feeds.left).toHaveLength(1)
  })
})

describe('GET a segment or part', () => {
  it('is the bytes of its parts in a row', async () => {
    const { parts } = await play(10)
    const { msn } = parts.find(({ isLast }) => isLast)!
    const own = parts.filter((part) => part.msn === msn)
    const answer = await house.ask(`${main}/0/${msn}.ts`)
    expect(answer.headers.get('content-type')).toBe('video/mp2t')
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.concat(own.map(({ bytes }) => bytes)))
    for (const { part, bytes } of own)
      expect(Buffer.from(await (await house.ask(`${main}/0/${msn}.${part}.ts`)).arrayBuffer())).toEqual(bytes)
  })

  it('holds a request for the part that was hinted at', async () => {
    const { rest, maker } = await play(10)
    const { hint } = readPlaylist(await house.text(`${main}/0.m3u8`))
    const answer = house.ask(`${main}/${hint!}`)
    await held(1)
    const next = rest.next().value
    maker.give(next)
    expect(Buffer.from(await (await answer).arrayBuffer())).toEqual(next.bytes)
  })

  it('is 404 for a part that was hinted at and never came', async () => {
    const { rest, maker } = await play(10)
    const { hint } = readPlaylist(await house.text(`${main}/0.m3u8`))
    const answer = house.ask(`${main}/${hint!}`)
    await held(1)
    const later = take(rest, 12 * second)
    maker.give(...later.slice(later.findIndex(({ part }, index) => part === 0 && index > 15)))
    expect((await answer).status).toBe(404)
  })

  it('is 404 at once for one that is further ahead', async () => {
    const { parts } = await play(10)
    const { msn } = parts.at(-1)!
    const ahead = await house.ask(`${main}/0/${msn + 1}.3.ts`)
    expect([ahead.status, ahead.headers.get('cache-control')]).toEqual([404, 'no-store'])
    expect((await house.ask(`${main}/0/${msn + 5}.ts`)).status).toBe(404)
  })

  it('does not keep a place for a client that has gone', async () => {
    await play(10)
    const { hint } = readPlaylist(await house.text(`${main}/0.m3u8`))
    const gone = new AbortController()
    const answer = house.ask(`${main}/${hint!}`, { signal: gone.signal })
    await held(1)
    gone.abort()
    await expect(answer).rejects.toThrow()
    await held(0)
  })
})
