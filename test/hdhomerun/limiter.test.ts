import { describe, expect, it } from 'vitest'
import { Limiter } from '../../src/hdhomerun/limiter.ts'

const plenty = { burst: 1e6, perSecond: 1e6 }

describe('Limiter.take', () => {
  let now = 0
  const limiter = (sender: { burst: number; perSecond: number }, total = plenty) => {
    now = 0
    return new Limiter({ sender, total, now: () => now })
  }
  const taken = (limits: Limiter, sender: string, times: number) =>
    Array.from({ length: times }, () => limits.take(sender)).filter(Boolean).length

  it('allows a burst, then as many as time gives back', () => {
    const limits = limiter({ burst: 5, perSecond: 2 })
    expect(taken(limits, 'a', 20)).toBe(5)
    now = 1000
    expect(taken(limits, 'a', 20)).toBe(2)
    now = 3_600_000
    expect(taken(limits, 'a', 20)).toBe(5)
  })

  it('counts each sender alone', () => {
    const limits = limiter({ burst: 5, perSecond: 2 })
    expect(taken(limits, 'a', 20)).toBe(5)
    expect(taken(limits, 'b', 20)).toBe(5)
  })

  it('allows no more to all of them together, however many they are', () => {
    const limits = limiter({ burst: 5, perSecond: 2 }, { burst: 100, perSecond: 10 })
    const senders = Array.from({ length: 50_000 }, (_, index) => limits.take(`sender ${index}`))
    expect(senders.filter(Boolean)).toHaveLength(100)
  })

  it('lets one sender who asks too often take nothing from the others', () => {
    const limits = limiter({ burst: 5, perSecond: 2 }, { burst: 100, perSecond: 10 })
    taken(limits, 'a', 10_000)
    expect(taken(limits, 'b', 20)).toBe(5)
  })
})
