import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Budget } from '../../src/receiver/budget.ts'

describe('Budget.run', () => {
  it('lets one request through at a time, those somebody waits for first', async () => {
    const budget = new Budget({ idlePauseMs: 0 })
    const order: string[] = []
    let running = 0
    const request = (name: string) => async () => {
      expect(++running).toBe(1)
      await turn()
      running--
      order.push(name)
    }
    await Promise.all([
      budget.run('guide', request('guide 1')),
      budget.run('guide', request('guide 2')),
      budget.run('viewer', request('viewer 1')),
      budget.run('viewer', request('viewer 2')),
    ])
    expect(order).toEqual(['viewer 1', 'viewer 2', 'guide 1', 'guide 2'])
  })

  it('goes on after a request that failed', async () => {
    const budget = new Budget()
    await expect(budget.run('viewer', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(budget.run('viewer', () => Promise.resolve(1))).resolves.toBe(1)
  })

  it('pauses behind a request of the guide, longer while streams run', async () => {
    let streams = 0
    const budget = new Budget({ idlePauseMs: 20, streamPauseMs: 60, streams: () => streams })
    const timed = async () => {
      const startedAt = performance.now()
      await budget.run('guide', () => Promise.resolve())
      return performance.now() - startedAt
    }
    await timed()
    expect(await timed()).toBeGreaterThan(15)
    streams = 1
    await timed()
    expect(await timed()).toBeGreaterThan(50)
  })

  it('ends with its signal while it pauses', async () => {
    const budget = new Budget({ idlePauseMs: 60_000 })
    await budget.run('guide', () => Promise.resolve())
    const abort = new AbortController()
    const waiting = budget.run('guide', () => Promise.resolve(), abort.signal)
    abort.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('refuses a flood', async () => {
    const budget = new Budget()
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const waiting = Array.from({ length: 257 }, () => budget.run('viewer', () => promise))
    await expect(budget.run('viewer', () => promise)).rejects.toMatchObject({ code: 'RECEIVER_TIMEOUT' })
    resolve(undefined)
    await Promise.all(waiting)
  })
})
