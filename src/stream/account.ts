// What the log and the metrics hear of one request for a stream.
import type { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { traceFields, type TraceContext } from '../base/trace.ts'
import type { ViewingEnd } from './viewing.ts'

export interface AccountOptions {
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
  /** The request's route in the metrics, whatever was asked for. Default that of the proxy port. */
  readonly route?: string
  /** The request's span. */
  readonly trace?: TraceContext | undefined
}

export class Account {
  readonly #method: string
  readonly #route: string
  readonly #log: Logger | undefined
  readonly #metrics: Metrics | undefined
  readonly #traced: Record<string, string>
  readonly #openedAt = performance.now()
  #isStarted = false

  constructor(method: string | undefined, { log, metrics, trace, route = '/:reference' }: AccountOptions) {
    this.#method = method ?? ''
    this.#route = route
    this.#log = log
    this.#metrics = metrics
    this.#traced = traceFields(trace)
  }

  /** The status is known. */
  answered(status: number): void {
    this.#metrics?.request(this.#method, this.#route, status, this.#ms / 1000)
  }

  /** There is something to send. */
  started(channel: string, engine: string): void {
    this.#isStarted = true
    this.answered(200)
    this.#metrics?.streamsActive.inc()
    this.#metrics?.firstByteSeconds.observe(this.#ms / 1000)
    this.#log?.info({ channel, engine, firstByteMs: Math.round(this.#ms), ...this.#traced }, 'stream started')
  }

  /** A stream that had started is over. */
  ended(channel: string, { end, bytesIn, bytesSent, error }: ViewingEnd): void {
    if (end === 'slow') this.#metrics?.slowClients.inc('dropped')
    if (end === 'stalled') this.#metrics?.slowClients.inc('stalled')
    const fields = {
      channel,
      end,
      seconds: Math.round(this.#ms / 100) / 10,
      bytesIn,
      bytesSent,
      ...this.#traced,
    }
    if (error === undefined) this.#log?.info(fields, 'stream ended')
    else this.#failed(error, { ...fields, err: error }, 'stream failed')
  }

  /** The answer is an error. */
  refused(error: AppError, path: string | undefined): void {
    this.answered(error.status)
    if (error.status < 500)
      this.#log?.debug({ path, code: error.code, reason: error.message }, 'request refused')
    else this.#failed(error, { path, err: error }, 'stream refused')
  }

  /** The client was gone before there was anything to send. */
  abandoned(channel: string): void {
    this.#log?.info({ channel, afterMs: Math.round(this.#ms) }, 'stream abandoned')
  }

  close(): void {
    if (this.#isStarted) this.#metrics?.streamsActive.dec()
  }

  #failed(error: AppError, fields: object, event: string): void {
    const { code } = error
    this.#metrics?.streamErrors.inc(code) // codes that are not listed count as `other`
    this.#log?.warn({ ...fields, code }, event)
  }

  get #ms(): number {
    return performance.now() - this.#openedAt
  }
}
