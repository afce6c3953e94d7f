// What a receiver can bear: one request at a time, with a pause behind each one of the guide. A real box
// answers from the thread that also draws the television picture; several at once have crashed some.
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../base/errors.ts'

/** `viewer`: somebody waits for the answer. `guide`: nobody does. */
export type Urgency = 'viewer' | 'guide'

export interface BudgetOptions {
  /** Behind a request of the guide, ms. Default 150. */
  idlePauseMs?: number
  /** The same while streams run. Default 2000. */
  streamPauseMs?: number
  /** How many streams the receiver sends now. */
  streams?: () => number
}

const mostWaiting = 256 // requests; more is a flood, not a household

interface Turn {
  readonly urgency: Urgency
  readonly start: () => void
}

/** Lets requests to one receiver through, one after another; those somebody waits for go first. */
export class Budget {
  readonly #options: Required<BudgetOptions>
  readonly #waiting: Turn[] = []
  #isBusy = false
  #quietUntil = 0

  constructor({ idlePauseMs = 150, streamPauseMs = 2000, streams = () => 0 }: BudgetOptions = {}) {
    this.#options = { idlePauseMs, streamPauseMs, streams }
  }

  /** Runs the request in its turn.
   *  @throws RECEIVER_TIMEOUT when too many wait already; the signal's reason when it is aborted */
  async run<T>(urgency: Urgency, request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (urgency === 'guide') await this.#pause(signal)
    await this.#turn(urgency)
    try {
      signal?.throwIfAborted()
      return await request()
    } finally {
      if (urgency === 'guide') this.#quietUntil = performance.now() + this.#pauseMs()
      this.#next()
    }
  }

  #pauseMs(): number {
    const { idlePauseMs, streamPauseMs, streams } = this.#options
    return streams() > 0 ? streamPauseMs : idlePauseMs
  }

  async #pause(signal: AbortSignal | undefined): Promise<void> {
    const ms = Math.ceil(this.#quietUntil - performance.now())
    if (ms > 0) await delay(ms, undefined, { signal })
  }

  #turn(urgency: Urgency): Promise<void> {
    if (!this.#isBusy) {
      this.#isBusy = true
      return Promise.resolve()
    }
    if (this.#waiting.length >= mostWaiting)
      throw new AppError('RECEIVER_TIMEOUT', { reason: 'too many requests wait for the receiver' })
    const behind = this.#waiting.findIndex((turn) => urgency === 'viewer' && turn.urgency === 'guide')
    const place = behind < 0 ? this.#waiting.length : behind
    return new Promise((start) => this.#waiting.splice(place, 0, { urgency, start }))
  }

  #next(): void {
    const turn = this.#waiting.shift()
    if (turn === undefined) this.#isBusy = false
    else turn.start()
  }
}
