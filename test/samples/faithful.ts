// What has to be true of every stream that the remuxer is given, as tests of one stream.
import { beforeAll, expect, it } from 'vitest'
import { analyse, changedPids, hear, type Analysis } from './analysis.ts'

export interface Expected {
  /** Each track of sound that can be decoded: PID, codec, what becomes of it. */
  readonly sound: readonly (readonly [pid: number, codec: string, mode: 'transcode' | 'copy'])[]
  /** Tracks that stay as they are because nobody can decode them. */
  readonly scrambled?: readonly number[]
  /** The level is held against what ffmpeg makes with `-c:a aac -ac 2 -b:a 192k`, else against `-ac 2` alone. */
  readonly hasRival?: boolean
  /** There is nothing to hear. */
  readonly isSilent?: boolean
  /** ffmpeg decodes broken frames, here they are silence: this much of the sound has to be the same. */
  readonly alike?: number
  /** Largest difference in level, where it may be more than the usual, with the reason. */
  readonly levelDb?: readonly [limit: number, reason: string]
}

const usualLevelDb = 0.2
const offsetMs = 0.1

/** Defines the tests of one stream of 188-byte packets, made into AAC with the usual settings. */
export function testFaithfulness(expected: Expected, read: () => Promise<Buffer>): void {
  const { sound, scrambled = [], hasRival = false, isSilent = false, alike = 1 } = expected
  const [levelDb] = expected.levelDb ?? [usualLevelDb]
  const pids = sound.map(([pid]) => pid)
  const transcoded = sound.filter(([, , mode]) => mode === 'transcode').map(([pid]) => pid)
  let both: Analysis

  beforeAll(async () => {
    both = await analyse(await read(), {}, hasRival)
  })

  it('makes of each track what it is made for', () => {
    const { tracks, problem } = both.stats
    expect(problem).toBe('')
    const inMode = (isWanted: boolean) => tracks.filter(({ mode }) => (mode === 'scrambled') === isWanted)
    expect(inMode(false).map(({ pid, codec, mode }) => [pid, codec, mode])).toEqual(sound)
    expect(inMode(true).map(({ pid }) => pid)).toEqual(scrambled)
  })

  it('leaves everything but that sound byte for byte', () => {
    expect(changedPids(both)).toEqual(transcoded)
    const { hashes } = both.source.measured
    expect(both.output.measured.hashes).toEqual(hashes)
    expect([...hashes.values()].every((hash) => /^[0-9a-f]{32}$/.test(hash))).toBe(true)
  })

  it('keeps every track in its place, its language and what it is for', () => {
    const { source, output } = both
    const named = ({ tracks }: typeof source) =>
      tracks.map(({ pid, language, flags }) => ({ pid, language, flags }))
    const places = ({ map }: typeof source) => map.entries.map(({ pid }) => pid)
    expect(named(output)).toEqual(named(source))
    expect(places(output)).toEqual(places(source))
  })

  it('makes AAC in two channels at the rate of the source', () => {
    const before = new Map(both.source.tracks.map((track) => [track.pid, track]))
    const made = both.output.tracks.filter(({ pid }) => transcoded.includes(pid))
    expect(made.map(({ pid, codec, channels, rate }) => ({ pid, codec, channels, rate }))).toEqual(
      transcoded.map((pid) => ({ pid, codec: 'aac', channels: 2, rate: before.get(pid)?.rate })),
    )
  })

  it('decodes without an error that the source does not have', () => {
    const { source, output } = both
    expect(output.measured.complaints.length).toBeLessThanOrEqual(source.measured.complaints.length)
  })

  it.skipIf(pids.length === 0 || isSilent)(
    'has the sound where it was and as loud as ffmpeg makes it',
    () => {
      for (const pid of pids) {
        const heard = hear(both, pid)
        expect(heard.windows).toBeGreaterThan(0)
        expect(heard.alike / heard.windows).toBeGreaterThanOrEqual(alike)
        expect(heard.offsetMs).toBeLessThanOrEqual(offsetMs)
        expect(Math.abs(heard.levelDb ?? NaN)).toBeLessThanOrEqual(levelDb)
      }
    },
  )

  it('obeys the rules of a transport stream as far as the source does', () => {
    const { source, output } = both
    const ours = new Set([-1, 0, output.map.pid, ...transcoded])
    const plain = ({ pid, what }: { pid: number; what: string }) => ({ pid, what })
    expect(output.stream.faults.filter(({ pid }) => ours.has(pid))).toEqual([])
    expect(output.stream.faults.map(plain)).toEqual(
      source.stream.faults.filter(({ pid }) => !ours.has(pid) && output.stream.packets.has(pid)).map(plain),
    )
  })
}
