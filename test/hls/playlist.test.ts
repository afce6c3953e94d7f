import { describe, expect, it } from 'vitest'
import { seeded } from '../../src/demo/dice.ts'
import { mediaPlaylist, type PlaylistView } from '../../src/hls/playlist.ts'
import { Window } from '../../src/hls/window.ts'
import type { PackagedPart } from '../../src/workers/packaging.ts'
import { broadcast, second, take, type BroadcastOptions } from './records.ts'
import { faultsBetween, faultsOf, readPlaylist, rebuild, type ReadPlaylist } from './validator.ts'

const slotTicks = 2 * second
const hour = 3600 * second

function view(window: Window, changes: Partial<PlaylistView> = {}): PlaylistView {
  const { listed, open, discontinuitySequence, isEnded } = window
  return {
    track: 0,
    container: 'ts',
    slotTicks,
    partTicks: second / 5,
    listed,
    open,
    discontinuitySequence,
    isEnded,
    isIndependent: false,
    reports: [],
    startS: undefined,
    ...changes,
  }
}

function text(window: Window, changes: Partial<PlaylistView> = {}, isDelta = false): string {
  return mediaPlaylist(view(window, changes), { query: '', isDelta })
}

/** What is wrong with the playlists that a player sees.
 *  @param every  how many parts come between two reloads */
function watch(
  parts: readonly PackagedPart[],
  { every = 1, ...changes }: Partial<PlaylistView> & { every?: number } = {},
): { faults: string[]; seen: number } {
  let nowMs = 0
  const window = new Window({ slotTicks, listedTicks: 30 * second, now: () => nowMs })
  let before: ReadPlaylist | undefined
  let held: ReadPlaylist | undefined // of a player that asks for what is new alone
  const faults: string[] = []
  let seen = 0
  for (const [index, part] of parts.entries()) {
    window.push(part)
    nowMs += part.duration / 90
    if (window.listed.length === 0 || index % every > 0) continue
    const whole = readPlaylist(text(window, changes))
    const delta = readPlaylist(text(window, changes, true))
    held = held === undefined || delta.skipped === 0 ? whole : rebuild(held, delta)
    faults.push(...faultsOf(whole), ...faultsOf(delta), ...(before ? faultsBetween(before, whole) : []))
    const sameSegments = JSON.stringify(stripped(held)) === JSON.stringify(stripped(whole))
    if (!sameSegments) faults.push(`the delta at ${whole.sequence} leads elsewhere`)
    before = whole
    seen++
    if (faults.length > 0) break
  }
  return { faults, seen }
}

// What has come of a segment's parts is listed for a while only: who has it does not need them.
function stripped({ segments, openParts, sequence, hint }: ReadPlaylist): unknown {
  return { sequence, hint, openParts, segments: segments.map((segment) => ({ ...segment, parts: 0 })) }
}

function hourOf(options: BroadcastOptions = {}): PackagedPart[] {
  return take(broadcast(options), hour)
}

