// One receiver's tuners as leases. Streams of one transponder share a tuner; a tuner that nobody needs any
// more, or needs less, is taken for a new request; when there is none left that is said before anything is tuned.
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Capacity, TunerSource } from '../receiver/occupancy.ts'
import { Lease, rankOf, Tuner, type TunerLease, type TunerRequest } from './lease.ts'
import {
  missingFor,
  stillReserved,
  takenByReceiver,
  tallyOf,
  unknownTally,
  type Tally,
  type TunerLimits,
} from './tally.ts'

/** What a receiver's tuners are used for. */
export interface TunerUse {
  /** Undefined where the receiver does not say. */
  readonly total: number | undefined
  /** By the receiver itself and its other clients. */
  readonly byReceiver: number
  /** Kept free for the living room. */
  readonly reserved: number
  /** By us, one entry a tuner. */
  readonly used: ReadonlyArray<{
    readonly transponder: string
    readonly channels: readonly string[]
    readonly isLingering: boolean
  }>
  /** What a new transponder could have without taking it from another. */
  readonly free: number | undefined
}

export interface TunersOptions extends TunerLimits {
  readonly source: TunerSource
  readonly metrics?: Metrics | undefined
  readonly log?: Logger | undefined
}

const farewellMs = 2000 // for a stream whose tuner was taken to leave the receiver
// Receivers notice late that a stream has left, and until then have no tuner.
const settleMs = 1500
const settleStepMs = 250
const afterglowMs = 15_000 // how long a receiver may go on to name a stream of ours that has left
const rareMs = 60_000 // between two questions of those who only look

/** `limit` and `reserved` are looked at for each request. */
export class Tuners {
  readonly #options: TunersOptions
  readonly #tuners = new Map<string, Tuner>() // by transponder
  readonly #left = new Map<string, { transponder: string; until: number }>() // by service
  readonly #closing = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #capacity: Capacity | undefined
  #tally: Tally = unknownTally
  #lookedAt = -Infinity
  #freedAt = -Infinity
  #order = 0
  #published = { tuners: 0, tunersUsed: 0, tunersLingering: 0, tunersReserved: 0, tunersOfReceiver: 0 }

  constructor(options: TunersOptions) {
    this.#options = options
  }

  /** Did the receiver answer when it was asked last? Undefined before it was. */
  get isReachable(): boolean | undefined {
    return this.#options.source.isReachable
  }

  /** A place on the transponder's tuner. Requests that need a new one are served one after another.
   *  @throws NO_TUNER, SHUTTING_DOWN, the signal's reason; then nothing is held */
  async acquire(request: TunerRequest, signal?: AbortSignal): Promise<TunerLease> {
    this.#check(signal)
    const shared = this.#join(request)
    if (shared !== undefined) return shared
    this.#checkSurely(request)
    const granted = this.#turn.then(() => this.#grant(request, signal))
    this.#turn = granted.catch(() => undefined)
    const gone = Promise.withResolvers<never>()
    const leave = () => gone.reject(toReason(signal))
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([granted, gone.promise])
    } catch (error) {
      granted.then(
        (lease) => lease.release(),
        () => undefined,
      )
      throw error
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  /** As far as is known. */
  list(): TunerUse {
    const ours = this.#ours()
    const { total } = this.#tally
    const byReceiver = takenByReceiver(this.#tally, ours)
    const reserved = stillReserved(this.#tally, ours, this.#options.reserved)
    const used = [...this.#tuners.values()].map((tuner) => ({
      transponder: tuner.transponder,
      channels: tuner.channels,
      isLingering: tuner.isLingering,
    }))
    const ownLimit = this.#options.limit === 'auto' ? Infinity : this.#options.limit - ours.size
    const free =
      total === undefined
        ? undefined
        : Math.max(0, Math.min(ownLimit, total - ours.size - byReceiver - reserved))
    return { total, byReceiver, reserved, used, free }
  }

  /** Asks the receiver, unless it was asked in the last minute. Fails never. */
  async look(): Promise<void> {
    if (performance.now() - this.#lookedAt >= rareMs) await this.#ask()
  }

  /** Gives nothing away any more; who waits is refused. Leases end with their streams. */
  close(): void {
    this.#closing.abort(new AppError('SHUTTING_DOWN'))
  }

  #check(signal: AbortSignal | undefined): void {
    this.#closing.signal.throwIfAborted()
    signal?.throwIfAborted()
  }

  /** Refuses at once what no answer of the receiver could allow, since its tuners do not become more: a slow
   *  one would keep the client waiting for a no. @throws NO_TUNER */
  #checkSurely(request: TunerRequest): void {
    if (request.transponder === undefined) return
    const { limit } = this.#options
    this.#victim(
      request.transponder,
      request,
      { ...unknownTally, total: this.#tally.total },
      { limit, reserved: 0 },
    )
  }

