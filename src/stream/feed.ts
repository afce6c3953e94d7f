// One service, on its way from the receiver to all who watch it: a lease of a tuner, an upstream that is
// opened again when it breaks, and a rendition for each distinct profile. Main thread.
import { setTimeout as delay } from 'node:timers/promises'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { TraceContext } from '../base/trace.ts'
import type { Profile } from '../workers/profile.ts'
import type { SlowPolicy } from './cursor.ts'
import type { Engines } from './engines.ts'
import type { ReelLimits } from './reel.ts'
import { Rendition } from './rendition.ts'
import { rankOf, type Priority } from './lease.ts'
import type { Connection, Service, Way } from './service.ts'
import type { Spacing } from './spacing.ts'
import { Splitter } from './splitter.ts'
import type { UpstreamLimits, UpstreamOptions } from './upstream.ts'

export interface FeedLimits {
  /** From the first request to the first bytes out, all waits together. */
  startMs: number
  /** A connection that broke is opened again for so long. */
  reconnectMs: number
  /** A feed that nobody watches any more goes on for so long. */
  lingerMs: number
}

export const feedLimits: FeedLimits = { startMs: 20_000, reconnectMs: 60_000, lingerMs: 5000 }

export interface FeedContext {
  readonly engines: Engines
  readonly spacing: Spacing
  readonly slow?: SlowPolicy | undefined
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
  readonly limits?: Partial<FeedLimits & UpstreamLimits & ReelLimits> | undefined
}

const retryMs = [0, 500, 1000, 1000, 1000, 1000, 1000, 2000] // between attempts; the last one stays
// No transponder sends faster, bit/s. What does is a file, and its FIN its end; a broadcast has none.
const fastestBroadcast = 200_000_000
const fillAfterMs = 1000 // of silence in mid-stream, and between two fillings

export class Feed {
  readonly service: Service
  readonly startedAt = new Date()
  /** Resolves when the feed is closed and its connection to the receiver gone. */
  readonly gone: Promise<void>
  readonly #context: FeedContext
  readonly #limits: FeedLimits
  readonly #gone = Promise.withResolvers<undefined>()
  readonly #abort = new AbortController()
  readonly #renditions = new Map<string, Rendition>()
  readonly #lingering = new Map<Rendition, NodeJS.Timeout>()
  #seeking: Promise<Way> | undefined // the first way, once it is asked for
  #way: Way | undefined
  #priority: Priority
  #upstream: Connection | undefined
  #running: Promise<void> | undefined
  #bytesIn = 0 // of the connections before this one
  #reconnects = 0
  #isEnding = false

  /** @param priority  of the client that it is begun for */
  constructor(service: Service, context: FeedContext, priority: Priority = 'normal') {
    this.service = service
    this.#priority = priority
    this.#context = context
    this.#limits = { ...feedLimits, ...context.limits }
    this.gone = this.#gone.promise
  }

  /** Bytes that came from the receiver. */
  get bytesIn(): number {
    return this.#bytesIn + (this.#upstream?.bytes ?? 0)
  }

  get reconnects(): number {
    return this.#reconnects
  }

