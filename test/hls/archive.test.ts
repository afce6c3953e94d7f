import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Archives } from '../../src/hls/archive.ts'
import { broadcast, picture, second, take } from './records.ts'
import { openHouse, type FakePackaging, type HlsHouse } from './standin.ts'
import { faultsOf, readPlaylist } from './validator.ts'

const main = 'main-ts-2000-200'
let house: HlsHouse

afterEach(async () => {
  await house.close()
})

async function open(mostMs = 600_000, mostBytes = 1e9): Promise<string> {
  let folder = ''
  house = await openHouse({
    archives: (base) => new Archives((folder = join(base, 'dvr')), { mostMs, mostBytes }),
  })
  return folder
}

async function play(seconds: number): Promise<{ maker: FakePackaging; parts: ReturnType<typeof take> }> {
  const answer = house.text('dvr.m3u8')
  await vi.waitFor(() => expect(house.packagings).toHaveLength(1))
  const maker = house.packagings[0]!
  const parts = take(broadcast({ groups: () => 25 }), seconds * second)
  maker.give({ kind: 'tracks', tracks: [picture] }, ...parts)
  expect(await answer).toContain(`${main}/0.dvr.m3u8`)
  return { maker, parts }
}

async function archived(count: number, query = ''): Promise<ReturnType<typeof readPlaylist>> {
  return await vi.waitFor(async () => {
    const playlist = readPlaylist(await house.text(`${main}/0.dvr.m3u8${query}`))
    expect(playlist.segments).toHaveLength(count)
    return playlist
  })
}

describe('GET dvr.m3u8', () => {
  it('leads to all that was sent, long after it left the live playlist', async () => {
    await open()
    const { parts } = await play(300)
    const playlist = await archived(parts.filter(({ isLast }) => isLast).length)
    expect(faultsOf(playlist)).toEqual([])
    expect(playlist.partTarget).toBeUndefined()
    expect(playlist.segments.length).toBeGreaterThan(100)
    const own = parts.filter(({ msn }) => msn === playlist.sequence)
    const answer = await house.ask(`${main}/${playlist.segments[0]!.uri}`)
    expect(answer.headers.get('content-type')).toBe('video/mp2t')
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.concat(own.map(({ bytes }) => bytes)))
  })

  it('lets a player begin where it is asked to', async () => {
    await open()
    await play(20)
    expect(await house.text(`${main}/0.dvr.m3u8?start=-15`)).toContain('\n#EXT-X-START:TIME-OFFSET=-15\n')
    expect(await house.text('dvr.m3u8?start=0')).toContain(`${main}/0.dvr.m3u8?start=0`)
    expect((await house.ask(`${main}/0.dvr.m3u8?start=x`)).status).toBe(400)
  })

  it('waits for the next segment, and leaves out what the client has', async () => {
    await open()
    const { maker, parts } = await play(100)
    const whole = await archived(parts.filter(({ isLast }) => isLast).length)
    const msn = whole.segments.at(-1)!.msn + 1
    const answer = house.text(`${main}/0.dvr.m3u8?_HLS_msn=${msn}&_HLS_skip=YES`)
    await vi.waitFor(() => expect(house.sessions.waiting).toBe(1))
    maker.give(...take(broadcast({ groups: () => 25 }), 104 * second).slice(parts.length))
    const delta = readPlaylist(await answer)
    expect(delta.segments.at(-1)?.msn).toBe(msn)
    expect(delta.skipped).toBeGreaterThan(20)
    expect(delta.skipped + delta.segments.length).toBe(whole.segments.length + 1)
  })

  it('reaches so far back and no further, on disk as well', async () => {
    const folder = await open(60_000)
    await play(300)
    const { segments, sequence } = await archived(30)
    expect(sequence).toBe(segments[0]!.msn)
    await vi.waitFor(() => expect(readdirSync(join(folder, '1'))).toHaveLength(30))
  })

  it('takes so much space and no more', async () => {
    await open(600_000, 20_000)
    await play(300)
    const { segments } = await archived(20) // of 10 parts of 100 bytes
    expect(segments).toHaveLength(20)
  })

  it('leaves nothing behind, nor what an earlier run has left', async () => {
    const folder = await open()
    mkdirSync(join(folder, '9'), { recursive: true })
    writeFileSync(join(folder, '9', '0-1'), 'old')
    new Archives(folder, { mostMs: 1000, mostBytes: 1000 })
    expect(existsSync(join(folder, '9'))).toBe(false)
    await play(20)
    await house.sessions.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is 404 where it is switched off', async () => {
    house = await openHouse()
    const answer = await house.ask('dvr.m3u8')
    expect(answer.status).toBe(404)
    expect(await answer.text()).toContain('XG2G_HLS_DVR')
    expect((await house.ask(`${main}/0.dvr.m3u8`)).status).toBe(404)
    expect(house.packagings).toEqual([])
  })
})
