// Where moments lie in the guide's grid.
import { describe, expect, it } from 'vitest'
import { axisOf, moment, nearest, place, ticks } from '../../../../src/web/page/guide/axis.ts'

const noon = 1_760_000_400

describe('axisOf', () => {
  const axis = axisOf(noon, 300)

  it('is the whole day that holds the moment, in this time zone', () => {
    expect(new Date(axis.from * 1000).getHours()).toBe(0)
    expect(axis.from).toBeLessThanOrEqual(noon)
    expect(axis.to).toBeGreaterThan(noon)
    expect(axis.to - axis.from).toBe(86_400)
  })

  it('places moments and finds them again', () => {
    expect(place(axis, axis.from)).toBe(0)
    expect(place(axis, axis.from + 1800)).toBe(150)
    expect(moment(axis, place(axis, noon))).toBe(noon)
  })

  it('keeps what begins the day before at its edge', () => {
    expect(place(axis, axis.from - 7200)).toBe(0)
    expect(place(axis, axis.to + 7200)).toBe(place(axis, axis.to))
  })

  it('has a tick each half hour, the end of the day excluded', () => {
    const all = ticks(axis)
    expect(all).toHaveLength(48)
    expect(all.at(-1)).toBe(axis.to - 1800)
  })
})

describe('nearest', () => {
  const spans = [
    { start: 0, stop: 100 },
    { start: 100, stop: 200 },
    { start: 300, stop: 400 },
  ]

  it.each([
    [0, 0],
    [99, 0],
    [100, 1],
    [210, 1],
    [290, 2],
    [5000, 2],
    [-50, 0],
  ])('at %i is number %i', (at, expected) => {
    expect(nearest(spans, at)).toBe(expected)
  })

  it('is none where there is nothing', () => {
    expect(nearest([], 5)).toBe(-1)
  })
})
