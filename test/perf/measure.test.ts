import { describe, expect, it } from 'vitest'
import { interleaved, mean, percentile, slope, spreadOf } from '../../perf/measure.ts'

describe('percentile', () => {
  it.each([
    [[5], 50, 5],
    [[3, 1, 2], 50, 2],
    [[4, 1, 3, 2], 50, 2.5],
    [[10, 20, 30, 40, 50], 0, 10],
    [[10, 20, 30, 40, 50], 100, 50],
    [[10, 20, 30, 40, 50], 95, 48],
    [[10, 9, 100, 8], 25, 8.75],
  ])('of %j at %d is %d', (values, percent, expected) => {
    expect(percentile(values, percent)).toBeCloseTo(expected, 12)
  })

  it('is no number of no values, and infinite where most never came', () => {
    expect(percentile([], 50)).toBeNaN()
    expect(percentile([1, Infinity, Infinity], 50)).toBe(Infinity)
  })

  it('leaves the values in their order', () => {
    const values = [3, 1, 2]
    percentile(values, 50)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('spreadOf', () => {
  it('has the middle and both ends', () => {
    expect(spreadOf([7, 3, 5])).toEqual({ median: 5, least: 3, most: 7, count: 3 })
  })
})

describe('slope', () => {
  it('is that of a line, whatever lies around it evenly', () => {
    const points = [0, 1, 2, 3].map((x) => ({ x, y: 4 + 1.5 * x + (x === 1 || x === 2 ? 0.3 : -0.3) }))
    expect(slope(points)).toBeCloseTo(1.5, 12)
  })
})

describe('mean', () => {
  it('is the sum over the count', () => {
    expect(mean([1, 2, 6])).toBe(3)
  })
})

describe('interleaved', () => {
  it('measures each contender once in each round', async () => {
    const seen: string[] = []
    const values = await interleaved(['a', 'b', 'c'], 4, (name, round) => {
      seen.push(name)
      return Promise.resolve(`${name}${round}`)
    })
    expect(values).toEqual({ a: letters('a'), b: letters('b'), c: letters('c') })
    for (let round = 0; round < 4; round++) {
      expect(seen.slice(3 * round, 3 * round + 3).sort()).toEqual(['a', 'b', 'c'])
    }
  })
})

function letters(name: string): string[] {
  return [0, 1, 2, 3].map((round) => `${name}${round}`)
}
