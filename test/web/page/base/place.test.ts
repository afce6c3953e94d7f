// What the address bar says, read and written.
import { describe, expect, it } from 'vitest'
import { formatPlace, parsePlace, type Place } from '../../../../src/web/page/base/place.ts'

const cases: readonly (readonly [string, Place])[] = [
  ['#/', { view: 'live' }],
  [
    '#/channel/1-0-19-132F-3EF-1-C00000.enigma2',
    { view: 'live', channel: '1-0-19-132F-3EF-1-C00000.enigma2' },
  ],
  ['#/channel/a%2Fb%20c', { view: 'live', channel: 'a/b c' }],
  ['#/guide', { view: 'guide' }],
  ['#/figures', { view: 'figures' }],
  ['#/system', { view: 'system' }],
]

describe('a place', () => {
  it.each(cases)('%s', (hash, place) => {
    expect(parsePlace(hash)).toEqual(place)
    expect(formatPlace(place)).toBe(hash)
  })

  it.each(['', '#', '#/nowhere', '#/channel/'])('%j is the list', (hash) => {
    expect(parsePlace(hash)).toEqual({ view: 'live' })
  })

  it('takes a broken escape as it is', () => {
    expect(parsePlace('#/channel/%E0%A4')).toEqual({ view: 'live', channel: '%E0%A4' })
  })
})
