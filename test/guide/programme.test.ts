import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrange } from '../../src/guide/programme.ts'
import type { EventRow } from '../../src/receiver/event.ts'

const base: EventRow = {
  id: 1,
  start: 1_700_000_000,
  durationS: 3600,
  title: 'Film',
  short: '',
  long: '',
  ref: '1:0:1:1:1:1:C00000:0:0:0:',
  name: 'A',
  genre: undefined,
}
const at = (minute: number, minutes: number, more: Partial<EventRow> = {}): EventRow => ({
  ...base,
  id: minute + 1,
  start: base.start + minute * 60,
  durationS: minutes * 60,
  title: `Um ${minute}`,
  ...more,
})
/** Minutes from the beginning: when each starts and stops. */
const times = (events: EventRow[]) =>
  arrange(events).map(({ start, stop }) => [(start - base.start) / 60, (stop - base.start) / 60])

describe('arrange', () => {
  it.each([
    [
      'sorts',
      [at(60, 30), at(0, 60)],
      [
        [0, 60],
        [60, 90],
      ],
    ],
    [
      'leaves gaps',
      [at(0, 10), at(30, 10)],
      [
        [0, 10],
        [30, 40],
      ],
    ],
    [
      'ends a programme early where the next begins a little before',
      [at(0, 62), at(60, 30)],
      [
        [0, 60],
        [60, 90],
      ],
    ],
    [
      'ends it early also where they overlap by much, but neither is inside the other',
      [at(0, 90), at(60, 90)],
      [
        [0, 60],
        [60, 150],
      ],
    ],
    [
      'drops what is inside another',
      [at(0, 120), at(30, 30), at(120, 10)],
      [
        [0, 120],
        [120, 130],
      ],
    ],
    ['takes a time once', [at(0, 60), at(0, 30)], [[0, 60]]],
    [
      'fills a missing length up to the next',
      [at(0, 0), at(45, 15)],
      [
        [0, 45],
        [45, 60],
      ],
    ],
    ['assumes half an hour for the last one without length', [at(0, 0)], [[0, 30]]],
    [
      'drops what has no title, no begin or a negative length',
      [at(0, 10, { title: ' \u0086 ' }), at(10, -5), { ...base, start: 0 }, at(20, 10, { title: 'N/A' })],
      [],
    ],
  ])('%s', (_, events, expected) => expect(times(events)).toEqual(expected))

  it('of two at one time keeps the one with an id, then the one with more to say', () => {
    const [kept] = arrange([at(0, 60, { id: undefined, long: 'Viel Text' }), at(0, 60, { id: 7 })])
    expect(kept!.id).toBe(7)
    const [longer] = arrange([at(0, 60, { title: 'A' }), at(0, 60, { title: 'A', long: 'Mehr' })])
    expect(longer!.description).toBe('Mehr')
  })

  it('makes one of a programme that was moved while it ran', () => {
    expect(times([at(0, 60, { id: 5, title: 'A' }), at(2, 61, { id: 5, title: 'A' })])).toEqual([[0, 63]])
  })

  it.each([
    ['Film', 'Spielfilm', 'Ein Mann ...', 'Spielfilm', 'Ein Mann ...'],
    ['Film', 'Ein Mann', 'Ein Mann geht', '', 'Ein Mann geht'],
    ['Film der Woche', 'Film', 'Text', '', 'Text'],
    [
      'Auf Streife',
      'Neffe in Gefahr\nD 2022\nab 12',
      'Ein Auto.',
      'Neffe in Gefahr',
      'D 2022\nab 12\nEin Auto.',
    ],
    ['Film', 'x'.repeat(200), 'Text', '', `${'x'.repeat(200)}\nText`],
    ['Film', 'x'.repeat(200), '', '', 'x'.repeat(200)],
    ['Film', 'N/A', 'N/A', '', ''],
    ['Film', 'Eins\u008aZwei', '', 'Eins', 'Zwei'],
  ])('%s / %s / %s', (title, short, long, subtitle, description) => {
    expect(arrange([at(0, 10, { title, short, long })])).toMatchObject([{ title, subtitle, description }])
  })

  it('gives for any events programmes in order that do not overlap', () => {
    const event = fc.record({
      id: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      start: fc.integer({ min: -10, max: 400 }),
      durationS: fc.integer({ min: -10, max: 200 }),
      title: fc.constantFrom('', 'A', 'B', 'N/A', '\u0001'),
      short: fc.string({ maxLength: 5 }),
      long: fc.string({ maxLength: 5 }),
      ref: fc.constant(''),
      name: fc.constant(''),
      genre: fc.option(fc.integer(), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        let end = 0
        for (const { start, stop, title } of arrange(events)) {
          expect(start).toBeGreaterThanOrEqual(end)
          expect(stop).toBeGreaterThan(start)
          expect(title).not.toBe('')
          end = stop
        }
      }),
    )
  })
})
