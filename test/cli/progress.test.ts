import { describe, expect, it } from 'vitest'
import { StreamClock } from '../../src/cli/progress.ts'
import type { Mark, RemuxStats, TrackStats } from '../../src/workers/native.ts'

const mark = (pts: number): Mark => ({ offset: 0, pts, pcr: -1, kind: 'idr' })
const stats = (...tracks: Partial<TrackStats>[]) => ({ tracks }) as unknown as RemuxStats

describe('StreamClock', () => {
  it.each([
    ['steps', [0, 45_000, 90_000], 1],
    ['a wrap of the clock', [2 ** 33 - 90_000, 90_000], 2],
    ['marks without a time', [0, -1, 90_000], 1],
    ['a jump, which does not count', [0, 90_000, 900_000_000, 900_090_000], 2],
    ['nothing', [], 0],
  ])('measures %s', (_, times, seconds) => {
    const clock = new StreamClock()
    clock.add(times.map(mark))
    expect(clock.seconds(stats())).toBe(seconds)
  })

  it('measures the sound where there is more of it', () => {
    const clock = new StreamClock()
    clock.add([0, 90_000].map(mark))
    const aac = { mode: 'transcode', target: 'aac', framesOut: 469, rate: 48_000 } as const
    const mp3 = { ...aac, target: 'mp3', framesOut: 500 }
    expect(clock.seconds(stats(aac))).toBeCloseTo(10.005, 3)
    expect(clock.seconds(stats(aac, mp3, { mode: 'copy', framesOut: 10_000, rate: 48_000 }))).toBe(12)
    expect(clock.seconds(stats({ ...mp3, rate: 24_000 }))).toBe(12)
    expect(clock.seconds(stats({ ...aac, rate: 0 }))).toBe(1)
  })
})
