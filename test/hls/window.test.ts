import { describe, expect, it } from 'vitest'
import { Window, type WindowOptions } from '../../src/hls/window.ts'
import type { PackagedPart } from '../../src/workers/packaging.ts'
import { broadcast, second, take } from './records.ts'

const slotTicks = 2 * second
const listedTicks = 12 * second

function play(parts: readonly PackagedPart[], options: Partial<WindowOptions> = {}) {
  let nowMs = 0
  const window = new Window({ slotTicks, listedTicks, now: () => nowMs, ...options })
  let most = 0
  for (const part of parts) {
    nowMs += part.duration / 90
    window.push(part)
    most = Math.max(most, window.heldBytes)
  }
  return { window, most, wait: (ms: number) => void (nowMs += ms) }
}

describe('Window.segment', () => {
  it('is the parts in a row, whole and one by one', () => {
    const parts = take(broadcast({ groups: () => 25 }), 20 * second)
    const { window } = play(parts)
    const { msn } = window.listed.at(-2)!
    const own = parts.filter((part) => part.msn === msn)
    expect(window.segment(msn)?.parts).toEqual(own)
    expect(window.segment(msn)?.durationTicks).toBe(2 * second)
    expect(window.segment(msn)?.bytes).toBe(own.length * 100)
  })

  it('can be had for its own time and that of the longest playlist after it is listed no more', () => {
    const parts = take(broadcast({ groups: () => 25 }), 120 * second)
    const { window } = play(parts)
    const first = window.listed[0]!.msn
    const gone = first - 1
    expect(window.segment(gone)).toBeDefined()
    const longest = window.listed.reduce((all, { durationTicks }) => all + durationTicks, 0)
    const promised = Math.floor((longest + 2 * second) / slotTicks)
    expect(window.segment(first - promised)).toBeDefined()
    expect(window.segment(first - promised - 3)).toBeUndefined()
  })
})

describe('Window.push', () => {
  it('holds as much after an hour as after two minutes', () => {
    const parts = take(broadcast({ groups: () => 25 }), 3600 * second)
    const short = play(parts.slice(0, 600)).most
    expect(play(parts).most).toBeLessThanOrEqual(short + 1000)
  })

  it('never holds more than its memory, whatever it promised', () => {
    const parts = take(broadcast({ bytes: 10_000 }), 300 * second)
    const { most, window } = play(parts, { mostBytes: 500_000 })
    expect(most).toBeLessThanOrEqual(500_000)
    expect(window.listed.length).toBeGreaterThan(1)
    expect(window.segment(window.listed[0]!.msn)).toBeDefined()
  })

  it('takes no part twice, and none of a segment that is over', () => {
    const parts = take(broadcast(), 20 * second)
    const { window } = play(parts)
    const before = window.version
    window.push(parts.at(-1)!)
    window.push(parts.find(({ msn }) => msn === parts.at(-1)!.msn - 1)!)
    expect(window.version).toBe(before)
    expect(window.dropped).toBe(2)
  })

  it('takes no part that would make a segment longer than was announced', () => {
    const parts = take(broadcast({ groups: () => 25 }), 20 * second)
    const { window } = play(parts)
    const [before, next] = [window.listed.length, parts.at(-1)!.msn + 1]
    window.push({ ...parts[0]!, msn: next, part: 0, duration: 1e14 })
    expect(window.dropped).toBe(1)
    window.push({ ...parts[0]!, msn: next, part: 0, isLast: true })
    expect(window.listed).toHaveLength(before + 1)
  })

  it('ends a segment that another packager does not go on with', () => {
    const parts = take(broadcast({ groups: () => 25 }), 6 * second)
    const [open, next] = [parts[0]!.msn + 1, parts[0]!.msn + 2]
    const { window } = play(parts.filter(({ msn, part }) => msn !== open || part < 4))
    const cut = window.listed.find(({ msn }) => msn === open)
    expect(cut?.durationTicks).toBe(0.8 * second)
    expect(window.listed.find(({ msn }) => msn === next)?.isGap).toBe(false)
  })

  it('begins anew where the time line goes back for good', () => {
    const { window } = play(take(broadcast(), 60 * second))
    const [first, ...rest] = take(broadcast({ startTime: 1_000 * second }), 10 * second)
    window.push(first!)
    for (const part of rest) window.push(part)
    expect(window.listed[0]?.msn).toBe(first!.msn)
    expect(window.discontinuitySequence).toBe(0)
  })

  it('lists no more gaps than fill the playlist after a long outage', () => {
    const { window } = play(take(broadcast({ groups: () => 25 }), 30 * second))
    const later = take(broadcast({ groups: () => 25, startTime: 9_000_000 * second }), 4 * second)
    for (const part of later) window.push(part)
    const numbers = window.listed.map(({ msn }) => msn)
    expect(numbers.length).toBeLessThan(12)
    expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
    expect(window.segment(later[0]!.msn)).toBeDefined()
  })
})

describe('Window.hasReached', () => {
  it('is true from the part on, not before', () => {
    const parts = take(broadcast(), 12 * second)
    const window = new Window({ slotTicks, listedTicks })
    for (const part of parts) {
      expect(window.hasReached(part.msn, part.part)).toBe(false)
      window.push(part)
      expect(window.hasReached(part.msn, part.part)).toBe(true)
      expect(window.hasReached(part.msn)).toBe(part.isLast)
    }
  })

  it('takes a part beyond the last for the first of the next segment', () => {
    const parts = take(broadcast(), 12 * second)
    const end = parts.findIndex(({ isLast }, index) => isLast && index > 20)
    const { window } = play(parts.slice(0, end + 1))
    const { msn, part } = parts[end]!
    expect(window.hasReached(msn, part + 1)).toBe(false)
    window.push(parts[end + 1]!)
    expect(window.hasReached(msn, part + 1)).toBe(true)
  })

  it('is true of everything once nothing more comes', () => {
    const { window } = play(take(broadcast(), 12 * second))
    window.end()
    expect(window.hasReached(1e12, 3)).toBe(true)
  })
})
