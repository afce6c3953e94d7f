import { describe, expect, it } from 'vitest'
import { channels } from '../../src/demo/channels.ts'
import { Guide } from '../../src/demo/guide.ts'
import { channelOf } from './signal/loops.ts'

const monday = Date.UTC(2026, 9, 19) / 1000 // the week in which summer time ends
const week = 7 * 86_400

describe('Guide.events', () => {
  it('are the same for the same seed, and others for another', () => {
    const events = (seed: number): unknown => new Guide(seed).events(channelOf('hevc'), monday, monday + week)
    expect(events(1)).toEqual(events(1))
    expect(events(1)).not.toEqual(events(2))
  })

  it('follow one another without a gap, whatever part is asked for', () => {
    const guide = new Guide(1)
    const all = guide.events(channelOf('h264-1080i'), monday, monday + week)
    for (const [index, { begin, durationSec }] of all.entries()) {
      expect(durationSec).toBeGreaterThan(0)
      if (index > 0) expect(begin).toBe(all[index - 1]!.begin + all[index - 1]!.durationSec)
    }
    const middle = all[Math.floor(all.length / 2)]!
    const part = guide.events(channelOf('h264-1080i'), middle.begin, middle.begin + 1)
    expect(part).toEqual([middle])
  })

  it('cross midnight and the end of summer time', () => {
    const all = new Guide(1).events(channelOf('radio-mp2'), monday, monday + week)
    const crosses = (moment: number): boolean =>
      all.some(({ begin, durationSec }) => begin < moment && begin + durationSec > moment)
    const midnights = Array.from({ length: 6 }, (_, day) => monday + (day + 1) * 86_400)
    expect(midnights.filter(crosses).length).toBeGreaterThan(0)
    expect(all.some(({ begin, durationSec }) => begin + durationSec > Date.UTC(2026, 9, 25, 1) / 1000)).toBe(
      true,
    )
  })

  it('have gaps and overlaps on one channel', () => {
    const all = new Guide(1).events(channelOf('mpeg2'), monday, monday + week)
    const pauses = all.slice(1).map(({ begin }, index) => begin - all[index]!.begin - all[index]!.durationSec)
    expect(pauses.filter((pause) => pause > 0).length).toBeGreaterThan(5)
    expect(pauses.filter((pause) => pause < 0).length).toBeGreaterThan(5)
  })

  it('are absent in four ways', () => {
    const guide = new Guide(1)
    const absences = channels.map((channel) => guide.absence(channel))
    expect(new Set(absences)).toEqual(new Set([undefined, 'empty', 'nulls', 'not-available', 'zero-dates']))
    expect(guide.events(channelOf('switching'), monday, monday + week)).toEqual([])
  })
})
