import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Spacing } from '../../src/stream/spacing.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

// What became of a turn: undefined while it waits.
function watch(turn: Promise<boolean>) {
  const state: { result?: boolean } = {}
  void turn.then((result) => (state.result = result))
  return state
}

const never = new AbortController().signal

describe('Spacing.turn', () => {
  it('does not wait before anything was closed', async () => {
    expect(await new Spacing().turn('box', 750, never)).toBe(true)
  })

  it('waits out the distance to the last close of the same receiver', async () => {
    const spacing = new Spacing()
    spacing.closed('box')
    const waiting = watch(spacing.turn('box', 750, never))
    const other = watch(spacing.turn('other', 750, never))
    await vi.advanceTimersByTimeAsync(749)
    expect([waiting.result, other.result]).toEqual([undefined, true])
    await vi.advanceTimersByTimeAsync(2)
    expect(waiting.result).toBe(true)
  })

  it('counts from a close that comes while it waits, but not for ever', async () => {
    const spacing = new Spacing({ longestWaitMs: 2000 })
    spacing.closed('box')
    const waiting = watch(spacing.turn('box', 750, never))
    for (let ms = 0; ms < 1900; ms += 100) {
      await vi.advanceTimersByTimeAsync(100)
      spacing.closed('box')
    }
    expect(waiting.result).toBeUndefined()
    await vi.advanceTimersByTimeAsync(101)
    expect(waiting.result).toBe(true)
  })

  it('ends when nobody waits any more', async () => {
    const spacing = new Spacing()
    const abort = new AbortController()
    spacing.closed('box')
    const waiting = spacing.turn('box', 750, abort.signal)
    abort.abort()
    expect(await waiting).toBe(false)
    expect(await spacing.turn('box', 750, abort.signal)).toBe(false)
  })
})
