// Times and amounts as people read them.
import { describe, expect, it } from 'vitest'
import { count, day, duration, passed, rate, size } from '../../../../src/web/page/base/words.ts'

describe('words', () => {
  it.each([
    [320_000, '320 kbit/s'],
    [9_840_000, '9.8 Mbit/s'],
  ])('%i bit/s is %s', (value, expected) => expect(rate(value)).toBe(expected))

  it.each([
    [900, '1 kB'],
    [12_000_000, '12 MB'],
    [1_240_000_000, '1.2 GB'],
    [5e15, '5000 TB'],
  ])('%i bytes are %s', (value, expected) => expect(size(value)).toBe(expected))

  it.each([
    [40, '40 s'],
    [7500, '2 h 5 min'],
    [7200, '2 h'],
    [400_000, '4 days'],
  ])('%i s are %s', (value, expected) => expect(duration(value)).toBe(expected))

  it('counts in singular and plural', () => {
    expect([count(1, 'channel'), count(0, 'channel')]).toEqual(['1 channel', '0 channels'])
  })

  it('calls days by how far they are', () => {
    const noon = new Date(2026, 0, 15, 12).getTime() / 1000
    expect(day(noon, noon)).toBe('Today')
    expect(day(noon + 86_400, noon)).toBe('Tomorrow')
    expect(day(noon + 3 * 86_400, noon)).toMatch(/18/)
  })

  it('knows how much has passed, from none to all', () => {
    const span = { start: 100, stop: 200 }
    expect([50, 125, 500].map((at) => passed(span, at))).toEqual([0, 0.25, 1])
  })
})