  get renditions(): readonly Rendition[] {
    return [...this.#renditions.values()]
  }

  get readers(): number {
    return this.renditions.reduce((all, { readers }) => all + readers, 0)
  }

  /** Takes nobody any more. */
  get isClosed(): boolean {
    return this.#abort.signal.aborted || this.#isEnding
  }

  /** The rendition of a profile, begun where there is none; undefined if the feed was closed meanwhile.
   *  Its `ready` tells whether something comes.
   *  @param trace  the span of the request, which a rendition that it begins is part of
   *  @throws NO_TUNER, POOL_FULL, ADDON_MISSING, before anything is asked of the stream server */
  async rendition(profile: Profile, trace?: TraceContext): Promise<Rendition | undefined> {
    const { program } = await (this.#seeking ??= this.#seek())
    if (this.isClosed) return undefined
    const wanted = { ...profile, program: program || profile.program } // the place knows better
    const key = JSON.stringify(wanted)
    const known = this.#renditions.get(key)
    if (known?.isOpen === true) return known
    const rendition = this.#begin(wanted, trace)
    this.#renditions.set(key, rendition)
    const forget = () => this.#forget(key, rendition)
    rendition.done.then(forget, forget)
    this.#used(rendition)
    this.#running ??= this.#run()
    return rendition
  }

  #begin(profile: Profile, trace: TraceContext | undefined): Rendition {
    const { engines, slow, limits } = this.#context
    try {
      const rendition: Rendition = new Rendition({
        profile,
        label: this.service.name,
        engines,
        trace,
        slow,
        limits,
        onUse: () => this.#used(rendition),
      })
      return rendition
    } catch (error) {
      if (this.#renditions.size === 0) this.close() // a tuner for nobody
      throw error
    }
  }

  /** Leaves the receiver; what has come is still worked off and can be read. */
  end(): void {
    this.#isEnding = true
    this.#upstream?.close()
    if (this.#running === undefined) this.close()
    this.#endInputs()
  }

  /** Gives everything up at once, for this reason or none. Does nothing the second time. */
  close(reason?: AppError): void {
    if (this.#abort.signal.aborted) return
    this.#abort.abort()
    for (const rendition of this.renditions) rendition.close(reason)
    for (const timer of this.#lingering.values()) clearTimeout(timer)
    this.#lingering.clear()
    this.#upstream?.close()
    void this.#leave()
  }

  async #leave(): Promise<void> {
    await this.#running
    await this.#upstream?.gone
    this.#way?.close()
    this.#gone.resolve(undefined)
  }

  async #seek(before?: Way): Promise<Way> {
    const wish = {
      channel: this.service.name,
      priority: this.#priority,
      onRevoke: (reason: AppError) => {
        this.close(reason)
        return this.gone
      },
    }
    try {
      this.#way = await this.service.seek(wish, { signal: this.#abort.signal, before })
    } catch (error) {
      if (before === undefined) this.close() // nobody can be served
      throw error
    }
    if (this.isClosed) this.#way.close()
    return this.#way
  }

  // Connections, one after the other, until the stream ends by itself or cannot be had any more.
  async #run(): Promise<void> {
    const { startMs } = this.#limits
    const start = setTimeout(() => this.#isMute && this.#giveUp(startMs), startMs)
    let seen = 0
    const fill = setInterval(() => {
      if (this.bytesIn === seen && this.#upstream !== undefined)
        for (const each of this.renditions) each.fill()
      seen = this.bytesIn
    }, fillAfterMs)
    try {
      await this.#connect()
      this.#endInputs()
    } catch (thrown) {
      const error = toAppError(thrown)
      for (const rendition of this.renditions) rendition.fail(error)
    } finally {
      clearTimeout(start)
      clearInterval(fill)
      this.#isEnding = true
    }
  }

  async #connect(): Promise<void> {
    const { log, metrics, spacing, limits } = this.#context
    let lastByteAt = performance.now()
    for (let attempt = 0; !this.isClosed; attempt++) {
      const before = this.bytesIn
      const failure = await this.#connectOnce(before, { metrics, spacing, limits })
      if (failure === undefined || this.isClosed) return
      if (this.bytesIn > before) {
        lastByteAt = performance.now()
        attempt = 0
      }
      const isOver =
        this.bytesIn === 0
          ? attempt + 1 >= this.service.sources
          : performance.now() - lastByteAt >= this.#limits.reconnectMs
      if (isOver) throw failure
      this.#reconnects++
      metrics?.reconnects.inc()
      log?.warn({ channel: this.service.name, attempt, err: failure }, 'stream broke, connecting again')
      await this.#pause(retryMs[Math.min(attempt, retryMs.length - 1)] ?? 0)
    }
  }

  // One connection, or those that its answers lead to. Returns why it ended, or undefined where all has
  // come that there is.
  async #connectOnce(before: number, options: UpstreamOptions): Promise<AppError | undefined> {
    const last = this.#upstream
    let way: Way | undefined
    try {
      // What broke is sought again; the first way is known.
      way = last === undefined && this.#way !== undefined ? this.#way : await this.#seek(this.#way)
      if (before > 0) for (const rendition of this.renditions) rendition.splice()
      this.#bytesIn = before
      for (let at: Way | undefined = way; at !== undefined && !this.isClosed;) {
        const failure = await this.#receive(at, options)
        if (failure === undefined) return undefined
        at = await followed(at, failure)
        if (at === undefined) throw failure
      }
      return undefined
    } catch (thrown) {
      const error = toAppError(thrown)
      if (!this.isClosed) way?.failed(error)
      return error
    }
  }

  // What one place sends.
  async #receive(way: Way, options: UpstreamOptions): Promise<AppError | undefined> {
    const splitter = new Splitter(() => this.renditions.map(({ input }) => input))
    const upstream = way.connect(splitter, { ...options, onStart: () => way.worked() })
    this.#upstream = upstream
    try {
      await upstream.done
    } catch (thrown) {
      return toAppError(thrown)
    }
    if (upstream.isComplete || upstream.bitrate > fastestBroadcast) return undefined
    return new AppError('UPSTREAM_ENDED', { reason: 'it closed the connection' })
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#abort.signal }).catch(() => undefined)
  }

  #giveUp(afterMs: number): void {
    if (this.bytesIn === 0)
      for (const each of this.renditions) each.fail(new AppError('UPSTREAM_TIMEOUT', { afterMs }))
    this.end()
  }

  get #isMute(): boolean {
    return this.renditions.every(({ bytes }) => bytes === 0)
  }

  #endInputs(): void {
    for (const rendition of this.renditions) rendition.end()
  }

  // Readers have come or gone: what nobody reads lingers, and is then given up.
  #used(rendition: Rendition): void {
    clearTimeout(this.#lingering.get(rendition))
    this.#lingering.delete(rendition)
    if (this.#abort.signal.aborted) return
    this.#weigh()
    if (rendition.readers > 0) return
    const { lingerMs } = this.#limits
    this.#lingering.set(
      rendition,
      setTimeout(() => rendition.close(), rendition.bytes === 0 ? 0 : lingerMs),
    )
  }

  // The tuner is worth what the most important of the readers is worth.
  #weigh(): void {
    if (this.readers === 0) return this.#way?.linger()
    const priorities = this.renditions.flatMap(({ priorities }) => priorities)
    this.#priority = priorities.reduce((most, each) => (rankOf(each) > rankOf(most) ? each : most), 'low')
    this.#way?.resume(this.#priority)
  }

  #forget(key: string, rendition: Rendition): void {
    clearTimeout(this.#lingering.get(rendition))
    this.#lingering.delete(rendition)
    if (this.#renditions.get(key) === rendition) this.#renditions.delete(key)
    if (this.#renditions.size === 0) this.close()
  }
}

// Where an answer leads that names another place.
async function followed(way: Way, { details }: AppError): Promise<Way | undefined> {
  const { location } = details
  return typeof location === 'string' ? await way.follow?.(location) : undefined
}
