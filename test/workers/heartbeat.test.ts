import { describe, expect, it } from 'vitest'
import {
  Heartbeat,
  HeartbeatWatch,
  createHeartbeat,
  looksToGiveUp,
  looksToHang,
} from '../../src/workers/heartbeat.ts'
import type { Thread } from '../../src/workers/thread.ts'

const hangMs = 600

describe('HeartbeatWatch.look', () => {
  it('counts looks without a beat while there is something to do', () => {
    const memory = createHeartbeat()
    const thread = new Heartbeat(memory, 1000)
    const watch = new HeartbeatWatch(memory, { hangMs })
    expect([watch.look(true), watch.look(true), watch.look(true)]).toEqual([1, 2, 3])
    thread.turn(5, () => expect(watch.current).toBe(5))
    expect(watch.current).toBe(0)
    expect([watch.look(true), watch.look(true), watch.look(false), watch.look(true)]).toEqual([0, 1, 0, 1])
  })

  it('asks the system nothing about a thread that beats', () => {
    const memory = createHeartbeat()
    const thread = new Heartbeat(memory, 1000)
    let readings = 0
    const read = () => {
      readings++
      return undefined
    }
    const watch = new HeartbeatWatch(memory, { hangMs, read })
    for (let look = 0; look < 100; look++) {
      thread.turn(1, () => undefined)
      watch.look(true)
      expect(watch.isHung()).toBe(false)
    }
    for (let look = 0; look < 100; look++) watch.look(false)
    expect(readings).toBe(0)
  })
})

describe('HeartbeatWatch.current', () => {
  it('knows whose turn it was when the turn threw', () => {
    const memory = createHeartbeat()
    const thread = new Heartbeat(memory, 1000)
    const turn = () => {
      throw new Error('in the turn')
    }
    expect(() => thread.turn(7, turn)).toThrow('in the turn')
    expect(new HeartbeatWatch(memory, { hangMs }).current).toBe(7)
  })
})

describe('HeartbeatWatch.isHung', () => {
  // What the system says at each look without a beat, the first one being 1.
  type Reading = (look: number) => Thread | undefined
  const perLook = hangMs / looksToHang
  const core =
    (share: number): Reading =>
    (look) => ({ state: 'R', cpuMs: 7000 + share * perLook * look })

  // [what the thread does, what is read, the look at which it counts as hung]
  const cases: [string, Reading, number][] = [
    ['loops', core(1), looksToHang],
    ['loops on two thirds of a core', core(2 / 3), looksToHang],
    ['loops on two fifths of a core', core(2 / 5), 5],
    ['loops on a tenth of a core', core(1 / 10), 15],
    ['gets no core', core(0), looksToGiveUp],
    ['gets a core too seldom', core(1 / 100), looksToGiveUp],
    ['sleeps in a call', () => ({ state: 'S', cpuMs: 7000 }), looksToHang],
    ['waits for a disk', () => ({ state: 'D', cpuMs: 7000 }), looksToHang],
    ['is stopped', () => ({ state: 'T', cpuMs: 7000 }), looksToHang],
    ['gets no core, then sleeps', (look) => ({ state: look < 9 ? 'R' : 'S', cpuMs: 7000 }), 9],
    ['has ended', () => undefined, looksToHang],
    ['ends while it is watched', (look) => (look < 6 ? { state: 'R', cpuMs: 7000 } : undefined), 6],
    ['cannot be read at first', (look) => (look > 1 ? { state: 'R', cpuMs: 7000 } : undefined), looksToHang],
  ]

  it.each(cases)('of a thread that %s', (_, read, expected) => {
    const memory = createHeartbeat()
    new Heartbeat(memory, 1000)
    let look = 0
    const watch = new HeartbeatWatch(memory, { hangMs, read: () => read(look) })
    do watch.look(++look < 1000)
    while (!watch.isHung() && look < 1000)
    expect(look).toBe(expected)
  })

  it('begins anew with each beat', () => {
    const memory = createHeartbeat()
    const thread = new Heartbeat(memory, 1000)
    let cpuMs = 0
    const watch = new HeartbeatWatch(memory, { hangMs, read: () => ({ state: 'R', cpuMs }) })
    for (let beat = 0; beat < 20; beat++) {
      thread.turn(1, () => undefined)
      watch.look(true)
      cpuMs += 1000 // had while it beat
      for (let look = 0; look < looksToGiveUp - 1; look++) {
        watch.look(true)
        expect(watch.isHung()).toBe(false)
      }
    }
  })

  it('of a thread whose number is not known, as without a reading', () => {
    const watch = new HeartbeatWatch(createHeartbeat(), { hangMs, read: () => ({ state: 'R', cpuMs: 0 }) })
    const looks = Array.from({ length: looksToHang }, () => (watch.look(true), watch.isHung()))
    expect(looks).toEqual([false, false, false, true])
  })
})
