// The search for channels that clients ask for when they are set up. There is nothing to search: the
// receiver's lists are read again, and progress is shown to those who look.

const step = 20 // percent, at each look
const longestMs = 60_000 // after which it is over although nobody looked

export class Scan {
  readonly #begin: () => void
  #progress: number | undefined
  #startedAt = 0 // performance.now()

  /** @param begin  called once for each scan */
  constructor(begin: () => void) {
    this.#begin = begin
  }

  /** Does nothing while one is running. */
  start(): void {
    if (this.#isRunning) return
    this.#progress = 0
    this.#startedAt = performance.now()
    this.#begin()
  }

  abort(): void {
    this.#progress = undefined
  }

  /** How far it is, in percent, a step further each time; undefined if none is running. */
  look(): number | undefined {
    if (!this.#isRunning) return (this.#progress = undefined)
    const progress = this.#progress ?? 0
    this.#progress = progress + step < 100 ? progress + step : undefined
    return progress
  }

  get #isRunning(): boolean {
    return this.#progress !== undefined && performance.now() - this.#startedAt < longestMs
  }
}
