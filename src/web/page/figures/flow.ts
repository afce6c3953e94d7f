// A count of bytes that is looked at now and then, as a curve of bit/s.

export interface Curve {
  /** Unix seconds. */
  readonly times: readonly number[]
  /** bit/s */
  readonly rates: readonly number[]
}

const mostPoints = 150

export class Flow {
  #times: number[] = []
  #rates: number[] = []
  #lastBytes: number | undefined
  #lastAt = 0

  get curve(): Curve {
    return { times: this.#times, rates: this.#rates }
  }

  /** The latest rate; undefined before the second look. */
  get rate(): number | undefined {
    return this.#rates.at(-1)
  }

  /** What has been counted until then. A count that shrinks has begun anew.
   *  @param at  unix seconds */
  count(at: number, bytes: number): void {
    const last = this.#lastBytes
    const seconds = at - this.#lastAt
    this.#lastBytes = bytes
    this.#lastAt = at
    if (last === undefined || bytes < last || seconds <= 0) return
    this.#push(at, ((bytes - last) * 8) / seconds)
  }

  /** A rate that is known otherwise, such as a sum. */
  add(at: number, bitsPerSecond: number): void {
    this.#push(at, bitsPerSecond)
  }

  #push(at: number, rate: number): void {
    this.#times = [...this.#times, at].slice(-mostPoints)
    this.#rates = [...this.#rates, rate].slice(-mostPoints)
  }
}
