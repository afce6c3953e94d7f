// A model of how a side goes to sleep and how the other wakes it, in atomic steps, run through every
// order in which two and three threads can take them. ring.ts has the same steps in the same order.
import { describe, expect, it } from 'vitest'

interface State {
  count: number
  parked: number
  closed: number
  /** The reader has registered a wait that nobody has ended. */
  isAsleep: boolean
  /** What the reader has seen on its way. */
  seen: number
  isDone: boolean
  /** What a hasty writer has seen on its way. */
  sawParked: number
}

type Step = (state: State) => void

const start: Readonly<State> = {
  count: 0,
  parked: 0,
  closed: 0,
  isAsleep: false,
  seen: 0,
  isDone: false,
  sawParked: 0,
}
const notify: Step = (state) => (state.isAsleep = false)

const storeFlag: Step = (state) => (state.parked = 1)
const loadCount: Step = (state) => (state.seen = state.count)
const leaveIfMoved: Step = (state) => (state.isDone ||= state.count !== 0)
const leaveIfClosed: Step = (state) => (state.isDone ||= state.closed === 1)
const wait: Step = (state) => (state.isAsleep = !state.isDone && state.count === state.seen)
const wakeIfClosed: Step = (state) => state.closed === 1 && notify(state)

const park = [storeFlag, loadCount, leaveIfMoved, leaveIfClosed, wait, wakeIfClosed]
const publish: Step[] = [(state) => (state.count = 1), (state) => state.parked === 1 && notify(state)]
const close: Step[] = [(state) => (state.closed = 1), notify]

/** Every order's end in which the reader sleeps although there is something to wake up for. */
function lostWakeUps(threads: readonly (readonly Step[])[]): number {
  const walk = (state: State, places: readonly number[]): number => {
    let lost = 0
    if (threads.every((steps, thread) => places[thread] === steps.length)) return Number(state.isAsleep)
    threads.forEach((steps, thread) => {
      const place = places[thread] ?? 0
      const next = { ...state }
      if (steps[place] === undefined) return
      steps[place](next)
      lost += walk(next, places.with(thread, place + 1))
    })
    return lost
  }
  return walk(
    start,
    threads.map(() => 0),
  )
}

describe('park against publish and close', () => {
  it('loses no wake-up in any order', () => {
    expect(lostWakeUps([park, publish])).toBe(0)
    expect(lostWakeUps([park, close])).toBe(0)
    expect(lostWakeUps([park, publish, close])).toBe(0)
  })

  it('would lose some if the count were looked at before the flag is stored', () => {
    const early = [loadCount, leaveIfMoved, leaveIfClosed, wait, wakeIfClosed, storeFlag]
    expect(lostWakeUps([early, publish])).toBeGreaterThan(0)
  })

  it('would lose some if the flag were looked at before the count is stored', () => {
    const hasty: Step[] = [
      (state) => (state.sawParked = state.parked),
      (state) => (state.count = 1),
      (state) => state.sawParked === 1 && notify(state),
    ]
    expect(lostWakeUps([park, hasty])).toBeGreaterThan(0)
  })

  it('would lose some without the second look at the close', () => {
    expect(lostWakeUps([park.slice(0, -1), close])).toBeGreaterThan(0)
  })
})
