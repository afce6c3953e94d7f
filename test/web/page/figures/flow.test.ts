// Counts of bytes as curves.
import { describe, expect, it } from 'vitest'
import { Flow } from '../../../../src/web/page/figures/flow.ts'

describe('Flow', () => {
  it('makes bit/s of bytes', () => {
    const flow = new Flow()
    flow.count(100, 1000)
    expect(flow.rate).toBeUndefined()
    flow.count(102, 3000)
    expect(flow.rate).toBe(8000)
    expect(flow.curve).toEqual({ times: [102], rates: [8000] })
  })

  it('takes a count that shrinks as a new beginning', () => {
    const flow = new Flow()
    flow.count(0, 5000)
    flow.count(1, 100)
    expect(flow.curve.rates).toEqual([])
    flow.count(2, 200)
    expect(flow.rate).toBe(800)
  })

  it('keeps five minutes at most', () => {
    const flow = new Flow()
    for (let second = 0; second < 1000; second += 2) flow.count(second, second * 1000)
    expect(flow.curve.times).toHaveLength(150)
    expect(flow.curve.times.at(-1)).toBe(998)
  })
})
