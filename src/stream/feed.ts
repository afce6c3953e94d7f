// One service on its way to one reader: an upstream and the engine behind it, opened and ended together.
// Main thread. Says when there is something to send, or why there will be nothing.
import { AppError, toAppError } from '../base/errors.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Profile } from '../workers/profile.ts'
import type { RingReader } from '../workers/ring.ts'
import type { Engine, EngineReport, EngineStream } from './engine.ts'
import type { Spacing } from './spacing.ts'
import { Upstream, type Target, type UpstreamLimits } from './upstream.ts'

export interface FeedOptions {
  readonly target: Target
  readonly profile: Profile
  readonly engine: Engine
  readonly spacing: Spacing
  readonly label?: string
  readonly metrics?: Metrics | undefined
  readonly limits?: Partial<UpstreamLimits & FeedLimits> | undefined
}

export interface FeedLimits {
  /** From the opening to the first bytes out, all waits together. */
  startMs: number
}

const defaultStartMs = 20_000

/** A running stream. Whoever opens it reads `output` and closes it. */
export class Feed {
  readonly output: RingReader
  /** Resolves when the first bytes can be read.
   *  @throws what kept them from coming: UPSTREAM_*, NO_STREAM, WORKER_* */
  readonly ready: Promise<void>
  /** Resolves when nothing more comes. @throws what ended it early */
  readonly done: Promise<EngineReport>
  /** Resolves when the connection to the receiver is gone. */
  readonly gone: Promise<void>

  readonly #upstream: Upstream
  readonly #stream: EngineStream

  /** @throws POOL_FULL, ADDON_MISSING, before anything is asked of the receiver */
  constructor({ target, profile, engine, spacing, label, metrics, limits }: FeedOptions) {
    this.#stream = engine.open(profile, label === undefined ? {} : { label })
    this.#upstream = new Upstream(target, this.#stream.input, { spacing, metrics, limits })
    this.output = this.#stream.output
    this.gone = this.#upstream.gone
    this.done = this.#settle()
    this.ready = this.#start(limits?.startMs ?? defaultStartMs)
    for (const promise of [this.done, this.ready]) promise.catch(() => undefined) // who closes it need not look
  }

  /** Bytes that came from the receiver. */
  get bytesIn(): number {
    return this.#upstream.bytes
  }

  /** Leaves the receiver; what has come is still worked off and can be read. */
  end(): void {
    this.#upstream.close()
  }

  /** Gives everything up at once. Does nothing the second time. */
  close(): void {
    this.#upstream.close()
    this.#stream.close()
  }

  // The engine's end closes the upstream; the upstream's end lets the engine finish what it has. If both
  // failed, the upstream was first: an engine that gets nothing says so too.
  async #settle(): Promise<EngineReport> {
    const engine = this.#stream.done.finally(() => this.#upstream.close())
    const [upstreamEnd, engineEnd] = await Promise.allSettled([this.#upstream.done, engine])
    if (upstreamEnd.status === 'rejected') throw toAppError(upstreamEnd.reason)
    if (engineEnd.status === 'rejected') throw toAppError(engineEnd.reason)
    return engineEnd.value
  }

  async #start(afterMs: number): Promise<void> {
    const timer = setTimeout(() => this.end(), afterMs)
    while (this.output.fill === 0 && !this.output.isClosed) await this.output.whenReadable()
    clearTimeout(timer)
    if (this.output.fill > 0) return
    const { bytesIn, stats } = await this.done
    if (bytesIn === 0) throw new AppError('UPSTREAM_TIMEOUT', { afterMs })
    throw new AppError('NO_STREAM', { found: stats?.problem || `nothing to send in ${bytesIn} bytes` })
  }
}
