import { afterEach, describe, expect, it, vi } from 'vitest'
import { Scan } from '../../src/hdhomerun/scan.ts'

afterEach(() => vi.useRealTimers())

describe('Scan', () => {
  it('goes on from look to look, and is over', () => {
    let begun = 0
    const scan = new Scan(() => begun++)
    expect(scan.look()).toBeUndefined()
    scan.start()
    scan.start()
    expect(begun).toBe(1)
    expect([1, 2, 3, 4, 5, 6].map(() => scan.look())).toEqual([0, 20, 40, 60, 80, undefined])
    scan.start()
    expect(begun).toBe(2)
  })

  it('ends when it is told to', () => {
    const scan = new Scan(() => undefined)
    scan.start()
    scan.abort()
    expect(scan.look()).toBeUndefined()
  })

  it('ends after a minute although nobody looks', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const scan = new Scan(() => undefined)
    scan.start()
    vi.advanceTimersByTime(60_000)
    expect(scan.look()).toBeUndefined()
  })
})
