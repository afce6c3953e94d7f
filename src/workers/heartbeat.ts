// The sign of life of one worker thread: two shared words, stored by that thread, looked at by main.
// They also say whose turn it is, so that the stream that killed or blocked the thread is known.

const BEATS = 0 // counts turns and timer ticks; wraps
const CURRENT = 1 // id of the stream whose bytes are being worked on; 0 between turns

export function createHeartbeat(): SharedArrayBuffer {
  return new SharedArrayBuffer(8)
}

/** The thread's side. */
export class Heartbeat {
  readonly #words: Int32Array
  readonly #beatMs: number
  #timer: NodeJS.Timeout | undefined
  #streams = 0

  constructor(memory: SharedArrayBuffer, beatMs: number) {
    this.#words = new Int32Array(memory)
    this.#beatMs = beatMs
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

/** Main's side: told to look at equal intervals, it says when the thread has not moved for long. */
export class HeartbeatWatch {
  readonly #words: Int32Array
  #seen = 0
  #misses = 0

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory)
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
    return this.#misses
  }
}
