// One service, on its way from the receiver to all who watch it: a lease of a tuner, an upstream that is
// opened again when it breaks, and a rendition for each distinct profile. Main thread.
import { setTimeout as delay } from 'node:timers/promises'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Profile } from '../workers/profile.ts'
import type { SlowPolicy } from './cursor.ts'
import type { Engines } from './engines.ts'
import type { ReelLimits } from './reel.ts'
import { Rendition } from './rendition.ts'
import type { Place, Service } from './service.ts'
import type { Spacing } from './spacing.ts'
import { Splitter } from './splitter.ts'
import { Upstream, type UpstreamLimits } from './upstream.ts'

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

const retryMs = [0, 500, 1000, 2000, 4000] // between attempts; the last one stays
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
  #place: Promise<Place> | undefined
  #upstream: Upstream | undefined
  #running: Promise<void> | undefined
  #bytesIn = 0 // of the connections before this one
  #reconnects = 0
  #isEnding = false

  constructor(service: Service, context: FeedContext) {
    this.service = service
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
   *  @throws POOL_FULL, ADDON_MISSING, before anything is asked of the stream server */
  async rendition(profile: Profile): Promise<Rendition | undefined> {
    const { program } = await (this.#place ??= this.service.locate())
    if (this.isClosed) return undefined
    const key = JSON.stringify({ ...profile, program })
    const known = this.#renditions.get(key)
    if (known?.isOpen === true) return known
    const { engines, slow, limits } = this.#context
    const rendition = new Rendition({
      profile: { ...profile, program },
      label: this.service.name,
      engines,
      slow,
      limits,
      onUse: () => this.#used(rendition),
    })
    this.#renditions.set(key, rendition)
    const forget = () => this.#forget(key, rendition)
    rendition.done.then(forget, forget)
    this.#used(rendition)
    this.#running ??= this.#run()
    return rendition
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
    this.#gone.resolve(undefined)
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
    let attempt = 0
    let lastByteAt = performance.now()
    for (;;) {
      const bytesBefore = this.bytesIn
      let failure: AppError | undefined
      try {
        const target = await (this.#place ??= this.service.locate())
        if (this.isClosed) return
        const splitter = new Splitter(() => this.renditions.map(({ input }) => input))
        if (bytesBefore > 0) for (const rendition of this.renditions) rendition.splice()
        this.#bytesIn = bytesBefore
        this.#upstream = new Upstream(target, splitter, { spacing, metrics, limits })
        await this.#upstream.done
        if (this.#upstream.isComplete) return
      } catch (thrown) {
        failure = toAppError(thrown)
      }
      if (this.isClosed) return
      const isFresh = this.bytesIn === bytesBefore
      if (!isFresh) {
        lastByteAt = performance.now()
        attempt = 0
      }
      const silentMs = performance.now() - lastByteAt
      this.service.forget()
      if (this.bytesIn === 0 || silentMs >= this.#limits.reconnectMs) {
        throw failure ?? new AppError('UPSTREAM_ENDED', { reason: 'it closed the connection' })
      }
      this.#place = undefined
      this.#reconnects++
      metrics?.reconnects.inc()
      log?.warn({ channel: this.service.name, attempt, err: failure }, 'stream broke, connecting again')
      await this.#pause(retryMs[Math.min(attempt++, retryMs.length - 1)] ?? 0)
      if (this.isClosed) return
    }
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
    if (rendition.readers > 0 || this.#abort.signal.aborted) return
    const { lingerMs } = this.#limits
    this.#lingering.set(
      rendition,
      setTimeout(() => rendition.close(), rendition.bytes === 0 ? 0 : lingerMs),
    )
  }

  #forget(key: string, rendition: Rendition): void {
    clearTimeout(this.#lingering.get(rendition))
    this.#lingering.delete(rendition)
    if (this.#renditions.get(key) === rendition) this.#renditions.delete(key)
    if (this.#renditions.size === 0) this.close()
  }
}
