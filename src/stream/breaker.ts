// A circuit breaker: keeps streams from something that fails, and tries it again by itself, one stream at a
// time. Knows nothing of what it guards.

export type BreakerState = 'closed' | 'half-open' | 'open'

export interface BreakerOptions {
  /** failures within `windowMs` that open it; default 3 */
  mostFailures?: number
  /** default 60 s */
  windowMs?: number
  /** from the opening to the first trial; doubled with each trial that fails. Default 30 s. */
  coolMs?: number
  /** the longest of these times; default 5 min */
  mostCoolMs?: number
  /** Monotonic, in ms. */
  now?: () => number
  onChange?: (state: BreakerState, before: BreakerState) => void
}

/** What somebody does behind the breaker. Says how it went, also more than once: good first, then bad. */
export interface Attempt {
  succeeded(): void
  failed(): void
  /** It is over and told nothing. Does nothing after a success or failure. */
  left(): void
}

const defaults = {
  mostFailures: 3,
  windowMs: 60_000,
  coolMs: 30_000,
  mostCoolMs: 5 * 60_000,
  now: () => performance.now(),
  onChange: () => undefined,
} satisfies Required<BreakerOptions>

export class Breaker {
  readonly #options: Required<BreakerOptions>
  #state: BreakerState = 'closed'
  #failures: number[] = []
  #coolMs: number
  #retryAt = 0
  #trial: Attempt | undefined

  constructor(options: BreakerOptions = {}) {
    this.#options = { ...defaults, ...options }
    this.#coolMs = this.#options.coolMs
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Lets an attempt through; undefined while it is open, and while a trial is under way. */
  enter(): Attempt | undefined {
    if (this.#state === 'open' && this.#options.now() >= this.#retryAt) this.#turn('half-open')
    if (this.#state === 'closed') return this.#attempt()
    if (this.#state === 'open' || this.#trial !== undefined) return undefined
    return (this.#trial = this.#attempt())
  }

  // What was let in before the breaker opened can neither close it nor keep it open.
  #attempt(): Attempt {
    const attempt: Attempt = {
      succeeded: () => {
        if (attempt === this.#trial) this.#close()
      },
      failed: () => {
        if (attempt === this.#trial) this.#reopen()
        else if (this.#state === 'closed') this.#count()
      },
      left: () => {
        if (attempt === this.#trial) this.#trial = undefined
      },
    }
    return attempt
  }

  #count(): void {
    const { now, windowMs, mostFailures } = this.#options
    this.#failures = [...this.#failures.filter((at) => at > now() - windowMs), now()]
    if (this.#failures.length >= mostFailures) this.#open()
  }

  #open(): void {
    this.#failures = []
    this.#retryAt = this.#options.now() + this.#coolMs
    this.#turn('open')
  }

  #reopen(): void {
    this.#trial = undefined
    this.#coolMs = Math.min(2 * this.#coolMs, this.#options.mostCoolMs)
    this.#open()
  }

  #close(): void {
    this.#trial = undefined
    this.#coolMs = this.#options.coolMs
    this.#turn('closed')
  }

  #turn(state: BreakerState): void {
    const before = this.#state
    this.#state = state
    this.#options.onChange(state, before)
  }
}
