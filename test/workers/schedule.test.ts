import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Heartbeat, createHeartbeat } from '../../src/workers/heartbeat.ts'
import { Job } from '../../src/workers/job.ts'
import { Lane } from '../../src/workers/lane.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { Schedule, type Share } from '../../src/workers/schedule.ts'
import { sliceMs } from '../../src/workers/slice.ts'
import { makePackets } from './packet.ts'
import { Relay } from './relay.ts'

const never = () => false

describe('Schedule', () => {
  let now: number
  let passes: (() => void)[]
  let schedule: Schedule
  let slices: string[] // whose, one after the other

  beforeEach(() => {
    now = 0
    passes = []
    slices = []
    schedule = new Schedule({ now: () => now, later: (call) => passes.push(call) })
  })

  /** One pass of the event loop: the slice, and what comes of it. */
  async function pass(count = 1): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      passes.shift()?.()
      await new Promise(setImmediate)
    }
  }

  /** One slice of work, of so many ms. */
  function take(name: string, share: Share, ms = 1, isOver = never): Promise<void> {
    const work = () => {
      slices.push(name)
      now += ms
    }
    return share.turn(work, isOver)
  }

  /** A job that always has work. */
  function greedy(name: string, weight = 1, ms = 1): void {
    const share = schedule.share(weight)
    void (async () => {
      for (;;) await take(name, share, ms)
    })()
  }

  const count = (name: string) => slices.filter((each) => each === name).length

  it('gives one slice in a pass', async () => {
    for (const name of ['a', 'b', 'c']) greedy(name)
    for (let turn = 1; turn <= 7; turn++) {
      expect(passes).toHaveLength(1)
      await pass()
      expect(slices).toHaveLength(turn)
    }
  })

  it('asks for no pass when nobody has work', async () => {
    const share = schedule.share(1)
    expect(passes).toHaveLength(0)
    const done = take('a', share)
    await pass()
    await done
    expect(passes).toHaveLength(0)
  })

  it('goes round among equals, in the order in which they came', async () => {
    for (const name of ['a', 'b', 'c']) greedy(name)
    await pass(9)
    expect(slices.join('')).toBe('abcabcabc')
  })

  it('counts the time that a slice takes, not the slices', async () => {
    const took: Record<string, number> = { radio: 1.5, film: 1, news: 0.4 }
    for (const [name, ms] of Object.entries(took)) greedy(name, 1, ms)
    for (let turn = 0; turn < 300; turn++) {
      await pass()
      const had = Object.entries(took).map(([name, ms]) => count(name) * (ms + 0.01))
      expect(Math.max(...had) - Math.min(...had)).toBeLessThanOrEqual(1.52) // the longest slice
    }
  })

  it('lets no job pay for a thread that stood still', async () => {
    for (const name of ['a', 'b', 'c']) greedy(name)
    const share = schedule.share(1)
    void (async () => {
      await take('unlucky', share, 500)
      for (;;) await take('unlucky', share)
    })()
    await pass(4)
    expect(count('unlucky')).toBe(1)
    await pass(3 * 2 + 1)
    expect(count('unlucky')).toBe(2)
  })

  it('shares by weight, within a slice at any time', async () => {
    const weights: Record<string, number> = { a: 1, b: 2, c: 5, d: 100 }
    for (const [name, weight] of Object.entries(weights)) greedy(name, weight)
    for (let turn = 0; turn < 540; turn++) {
      await pass()
      for (const [one, oneWeight] of Object.entries(weights))
        for (const [other, otherWeight] of Object.entries(weights))
          expect(count(one) / oneWeight - count(other) / otherWeight).toBeLessThanOrEqual(
            1 / oneWeight + 1 / otherWeight + 1e-9,
          )
    }
    expect(slices).toHaveLength(540)
    expect(['a', 'b', 'c', 'd'].map(count)).toEqual([5, 10, 25, 500])
  })

  it('does not let a job save up while it is idle', async () => {
    const share = schedule.share(1)
    greedy('a')
    greedy('b')
    await pass(100)
    slices = []
    void (async () => {
      for (;;) await take('late', share)
    })()
    await pass(30)
    expect(count('late')).toBeGreaterThanOrEqual(10)
    expect(count('late')).toBeLessThanOrEqual(11)
    expect(slices.join(' ')).not.toContain('late late')
  })

  it('does not let a job shed its debt by a pause', async () => {
    const share = schedule.share(1)
    greedy('heavy', 10)
    const first = take('light', share)
    await pass(2)
    await first
    void take('light', share)
    await pass(7)
    expect(count('light')).toBe(1)
    await pass(7)
    expect(count('light')).toBe(2)
  })

  it('gives the whole thread to who is alone', async () => {
    greedy('a', 1)
    await pass(50)
    expect(count('a')).toBe(50)
  })

  it('lets who was cancelled go first, whatever it owes, and the others on as before', async () => {
    for (const name of ['a', 'b', 'c']) greedy(name, 100)
    const share = schedule.share(1)
    let isCancelled = false
    const first = take('light', share)
    await pass(4)
    await first
    const last = take('light', share, 0, () => isCancelled)
    await pass(20)
    expect(count('light')).toBe(1)
    isCancelled = true
    await pass()
    await last
    expect(slices.at(-1)).toBe('light')
    slices = []
    await pass(9)
    expect(['a', 'b', 'c'].map(count)).toEqual([3, 3, 3])
  })

  it('hands an error to whose work it is, and goes on', async () => {
    const failed = schedule.share(1).turn(() => {
      throw new Error('broken')
    }, never)
    greedy('a')
    const seen = expect(failed).rejects.toThrow('broken')
    await pass(3)
    await seen
    expect(count('a')).toBe(2)
  })
})

