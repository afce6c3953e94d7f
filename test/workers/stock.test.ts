import { describe, expect, it } from 'vitest'
import { Stock, mostSpareBytes } from '../../src/workers/stock.ts'

describe('Stock.take', () => {
  it('gives as much as is asked for, also nothing', () => {
    const stock = new Stock()
    for (const bytes of [0, 1, 4096, 4097, 1_000_000]) {
      const taken = stock.take(bytes)
      expect(taken).toHaveLength(bytes)
      stock.give(taken)
      expect(stock.take(bytes)).toHaveLength(bytes)
    }
  })

  it('gives the memory again that was given back', () => {
    const stock = new Stock()
    const first = stock.take(100_000)
    stock.give(first)
    const second = stock.take(90_000)
    expect(second.buffer).toBe(first.buffer)
    expect(stock.spareBytes).toBe(0)
  })

  it('never gives the same memory twice', () => {
    const stock = new Stock()
    stock.give(stock.take(5000))
    const [one, other] = [stock.take(5000), stock.take(5000)]
    expect(one.buffer).not.toBe(other.buffer)
  })

  it('takes the smallest that fits, and new memory where all are far too large', () => {
    const stock = new Stock()
    const [large, small] = [stock.take(400_000), stock.take(100_000)]
    stock.give(large)
    stock.give(small)
    expect(stock.take(90_000).buffer).toBe(small.buffer)
    expect(stock.take(90_000).buffer).not.toBe(large.buffer)
    expect(stock.take(300_000).buffer).toBe(large.buffer)
  })
})

describe('Stock.give', () => {
  it('keeps the latest where all would be too much', () => {
    const stock = new Stock()
    const taken = Array.from({ length: 20 }, () => stock.take(1024 * 1024))
    for (const bytes of taken) stock.give(bytes)
    expect(stock.spareBytes).toBe(mostSpareBytes)
    expect(stock.take(1024 * 1024).buffer).toBe(taken[4]!.buffer)
  })
})
