// Whose turn it is among the jobs of one worker thread. Live streams do not ask: they run as soon as they wake.
// Jobs, which may be faster than life, get one slice in each pass of the event loop, so that whatever woke for
// a live stream runs before the next slice.
import { toAppError } from '../base/errors.ts'
import { sliceMs } from './slice.ts'

/** The largest weight of a job; the least is 1. */
export const mostWeight = 100

const passMs = 0.01 // what a pass of the event loop costs besides the slice
const mostSliceMs = 2 * sliceMs // what was longer, the thread was not running: no job shall pay for that

export interface ScheduleOptions {
  /** ms, monotonic */
  readonly now?: () => number
  /** Calls back after whatever else has woken. Default setImmediate. */
  readonly later?: (call: () => void) => void
}

interface Claim {
  readonly share: Share
  readonly start: number // in virtual time
  readonly isOver: () => boolean
  readonly work: () => void
}

/** Weighted fair queueing by start times: the next slice is for the job that has had least for its weight. The
 *  virtual time is what a job of weight 1 would have had. One that comes or was idle begins at the present
 *  virtual time, so that nobody saves up. */
export class Schedule {
  readonly #now: () => number
  readonly #later: (call: () => void) => void
  readonly #claims = new Set<Claim>() // as they came
  #time = 0 // virtual, where the latest slice began
  #isDue = false

  constructor({ now = () => performance.now(), later = setImmediate }: ScheduleOptions = {}) {
    this.#now = now
    this.#later = later
  }

  /** A job's part of the thread, for as long as it lasts.
   *  @param weight  1 .. mostWeight; of two that always have work, one of twice the weight has twice the time */
  share(weight: number): Share {
    const share: Share = new Share(weight, (work, isOver) => {
      this.#claims.add({ share, start: Math.max(this.#time, share.until), work, isOver })
      this.#arrange()
    })
    return share
  }

  #arrange(): void {
    if (this.#isDue || this.#claims.size === 0) return
    this.#isDue = true
    this.#later(() => this.#pass())
  }

  #pass(): void {
    this.#isDue = false
    const claim = this.#next()
    if (claim === undefined) return
    this.#claims.delete(claim)
    const { share, start, work } = claim
    const from = this.#now()
    work()
    share.until = start + (Math.min(this.#now() - from, mostSliceMs) + passMs) / share.weight
    this.#arrange()
  }

  // Who was cancelled goes first, out of turn: its end is short, and somebody may wait for it.
  #next(): Claim | undefined {
    let next: Claim | undefined
    for (const claim of this.#claims) {
      if (claim.isOver()) return claim
      if (next === undefined || claim.start < next.start) next = claim
    }
    if (next !== undefined) this.#time = next.start
    return next
  }
}

/** One job's part of a thread. */
export class Share {
  readonly weight: number
  /** The virtual time up to which it has had its part. */
  until = 0
  readonly #claim: (work: () => void, isOver: () => boolean) => void

  constructor(weight: number, claim: (work: () => void, isOver: () => boolean) => void) {
    this.weight = weight
    this.#claim = claim
  }

  /** Does the work, in one go, when it is this share's turn. One turn at a time.
   *  @param isOver  the job has been cancelled: its end waits for nobody
   *  @throws what the work throws */
  turn<T>(work: () => T, isOver: () => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#claim(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(toAppError(error))
        }
      }, isOver)
    })
  }
}
