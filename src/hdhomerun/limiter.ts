// How often senders are answered: each has a bucket of tokens that fills up with time, and all share one.
import { LRUCache } from 'lru-cache'

/** So many at once, and so many a second. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

export interface LimiterOptions {
  readonly sender: Rate
  readonly total: Rate
  /** In ms. Default `performance.now`. */
  readonly now?: () => number
}

const mostSenders = 1024 // remembered at once; the one that was silent for longest is forgotten

export class Limiter {
  readonly #senders = new LRUCache<string, Bucket>({ max: mostSenders })
  readonly #total: Bucket
  readonly #rate: Rate
  readonly #now: () => number

  constructor({ sender, total, now = () => performance.now() }: LimiterOptions) {
    this.#rate = sender
    this.#now = now
    this.#total = new Bucket(total, now())
  }

  /** Counts one request; false if it is one too many. */
  take(sender: string): boolean {
    const now = this.#now()
    const bucket = this.#senders.get(sender) ?? new Bucket(this.#rate, now)
    this.#senders.set(sender, bucket)
    return bucket.take(now) && this.#total.take(now)
  }
}

class Bucket {
  readonly #rate: Rate
  #tokens: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = now
  }

  take(now: number): boolean {
    const { burst, perSecond } = this.#rate
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
