// The tuners as clients of a device see them, numbered from 0: each plays one channel, for all who watch it.
// The leases of stream/tuners.ts decide whether a channel can be had; this gives it a number that stays.
import { AppError } from '../base/errors.ts'
import { parseReference, transponderOf } from '../receiver/reference.ts'
import type { Feeds, WatchedService } from '../stream/feeds.ts'

export interface RackOptions {
  readonly feeds: Pick<Feeds, 'watched'>
  /** Tuners that there are, now. */
  readonly count: () => number
  /** Is that count a limit of its own, below what the receivers have? */
  readonly isLimit: () => boolean
}

/** One tuner and what it plays. */
export interface RackTuner {
  readonly index: number
  /** Undefined while nobody watches. */
  readonly service: WatchedService | undefined
}

export class Rack {
  readonly #options: RackOptions
  readonly #indexes = new Map<string, number>() // by the service's key

  constructor(options: RackOptions) {
    this.#options = options
  }

  /** All tuners, with what they play now. */
  list(): RackTuner[] {
    const services = this.#look()
    const on = (index: number) =>
      services.find((each) => isWatched(each) && this.#indexes.get(each.key) === index)
    return Array.from({ length: this.#options.count() }, (_, index) => ({ index, service: on(index) }))
  }

  /** May a client ask for this service, on this tuner or any?
   *  @throws NOT_FOUND for a tuner that there is not, TUNER_IN_USE, NO_TUNER */
  admit(key: string, wanted?: number): void {
    const tuners = this.list()
    if (wanted !== undefined) {
      const tuner = tuners[wanted]
      if (tuner === undefined) throw new AppError('NOT_FOUND', { what: `tuner${wanted}` })
      const { service } = tuner
      if (service !== undefined && service.key !== key)
        throw new AppError('TUNER_IN_USE', { tuner: `tuner${wanted}`, reason: service.name })
    }
    if (this.#options.isLimit() && this.#choose(key) === undefined)
      throw new AppError('NO_TUNER', { reason: `All ${tuners.length} tuners are in use` })
  }

  /** The number of the tuner that plays the service, from now on until nobody watches it. Undefined where all
   *  are taken: it came without a tuner of the receiver. */
  seat(key: string, wanted?: number): number | undefined {
    const services = this.#look(key)
    if (!this.#indexes.has(key)) {
      const isFree = wanted !== undefined && !this.#isTaken(wanted, services)
      const index = isFree ? wanted : this.#choose(key)
      this.#put(key, index, services)
    }
    return this.#indexes.get(key)
  }

  // What is being received now; what is watched has its number.
  #look(but?: string): readonly WatchedService[] {
    const services = this.#options.feeds.watched
    const keys = new Set(services.map(({ key }) => key))
    for (const [key, index] of this.#indexes)
      if (!keys.has(key) || index >= this.#options.count()) this.#indexes.delete(key)
    for (const service of services) {
      if (!isWatched(service) || service.key === but || this.#indexes.has(service.key)) continue
      this.#put(service.key, this.#choose(service.key, services), services)
    }
    return services
  }

  // Its own, an idle one, one that nobody watches any more, or that of a channel on the same transponder,
  // which takes no tuner besides.
  #choose(key: string, services = this.#options.feeds.watched): number | undefined {
    const all = Array.from({ length: this.#options.count() }, (_, index) => index)
    const used = new Set(this.#indexes.values())
    const transponder = transponderOfKey(key)
    const neighbour = [...this.#indexes.keys()].find(
      (other) => transponder !== undefined && transponderOfKey(other) === transponder,
    )
    return (
      this.#indexes.get(key) ??
      all.find((index) => !used.has(index)) ??
      all.find((index) => !this.#isTaken(index, services)) ??
      (neighbour === undefined ? undefined : this.#indexes.get(neighbour))
    )
  }

  #isTaken(index: number, services: readonly WatchedService[]): boolean {
    return services.some((each) => isWatched(each) && this.#indexes.get(each.key) === index)
  }

  // What lingers there has no number any more.
  #put(key: string, index: number | undefined, services: readonly WatchedService[]): void {
    if (index === undefined) return
    for (const service of services)
      if (!isWatched(service) && this.#indexes.get(service.key) === index) this.#indexes.delete(service.key)
    this.#indexes.set(key, index)
  }
}

function isWatched({ clients }: WatchedService): boolean {
  return clients.length > 0
}

/** The transponder of a service's key; undefined for what is none of a receiver's. */
export function transponderOfKey(key: string): string | undefined {
  try {
    return transponderOf(parseReference(key))
  } catch {
    return undefined
  }
}
