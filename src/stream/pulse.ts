// A shared beat for many streams: what waits for it happens together, so that a busy main thread wakes
// a few times in ten milliseconds instead of once per packet and stream.

/** Runs everything that waits, once per period; rests while nothing does. */
export class Pulse {
  readonly #periodMs: number
  #waiting: (() => void)[] = []

  constructor(periodMs: number) {
    this.#periodMs = periodMs
  }

  /** Calls back at the next beat, within the period. */
  next(callback: () => void): void {
    if (this.#waiting.push(callback) === 1) setTimeout(() => this.#beat(), this.#periodMs)
  }

  #beat(): void {
    const due = this.#waiting
    this.#waiting = []
    for (const callback of due) callback()
  }
}
