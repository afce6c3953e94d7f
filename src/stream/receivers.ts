// Several receivers with the same channels: which of them is to send a service. The first that can be
// reached and has a tuner free; one that has failed is passed over for a while.
import { AppError, toAppError } from '../base/errors.ts'
import type { StreamAddress, StreamAddresses } from '../receiver/address.ts'
import { formatReference, referenceKey, transponderOf, type Reference } from '../receiver/reference.ts'
import type { TunerLease, TunerRequest } from './lease.ts'
import type { Tuners, TunerUse } from './tuners.ts'

export interface Receiver {
  /** Its address, for people and logs. */
  readonly name: string
  readonly addresses: Pick<StreamAddresses, 'resolve' | 'forget'>
  readonly tuners: Tuners
}

/** A receiver that could send a service. */
export interface Candidate {
  readonly name: string
  readonly tuners: Tuners
  /** Where the service is there. Opens no stream. */
  locate(): Promise<StreamAddress>
  /** Drops what is remembered of its place. */
  forget(): void
}

/** What is asked for besides the service. */
export type Wish = Pick<TunerRequest, 'channel' | 'priority' | 'onRevoke'>

export interface Seat {
  readonly candidate: Candidate
  readonly lease: TunerLease
}

export interface ReceiversOptions {
  /** How long one that failed is passed over; twice as long after each further failure. Default 30000. */
  backOffMs?: number
  longestBackOffMs?: number
}

interface Failure {
  readonly until: number // performance.now()
  readonly backOffMs: number
}

const mostFailures = 1024 // services remembered

export class Receivers {
  readonly #receivers: readonly Receiver[]
  readonly #backOffMs: number
  readonly #longestBackOffMs: number
  readonly #failures = new Map<string, Failure>() // by receiver, or receiver and service

  /** @param receivers  in the order in which they are asked; at least one */
  constructor(
    receivers: readonly Receiver[],
    { backOffMs = 30_000, longestBackOffMs = 600_000 }: ReceiversOptions = {},
  ) {
    this.#receivers = receivers
    this.#backOffMs = backOffMs
    this.#longestBackOffMs = longestBackOffMs
  }

  /** How many there are. */
  get size(): number {
    return this.#receivers.length
  }

  /** In order. Of those that failed not long ago only if there is no other. */
  candidates(reference: Reference): Candidate[] {
    const all = this.#receivers.map(({ name, addresses, tuners }) => ({
      name,
      tuners,
      locate: () => addresses.resolve(reference),
      forget: () => addresses.forget(reference),
    }))
    const keys = ({ name }: Candidate) => [name, keyOf(name, reference)]
    const now = performance.now()
    const able = all.filter((candidate) =>
      keys(candidate).every((key) => (this.#failures.get(key)?.until ?? -Infinity) <= now),
    )
    return able.length > 0 ? able : all
  }

  /** A tuner on the first receiver that has one; running streams lose theirs only if none has.
   *  @param passed  candidates that have been tried already
   *  @throws NO_TUNER of the first, SHUTTING_DOWN, the signal's reason; then nothing is held */
  async seat(
    reference: Reference,
    wish: Wish,
    { signal, passed = [] }: { signal?: AbortSignal; passed?: readonly Candidate[] } = {},
  ): Promise<Seat> {
    const names = new Set(passed.map(({ name }) => name))
    const candidates = this.candidates(reference).filter(({ name }) => !names.has(name))
    const request = {
      ...wish,
      reference: formatReference(reference),
      transponder: transponderOf(reference),
    }
    let refusal: AppError | undefined
    // One after another: a tuner that is asked for is taken.
    for (const mayPreempt of candidates.length > 1 ? [false, true] : [true]) {
      for (const [index, candidate] of candidates.entries()) {
        try {
          const lease = await candidate.tuners.acquire({ ...request, mayPreempt }, signal)
          const isAway = candidate.tuners.isReachable === false
          if (!isAway || index === candidates.length - 1) return { candidate, lease }
          lease.release()
          this.#note(candidate.name)
        } catch (thrown) {
          const error = toAppError(thrown)
          if (error.code !== 'NO_TUNER') throw thrown
          refusal ??= error
        }
      }
    }
    throw refusal ?? new AppError('NO_TUNER')
  }

  /** A stream could not be had there. What is said of the one service passes the receiver over for this
   *  service alone. */
  failed({ name }: Candidate, reference: Reference, error: AppError): void {
    const isOfService = error.code !== 'UPSTREAM_REFUSED' || error.details.status !== undefined
    this.#note(isOfService ? keyOf(name, reference) : name)
  }

  /** A stream came from there: its failures are forgotten. */
  worked({ name }: Candidate, reference: Reference): void {
    this.#failures.delete(name)
    this.#failures.delete(keyOf(name, reference))
  }

  /** What their tuners are used for, as far as is known. */
  list(): Array<{ name: string; isReachable: boolean | undefined; tuners: TunerUse }> {
    return this.#receivers.map(({ name, tuners }) => {
      const { isReachable } = tuners
      return { name, isReachable, tuners: tuners.list() }
    })
  }

  /** Asks those that were not asked in the last minute. Fails never. */
  async look(): Promise<void> {
    await Promise.all(this.#receivers.map(({ tuners }) => tuners.look()))
  }

  close(): void {
    for (const { tuners } of this.#receivers) tuners.close()
  }

  #note(key: string): void {
    const before = this.#failures.get(key)
    const backOffMs = Math.min(this.#longestBackOffMs, before ? before.backOffMs * 2 : this.#backOffMs)
    this.#failures.delete(key) // so that it becomes the youngest
    this.#failures.set(key, { until: performance.now() + backOffMs, backOffMs })
    const oldest = this.#failures.size > mostFailures ? this.#failures.keys().next().value : undefined
    if (oldest !== undefined) this.#failures.delete(oldest)
  }
}

function keyOf(name: string, reference: Reference): string {
  return `${name} ${referenceKey(reference)}`
}