describe('mediaPlaylist', () => {
  it('keeps the rules for an hour in low latency', () => {
    const { faults, seen } = watch(hourOf(), { every: 3 })
    expect(faults).toEqual([])
    expect(seen).toBeGreaterThan(3600)
  })

  it('keeps the rules for an hour without parts', () => {
    const { faults, seen } = watch(hourOf(), { partTicks: undefined, every: 7 })
    expect(faults).toEqual([])
    expect(seen).toBeGreaterThan(2000)
  })

  it.each([1, 2, 3])('keeps the rules with groups of any length, seed %i', (seed) => {
    const dice = seeded(seed)
    const groups = () => 1 + Math.floor(dice() ** 3 * 260)
    expect(watch(take(broadcast({ groups }), hour / 6)).faults).toEqual([])
  })

  it.each([4, 5, 6])('keeps the rules through outages and discontinuities, seed %i', (seed) => {
    const dice = seeded(seed)
    const parts = take(broadcast(), hour / 4)
    let isOut = false
    const damaged = parts.flatMap((part) => {
      if (part.part === 0) isOut = isOut ? dice() < 0.6 : dice() < 0.05
      if (isOut) return dice() < 0.02 ? [part] : []
      return part.part === 0 && dice() < 0.03 ? [{ ...part, isDiscontinuous: true }] : [part]
    })
    expect(damaged.length).toBeLessThan(parts.length)
    // Where a segment is cut off, its last part need not be marked as the last.
    expect(watch(damaged).faults).toEqual([])
  })

  it('keeps the rules while the 33 bits of PTS wrap', () => {
    const startTime = 2 ** 33 * 12 - 60 * second
    expect(watch(take(broadcast({ startTime }), 120 * second)).faults).toEqual([])
  })

  it('is the same on two servers that began at different times', () => {
    const parts = take(broadcast(), 200 * second)
    const [early, late] = [0, 333].map((from) => {
      const window = new Window({ slotTicks, listedTicks: 30 * second, now: () => 0 })
      const first = parts.findIndex(({ part }, index) => index >= from && part === 0)
      for (const part of parts.slice(first)) window.push(part)
      return text(window)
    })
    expect(early).toBe(late)
    expect(readPlaylist(early!).segments.length).toBeGreaterThan(10)
  })

  it('lists gaps for what never came, as long as what is missing', () => {
    const window = new Window({ slotTicks, listedTicks: 30 * second })
    const parts = take(broadcast({ groups: () => 25 }), 20 * second)
    const lost = parts[0]!.msn + 4
    for (const part of parts) if (part.msn !== lost && part.msn !== lost + 1) window.push(part)
    const { segments } = readPlaylist(text(window))
    expect(segments.filter(({ isGap }) => isGap).map(({ msn, duration }) => [msn, duration])).toEqual([
      [lost, 2],
      [lost + 1, 2],
    ])
    expect(segments.find(({ msn }) => msn === lost + 2)).toMatchObject({
      isDiscontinuous: true,
      isGap: false,
    })
    expect(segments.filter(({ isDiscontinuous }) => isDiscontinuous)).toHaveLength(1)
  })

  it('hints at what comes next, in the same segment or in the one after', () => {
    const window = new Window({ slotTicks, listedTicks: 30 * second })
    const hints = take(broadcast(), 10 * second).map((part) => {
      window.push(part)
      return [part, readPlaylist(text(window)).hint] as const
    })
    for (const [index, [, hint]] of hints.slice(0, -1).entries()) {
      const { msn, part } = hints[index + 1]![0]
      expect(hint).toBe(`0/${msn}.${part}.ts`)
    }
  })

  it('says so when nothing more comes, and hints at nothing', () => {
    const window = new Window({ slotTicks, listedTicks: 30 * second })
    for (const part of take(broadcast(), 9 * second)) window.push(part)
    window.end()
    const playlist = readPlaylist(text(window))
    expect(playlist).toMatchObject({ isEnded: true, hint: undefined, openParts: [] })
    expect(faultsOf(playlist)).toEqual([])
  })

  it('names heads before what needs them, and again where they change', () => {
    const window = new Window({ slotTicks, listedTicks: 30 * second })
    const parts = take(broadcast({ groups: () => 25 }), 12 * second)
    const change = parts[0]!.msn + 3
    window.init(Buffer.from('first'))
    for (const part of parts) {
      if (part.msn === change && part.part === 0) {
        window.init(Buffer.from('second'))
        window.break()
      }
      window.push(part)
    }
    const playlist = mediaPlaylist(view(window, { container: 'mp4' }), { query: '?token=a', isDelta: false })
    const { segments } = readPlaylist(playlist)
    const heads = new Set(segments.map(({ map }) => map))
    expect([...heads]).toHaveLength(2)
    for (const { map, msn, isDiscontinuous } of segments) {
      expect(map === segments[0]!.map).toBe(msn < change)
      expect(isDiscontinuous).toBe(msn === change)
      const name = /init-(\w+)\.mp4\?token=a$/.exec(map!)?.[1]
      expect(window.initBytes(name!)?.toString()).toBe(msn < change ? 'first' : 'second')
    }
    expect(playlist.match(/^[^#\n]\S+$/gm)?.every((uri) => uri.endsWith('.m4s?token=a'))).toBe(true)
  })

  it('can be told from one that breaks a rule', () => {
    const window = new Window({ slotTicks, listedTicks: 30 * second })
    for (const part of take(broadcast(), 60 * second)) window.push(part)
    const whole = text(window)
    const broken: readonly (readonly [string | RegExp, string])[] = [
      [/#EXT-X-PRELOAD-HINT.*\n/, ''],
      [/#EXTINF:[\d.]+/, '#EXTINF:4.6'],
      ['HOLD-BACK=12', 'HOLD-BACK=11'],
      ['PART-HOLD-BACK=0.6', 'PART-HOLD-BACK=0.3'],
      [/DURATION=0.2,/, 'DURATION=0.1,'],
      [/#EXT-X-PROGRAM-DATE-TIME.*\n/, ''],
      ['CAN-SKIP-UNTIL=24', 'CAN-SKIP-UNTIL=20'],
      ['VERSION:9', 'VERSION:6'],
    ]
    expect(faultsOf(readPlaylist(whole))).toEqual([])
    for (const [from, to] of broken) {
      const changed = whole.replace(from, to)
      expect(changed).not.toBe(whole)
      expect(faultsOf(readPlaylist(changed)), String(from)).not.toEqual([])
    }
  })
})
