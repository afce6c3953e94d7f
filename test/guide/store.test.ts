import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LineupChannel } from '../../src/guide/lineup.ts'
import type { StoredProgramme } from '../../src/guide/programme.ts'
import { Store } from '../../src/guide/store.ts'

let folder: string
let store: Store
const file = (): string => join(folder, 'guide.sqlite')
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xg2g-store-'))
  store = Store.open(file())
  store.setLineup([channel('a', 1), channel('b', 2)])
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const channel = (id: string, number: number): LineupChannel => ({
  id,
  number,
  name: id,
  ref: id,
  groups: [],
  isRadio: false,
  isHd: false,
  picon: false,
})
const programme = (start: number, stop: number, title = `Um ${start}`): StoredProgramme => ({
  id: start,
  start,
  stop,
  title,
  subtitle: '',
  description: `Text ${start}`,
  genre: 0x11,
  episode: { season: 1, number: start, total: undefined },
})
const times = (id = 'a') => store.programmes(id, 0, 1e9).map(({ start, stop }) => [start, stop])

describe('Store.update', () => {
  it('keeps programmes with all that is known of them', () => {
    expect(store.update('a', [programme(10, 20, 'Übung')])).toBe(true)
    expect(store.programmes('a', 0, 100)).toEqual([
      {
        channelId: 'a',
        id: 10,
        start: 10,
        stop: 20,
        title: 'Übung',
        subtitle: undefined,
        description: 'Text 10',
        categories: ['Drama', 'Thriller', 'Series'],
        episode: { season: 1, number: 10, total: undefined },
      },
    ])
    expect(store.programmes('b', 0, 100)).toEqual([])
  })

  it('says whether anything changed', () => {
    store.update('a', [programme(10, 20), programme(20, 30)])
    expect(store.update('a', [programme(10, 20), programme(20, 30)])).toBe(false)
    expect(store.update('a', [programme(10, 20), programme(20, 30, 'Anders')])).toBe(true)
    expect(store.update('a', [])).toBe(false)
    expect(store.update('unbekannt', [programme(1, 2)])).toBe(false)
  })

  it('replaces what lies between first and last, and leaves what was before and comes after', () => {
    store.update('a', [
      programme(0, 10),
      programme(10, 20),
      programme(20, 30),
      programme(30, 40),
      programme(40, 50),
    ])
    store.update('a', [programme(12, 22), programme(22, 30)])
    expect(times()).toEqual([
      [0, 10],
      [12, 22],
      [22, 30],
      [30, 40],
      [40, 50],
    ])
    store.update('a', [programme(12, 22)], 40)
    expect(times()).toEqual([
      [0, 10],
      [12, 22],
      [40, 50],
    ])
  })

  it('takes back what is searched for as well', () => {
    store.update('a', [programme(10, 20, 'Der alte Titel')])
    store.update('a', [programme(10, 20, 'Neu')])
    expect(store.search('alte', 0, 10)).toEqual([])
    expect(store.search('neu', 0, 10)).toHaveLength(1)
  })
})

describe('Store.nowNext', () => {
  it.each([
    [5, undefined, 10],
    [10, 10, 20],
    [19, 10, 20],
    [20, 20, 40],
    [30, undefined, 40],
    [45, 40, undefined],
    [50, undefined, undefined],
  ])('at %d: %s, then %s', (at, now, next) => {
    store.update('a', [programme(10, 20), programme(20, 30), programme(40, 50)])
    const found = store.nowNext('a', at)
    expect([found.now?.start, found.next?.start]).toEqual([now, next])
  })
})

describe('Store.expire', () => {
  it('forgets what has ended, some at a time', () => {
    store.update(
      'a',
      Array.from({ length: 250 }, (_, index) => programme(index * 10, index * 10 + 10)),
    )
    expect(store.expire(2400)).toBe(true)
    expect(store.expire(2400)).toBe(false)
    expect(times()[0]![1]).toBeGreaterThanOrEqual(2400)
    expect(store.search('text', 0, 1000)).toHaveLength(times().length)
  })
})

describe('Store.search', () => {
  it('finds all words without accents, soonest first, on all channels', () => {
    store.update('a', [programme(30, 40, 'Die Küche am Meer')])
    store.update('b', [programme(10, 20, 'Küche und Meer'), programme(20, 30, 'Küche')])
    expect(store.search('kuche mee', 0, 10).map(({ channelId }) => channelId)).toEqual(['b', 'a'])
    expect(store.search('kuche mee', 20, 10).map(({ channelId }) => channelId)).toEqual(['a'])
  })

  it.each(['"', "'; DROP TABLE programme", 'a OR b', '*', 'NEAR(a b)', 'title:a', '\0', 'x'.repeat(10_000)])(
    'takes any text: %.20s',
    (text) => {
      expect(Array.isArray(store.search(text, 0, 10))).toBe(true)
      expect(store.counts(0).programmes).toBe(0)
    },
  )
})

describe('Store.open', () => {
  it('has everything after a restart', () => {
    store.update('a', [programme(10, 20)])
    store.setAge('a', 77)
    store.close()
    store.close()
    store = Store.open(file())
    expect(store.lineup().map(({ id }) => id)).toEqual(['a', 'b'])
    expect(store.numbers()).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect(store.ages()).toEqual(
      new Map([
        ['a', 77],
        ['b', 0],
      ]),
    )
    expect(times()).toEqual([[10, 20]])
  })

  it('makes a damaged file anew, and one of another version', () => {
    store.close()
    writeFileSync(file(), 'no database at all, and long enough to be looked at'.repeat(100))
    store = Store.open(file())
    expect(store.lineup()).toEqual([])
  })

  it('keeps numbers of channels that are not in the lineup any more', () => {
    store.setLineup([channel('b', 2)])
    expect(store.numbers().get('a')).toBe(1)
  })
})
