// What the parts of a daemon share while they are wired.
import type { EventHub } from './api/events.ts'
import type { ApiServer } from './api/server.ts'
import type { AppError } from './base/errors.ts'
import type { LiveConfig } from './base/live.ts'
import type { Logger } from './base/log.ts'
import type { Metrics } from './base/metrics.ts'
import type { Guide } from './guide/guide.ts'
import type { VirtualTuner } from './hdhomerun/tuner.ts'
import type { Door } from './hls/door.ts'
import type { Sessions } from './hls/sessions.ts'
import type { Budget } from './receiver/budget.ts'
import type { Published } from './jobs/published.ts'
import type { Reception } from './receiver/signal.ts'
import type { Feeds } from './stream/feeds.ts'
import type { Receivers } from './stream/receivers.ts'
import type { Service } from './stream/service.ts'
import type { Pool } from './workers/pool.ts'

/** What streams are served from, on whichever port. */
export interface Streams {
  readonly feeds: Feeds
  /** What a path of the proxy port stands for. */
  readonly find: (path: string) => Service | undefined
  readonly receivers: Receivers | undefined
  readonly refusal: AppError | undefined
}

/** What the parts of a daemon are made with, and where they find each other. */
export interface Tools {
  readonly parts: AsyncDisposableStack
  readonly live: LiveConfig
  readonly hub: EventHub
  /** Channels of programs on this machine. */
  readonly published: Published
  /** What is there once it has started. */
  readonly found: {
    apiPort: number
    proxyPort?: number
    tlsPort?: number
    tls?: ApiServer
    feeds?: Feeds
    guide?: Guide
    receivers?: Receivers
    hls?: { readonly sessions: Sessions; readonly door: Door }
    /** Of the first receiver. */
    reception?: Reception
    tuner?: VirtualTuner
    pool?: Pool | undefined
  }
  /** What may be asked of the first receiver, for streams and guide together. */
  readonly budget: Budget
  readonly log: Logger
  readonly metrics: Metrics
  /** What keeps the daemon from doing its work now, each looked at when somebody asks. */
  readonly checks: (() => string | undefined)[]
}