describe('Lane with a share', () => {
  /** Says whose turns there were. */
  class Diary extends Heartbeat {
    turns: number[] = []

    override turn<T>(id: number, work: () => T): T {
      this.turns.push(id)
      return super.turn(id, work)
    }
  }

  let diary: Diary
  let schedule: Schedule
  let jobs: Job[]
  let lanes: Promise<unknown>[]
  const chunk = makePackets(0, 1000)

  beforeEach(() => {
    diary = new Diary(createHeartbeat(), 1000)
    let ticks = 0
    schedule = new Schedule({ now: () => ticks++ }) // every slice is equally long
    jobs = []
    lanes = []
  })

  function open(weight: number | undefined, relay = new Relay()): Job {
    const bytes = { inputBytes: 2 ** 20, outputBytes: 2 ** 20 }
    const job = new Job(jobs.length + 1, defaultProfile, { label: 'test', weight, ...bytes })
    const lane = new Lane(job.task(), () => relay)
    jobs.push(job)
    lanes.push(lane.run(diary, weight === undefined ? undefined : schedule.share(weight)))
    return job
  }

  /** A job that never has to wait: its rings are filled and emptied in its own remuxer. */
  function openGreedy(weight = 1, onPush: () => void = () => undefined): Job {
    const relay = new Relay()
    const push = relay.push.bind(relay)
    relay.push = (piece, window) => {
      onPush()
      job.output.release(job.output.fill)
      job.input.write(chunk)
      return push(piece, window)
    }
    const job = open(weight, relay)
    job.input.write(chunk)
    return job
  }

  async function closeAll(): Promise<void> {
    for (const job of jobs) job.close()
    await Promise.all(lanes)
  }

  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('runs a live stream right behind the slice in which it was woken', async () => {
    let due = 0
    for (let place = 0; place < 10; place++) openGreedy(1, () => wake())
    const live = open(undefined)
    const wake = () => {
      if (--due !== 0) return
      live.input.write(makePackets(0, 1))
      diary.turns.push(-1)
    }
    for (let turn = 0; turn < 30; turn++) {
      const before = live.output.fill
      diary.turns = []
      due = 1 + 3 * turn // in the course of one slice or another
      while (live.output.fill === before) await new Promise(setImmediate)
      const woken = diary.turns.indexOf(-1)
      expect(diary.turns[woken + 1]).toBe(live.id)
    }
    await closeAll()
  })

  it('lets jobs of equal weight take turns', async () => {
    for (let place = 0; place < 5; place++) openGreedy()
    while (diary.turns.length < 50) await new Promise(setImmediate)
    expect(diary.turns.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, turn) => 1 + (turn % 5)))
    await closeAll()
  })

  it('ends a slice when its time is over, however much input there is', async () => {
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (now += sliceMs))
    let pushes = 0
    openGreedy(1, () => pushes++)
    while (diary.turns.length < 20) await new Promise(setImmediate)
    expect(pushes).toBe(diary.turns.length)
    await closeAll()
  })

  it('takes a job that lacks input or room out of the round, and in again', async () => {
    const poor = open(1)
    openGreedy()
    while (diary.turns.length < 50) await new Promise(setImmediate)
    expect(diary.turns.filter((id) => id === poor.id)).toHaveLength(1) // it found nothing
    poor.input.write(makePackets(0, 3))
    while (poor.output.fill < 3 * 188) await new Promise(setImmediate)
    await closeAll()
  })

  it('ends a job that is cancelled while it waits for its slice, at once', async () => {
    const light = openGreedy(1)
    const others = Array.from({ length: 10 }, () => openGreedy(100))
    while (diary.turns.length < 200) await new Promise(setImmediate)
    for (const job of [light, others[3]]) {
      if (job === undefined) continue
      diary.turns = []
      job.close()
      await lanes[job.id - 1]
      expect(diary.turns.slice(0, 2)).toContain(job.id)
    }
    await closeAll()
  })

  it('ends a job at the end of its input', async () => {
    openGreedy()
    const short = open(1)
    short.input.write(makePackets(0, 300))
    short.input.close()
    expect(await lanes[short.id - 1]).toMatchObject({ packetsIn: 300 })
    expect(short.output.closeReason).toBe('end')
    await closeAll()
  })

  it('has a job that fails give up its place', async () => {
    let count = 0
    const relay = new Relay(() => {
      if (count++ === 500) throw new Error('too far')
    })
    openGreedy()
    const failing = open(1, relay)
    failing.input.write(makePackets(0, 1000))
    await expect(lanes.pop()).rejects.toThrow('too far')
    expect(failing.output.closeReason).toBe('error')
    const before = diary.turns.length
    while (diary.turns.length < before + 20) await new Promise(setImmediate)
    await closeAll()
  })
})