  #join(request: TunerRequest): TunerLease | undefined {
    const { transponder } = request
    if (transponder === undefined) return new Lease(request, () => undefined)
    const tuner = this.#tuners.get(transponder)
    return tuner && this.#lease(tuner, request)
  }

  #lease(tuner: Tuner, request: TunerRequest): Lease {
    const lease: Lease = new Lease(request, (isOver) => {
      if (isOver && tuner.leases.delete(lease) && tuner.leases.size === 0) this.#free(tuner)
      else if (!isOver) tuner.changedAt = ++this.#order
      this.#publish()
    })
    tuner.leases.add(lease)
    tuner.services.add(lease.service)
    this.#left.delete(lease.service)
    this.#publish()
    return lease
  }

  async #grant(request: TunerRequest, signal: AbortSignal | undefined): Promise<TunerLease> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])])
    this.#check(signal)
    const { transponder } = request
    const shared = this.#join(request) // somebody before us may have got this transponder
    if (shared !== undefined || transponder === undefined)
      return shared ?? new Lease(request, () => undefined)

    await this.#ask()
    this.#check(signal)
    for (;;) {
      const victim = this.#victim(transponder, request)
      if (victim === undefined) break
      await this.#take(victim, request)
      this.#check(signal)
    }
    await this.#persuade(request, stop)
    this.#check(signal)
    const tuner = new Tuner(transponder, ++this.#order)
    this.#tuners.set(transponder, tuner)
    this.#options.log?.debug({ channel: request.channel, transponder }, 'tuner leased')
    return this.#lease(tuner, request)
  }

  async #ask(): Promise<void> {
    const capacity = await this.#options.source.capacity()
    if (capacity === undefined || capacity === this.#capacity) return
    this.#lookedAt = performance.now()
    this.#capacity = capacity
    for (const [service, { until }] of this.#left) if (until < this.#lookedAt) this.#left.delete(service)
    const services = new Set(this.#left.keys())
    const transponders = this.#ours()
    for (const { transponder } of this.#left.values()) transponders.add(transponder)
    for (const tuner of this.#tuners.values()) for (const service of tuner.services) services.add(service)
    this.#tally = tallyOf(capacity, transponders, services)
    this.#publish()
  }

  /** The next tuner to be taken for the transponder, by the numbers; undefined when there is room. Nobody
   *  loses his in vain. @throws NO_TUNER if all that may be taken would not do */
  #victim(
    transponder: string,
    request: TunerRequest,
    tally: Tally = this.#tally,
    limits: TunerLimits = this.#options,
  ): Tuner | undefined {
    const missing = (ours: ReadonlySet<string>) => {
      const { byCount, byLimit } = missingFor(tally, ours, limits)
      return byCount + byLimit
    }
    let victim: Tuner | undefined
    let ours = this.#ours().add(transponder)
    for (const tuner of this.#inOrder(request)) {
      const without = new Set(ours)
      without.delete(tuner.transponder)
      if (missing(without) >= missing(ours)) continue
      ours = without
      victim ??= tuner
    }
    if (missing(ours) === 0) return victim
    const { byCount } = missingFor(tally, ours, limits)
    throw this.#refusal(request, byCount > 0 ? 'in use' : 'limit')
  }

  /** What may be taken: first those that linger, oldest first, then of lower priority, lowest and youngest first. */
  #inOrder({ priority, mayPreempt = true }: TunerRequest): Tuner[] {
    const tuners = [...this.#tuners.values()]
    const lingering = tuners.filter(({ isLingering }) => isLingering)
    const lower = tuners.filter((tuner) => mayPreempt && !tuner.isLingering && tuner.rank < rankOf(priority))
    return [
      ...lingering.sort((a, b) => a.changedAt - b.changedAt),
      ...lower.sort((a, b) => a.rank - b.rank || b.order - a.order),
    ]
  }

  /** Asks the receiver, which knows its bands and inputs better than the numbers do.
   *  @throws NO_TUNER if it has none after all that may be taken was */
  async #persuade(request: TunerRequest, stop: AbortSignal): Promise<void> {
    while (!(await this.#isPlayable(request.reference, stop))) {
      stop.throwIfAborted()
      const victim = await this.#nextVictim(request)
      if (victim === undefined) throw this.#refusal(request, 'receiver')
      await this.#take(victim, request)
    }
  }

  async #nextVictim(request: TunerRequest): Promise<Tuner | undefined> {
    for (const tuner of this.#inOrder(request)) {
      if (tuner.isLingering) return tuner
      const [lease, ...more] = tuner.leases
      if (lease === undefined || more.length > 0) continue // the receiver can say it of one service alone
      const helps = await this.#options.source.isPlayable(request.reference, lease.request.reference)
      const isStillLower = this.#inOrder(request).includes(tuner)
      if (helps === true && isStillLower) return tuner
    }
    return undefined
  }

  // True also where nobody knows. Just after a stream has left a no is not taken for the last word.
  async #isPlayable(reference: string, stop: AbortSignal): Promise<boolean> {
    const until = this.#freedAt + settleMs
    for (;;) {
      const answer = await this.#options.source.isPlayable(reference)
      stop.throwIfAborted()
      if (answer !== false) return true
      if (performance.now() >= until) return false
      await pause(settleStepMs, stop)
      stop.throwIfAborted()
    }
  }

  async #take(tuner: Tuner, { channel }: TunerRequest): Promise<void> {
    if (this.#tuners.get(tuner.transponder) !== tuner) return // it went by itself meanwhile
    const { isLingering, channels, leases } = tuner
    this.#options.metrics?.tunerPreemptions.inc(isLingering ? 'lingering' : 'priority')
    this.#options.log?.info({ channels, for: channel, isLingering }, 'tuner taken')
    const reason = new AppError('NO_TUNER', { reason: `Its tuner was needed for ${channel}` })
    this.#free(tuner)
    this.#publish()
    const farewells = [...leases].map((lease) => lease.revoke(reason))
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(late.resolve, farewellMs, undefined)
    await Promise.race([Promise.all(farewells), late.promise])
    clearTimeout(timer)
    this.#freedAt = performance.now()
  }

  #free(tuner: Tuner): void {
    const { transponder } = tuner
    this.#tuners.delete(transponder)
    this.#freedAt = performance.now()
    for (const service of tuner.services)
      this.#left.set(service, { transponder, until: this.#freedAt + afterglowMs })
  }

  #ours(): Set<string> {
    return new Set(this.#tuners.keys())
  }

  #refusal({ channel }: TunerRequest, why: 'in use' | 'limit' | 'receiver'): AppError {
    this.#options.metrics?.tunerRefusals.inc(why)
    const { total, byReceiver, reserved, used } = this.list()
    const channels = used.flatMap((tuner) => tuner.channels)
    const { limit } = this.#options
    const subject = {
      'in use': `All ${total} tuners are in use`,
      limit: `All ${limit} tuners that may be used are in use`,
      receiver: `The receiver has no tuner for ${channel}`,
    }[why]
    const others = [
      ...(why === 'limit' || byReceiver === 0 ? [] : [`${byReceiver} by the receiver`]),
      ...(why === 'limit' || reserved === 0 ? [] : [`${reserved} reserved`]),
    ]
    const reason = [subject, [...channels, ...others].join(', ')].filter(Boolean).join(': ')
    return new AppError('NO_TUNER', { reason, total, channels, byReceiver, reserved })
  }

  // What we add to the sums over all receivers.
  #publish(): void {
    const { metrics } = this.#options
    const { total = 0, byReceiver, reserved, used } = this.list()
    const now = {
      tuners: total,
      tunersUsed: used.length,
      tunersLingering: used.filter(({ isLingering }) => isLingering).length,
      tunersReserved: reserved,
      tunersOfReceiver: byReceiver,
    }
    for (const name of Object.keys(now) as (keyof typeof now)[])
      metrics?.[name].inc(now[name] - this.#published[name])
    this.#published = now
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms)
    stop.addEventListener('abort', end, { once: true })
    function end() {
      clearTimeout(timer)
      stop.removeEventListener('abort', end)
      resolve()
    }
  })
}

function toReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : toAppError(reason)
}
