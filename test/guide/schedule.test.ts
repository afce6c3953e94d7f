import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Schedule, type Completed } from '../../src/guide/schedule.ts'

const minute = 60_000
const hour = 60 * minute
const startMs = 1_800_000_000_000

let started: string[]
let schedule: Schedule
beforeEach(() => {
  vi.useFakeTimers({ now: startMs })
  started = []
  schedule = new Schedule({ random: () => 0.5 }, (kind) => started.push(kind))
})
afterEach(() => {
  schedule.close()
  vi.useRealTimers()
})

const fresh: Completed = { channelsAt: startMs, guideAt: startMs, hasNews: false }

/** What is started, and after how long, when it is planned now. */
function next(completed: Completed): [string | undefined, number] {
  const before = Date.now()
  started = []
  schedule.plan(completed)
  vi.advanceTimersToNextTimer()
  return [started[0], Date.now() - before]
}

describe('Schedule.plan', () => {
  it('asks for everything at once where there is nothing', () => {
    expect(next({ channelsAt: 0, guideAt: 0, hasNews: false })).toEqual(['all', 0])
  })

  it('asks for the lineup alone after a restart with a fresh store', () => {
    expect(next(fresh)).toEqual(['channels', 0])
  })

  it('asks for channels often and for the guide seldom', () => {
    schedule.ended(true)
    expect(next(fresh)).toEqual(['channels', 45 * minute])
    expect(next({ ...fresh, channelsAt: startMs + 5.75 * hour })).toEqual(['guide', 5.25 * hour])
  })

  it('asks for the guide at once when channels have come', () => {
    schedule.ended(true)
    expect(next({ ...fresh, hasNews: true })).toEqual(['guide', 0])
  })

  it('comes back soon after trouble, then ever later', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map(() => {
      schedule.ended(false)
      return next({ channelsAt: 0, guideAt: 0, hasNews: false })
    })
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 15, 15].map((minutes) => ['all', minutes * minute]))
    schedule.ended(false)
    expect(next({ ...fresh, guideAt: Date.now() })).toEqual(['channels', 15 * minute])
  })

  it('starts nothing once it is closed', () => {
    schedule.plan(fresh)
    schedule.close()
    schedule.plan(fresh)
    vi.advanceTimersByTime(hour)
    expect(started).toEqual([])
  })
})
