// The sign of life of one worker thread: shared words, stored by that thread, looked at by main.
// They also say whose turn it is, so that the stream that killed or blocked the thread is known.
import { ownThreadId, readThread, type ReadThread, type Thread } from './thread.ts'

const BEATS = 0 // counts turns and timer ticks; wraps
const CURRENT = 1 // id of the stream whose bytes are being worked on; 0 between turns
const THREAD = 2 // the system's number of the thread; 0 where it is not known

/** Looks without a beat after which a thread can count as hung; the looks are hangMs / looksToHang apart. */
export const looksToHang = 4
/** Looks without a beat after which it does, even if it only waits for a core. */
export const looksToGiveUp = 10 * looksToHang
// Of hangMs, had since the first look without a beat: an endless loop. A turn takes 10 ms, or 1 ms of a job.
const hungShare = 1 / 3

export function createHeartbeat(): SharedArrayBuffer {
  return new SharedArrayBuffer(12)
}

/** The thread's side: made in that thread. */
export class Heartbeat {
  readonly #words: Int32Array
  readonly #beatMs: number
  #timer: NodeJS.Timeout | undefined
  #streams = 0

  constructor(memory: SharedArrayBuffer, beatMs: number) {
    this.#words = new Int32Array(memory)
    this.#beatMs = beatMs
    Atomics.store(this.#words, THREAD, ownThreadId())
  }

  /** A stream begins: from the first one on the event loop beats. */
  join(): void {
    if (this.#streams++ === 0) this.#timer = setInterval(() => this.#beat(), this.#beatMs)
  }

  leave(): void {
    if (--this.#streams === 0) clearInterval(this.#timer)
  }

  /** Does one stream's turn, in one go. */
  turn<T>(id: number, work: () => T): T {
    this.#beat()
    Atomics.store(this.#words, CURRENT, id)
    const result = work() // a throw leaves the id: it is that stream's
    Atomics.store(this.#words, CURRENT, 0)
    return result
  }

  #beat(): void {
    Atomics.add(this.#words, BEATS, 1)
  }
}

export interface WatchOptions {
  /** The time of looksToHang looks. */
  readonly hangMs: number
  readonly read?: ReadThread
}

/** Main's side: told to look at equal intervals, it says when the thread has not moved for long. */
export class HeartbeatWatch {
  readonly #words: Int32Array
  readonly #mostCpuMs: number
  readonly #read: ReadThread
  #seen = 0
  #misses = 0
  #suspected: Thread | undefined // as it stood at the first look without a beat

  constructor(memory: SharedArrayBuffer, { hangMs, read = readThread }: WatchOptions) {
    this.#words = new Int32Array(memory)
    this.#mostCpuMs = hangMs * hungShare
    this.#read = read
  }

  /** The stream whose turn it is or was when the thread died; 0 when none. */
  get current(): number {
    return Atomics.load(this.#words, CURRENT)
  }

  /** Looks once. Looks are counted, not time: a stopped process wakes up with one look, not many.
   *  @param isBusy  false forgives: a thread without streams does not beat
   *  @returns looks in a row without a beat */
  look(isBusy: boolean): number {
    const beats = Atomics.load(this.#words, BEATS)
    this.#misses = isBusy && beats === this.#seen ? this.#misses + 1 : 0
    this.#seen = beats
    if (this.#misses === 1) this.#suspected = this.#thread()
    return this.#misses
  }

  /** Has it gone without a beat for too long, as of the last look? A thread that wants to run and is not let is
   *  spared: where there is more work than cores, another one would fare no better. */
  isHung(): boolean {
    if (this.#misses < looksToHang) return false
    return this.#misses >= looksToGiveUp || !this.#isStarved()
  }

  // Not one that has had time enough to beat and has not: an endless loop. How long that took by the clock says
  // nothing about a thread that shares its core.
  #isStarved(): boolean {
    const [before, now] = [this.#suspected, this.#thread()]
    if (before === undefined || now?.state !== 'R') return false
    return now.cpuMs - before.cpuMs < this.#mostCpuMs
  }

  #thread(): Thread | undefined {
    const id = Atomics.load(this.#words, THREAD)
    return id === 0 ? undefined : this.#read(id)
  }
}
