import { beforeEach, describe, expect, it } from 'vitest'
import { Breaker, type BreakerState } from '../../src/stream/breaker.ts'

let now: number
let turns: BreakerState[]
let breaker: Breaker

beforeEach(() => {
  now = 1_000_000
  turns = []
  breaker = new Breaker({ now: () => now, onChange: (state) => turns.push(state) })
})

function fail(times: number): void {
  for (let time = 0; time < times; time++) breaker.enter()?.failed()
}

/** Fails three times and waits until it may be tried again. */
function trial() {
  fail(3)
  now += 30_000
  return breaker.enter()!
}

describe('Breaker', () => {
  it('opens with the third failure within a minute', () => {
    fail(2)
    expect(breaker.state).toBe('closed')
    now += 59_000
    fail(1)
    expect(breaker.state).toBe('open')
    expect(breaker.enter()).toBeUndefined()
  })

  it('forgets failures that are a minute old', () => {
    fail(2)
    now += 60_000
    fail(2)
    expect(breaker.state).toBe('closed')
  })

  it('does not mind those that leave without a word, nor success', () => {
    for (let time = 0; time < 10; time++) breaker.enter()?.left()
    breaker.enter()?.succeeded()
    expect(turns).toEqual([])
  })

  it('lets one through after 30 s, and no second one meanwhile', () => {
    fail(3)
    now += 29_999
    expect(breaker.enter()).toBeUndefined()
    now += 1
    expect(breaker.enter()).toBeDefined()
    expect(breaker.enter()).toBeUndefined()
    expect(turns).toEqual(['open', 'half-open'])
  })

  it('closes with the first success', () => {
    trial().succeeded()
    expect(turns).toEqual(['open', 'half-open', 'closed'])
    fail(2)
    expect(breaker.state).toBe('closed')
  })

  it('lets another through when one has left without a word', () => {
    trial().left()
    expect(breaker.state).toBe('half-open')
    breaker.enter()?.succeeded()
    expect(breaker.state).toBe('closed')
  })

  it('waits twice as long after each trial that fails, five minutes at most', () => {
    let attempt = trial()
    for (const seconds of [60, 120, 240, 300, 300]) {
      attempt.failed()
      now += seconds * 1000 - 1
      expect(breaker.enter()).toBeUndefined()
      now += 1
      attempt = breaker.enter()!
    }
  })

  it('begins with 30 s again once it has been closed', () => {
    trial().failed()
    now += 60_000
    breaker.enter()?.succeeded()
    trial().succeeded()
    expect(breaker.state).toBe('closed')
  })

  it('counts an attempt that succeeded first and failed later', () => {
    const attempt = trial()
    attempt.succeeded()
    attempt.failed()
    expect(breaker.state).toBe('closed')
    fail(2)
    expect(breaker.state).toBe('open')
  })

  it('hears nothing of attempts from before it opened', () => {
    const [early, late] = [breaker.enter()!, breaker.enter()!]
    const attempt = trial()
    early.succeeded()
    late.failed()
    expect(breaker.state).toBe('half-open')
    attempt.succeeded()
    expect(turns).toEqual(['open', 'half-open', 'closed'])
  })
})
