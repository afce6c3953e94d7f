import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pulse } from '../../src/stream/pulse.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('Pulse.next', () => {
  it('calls everything that waits at one beat', async () => {
    const pulse = new Pulse(10)
    const called: string[] = []
    pulse.next(() => called.push('first'))
    await vi.advanceTimersByTimeAsync(6)
    pulse.next(() => called.push('second'))
    await vi.advanceTimersByTimeAsync(3)
    expect(called).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(called).toEqual(['first', 'second'])
  })

  it('waits for the next beat when asked during one', async () => {
    const pulse = new Pulse(10)
    let beats = 0
    const again = () => {
      beats++
      pulse.next(again)
    }
    pulse.next(again)
    await vi.advanceTimersByTimeAsync(35)
    expect(beats).toBe(3)
  })

  it('needs no timer while nothing waits', async () => {
    const pulse = new Pulse(10)
    pulse.next(() => undefined)
    await vi.advanceTimersByTimeAsync(10)
    expect(vi.getTimerCount()).toBe(0)
  })
})
