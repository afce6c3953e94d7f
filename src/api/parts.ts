// What the API speaks for, as the daemon hands it over. Nothing here is a stream.
import type { Config } from '../base/config.ts'
import type { Reloaded } from '../base/live.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Guide } from '../guide/guide.ts'
import type { Feeds } from '../stream/feeds.ts'
import type { Receivers } from '../stream/receivers.ts'
import type { PoolStats } from '../workers/pool.ts'
import type { Ports } from './address.ts'
import type { Route } from './route.ts'

/** Why the daemon cannot do its work now; empty when it can. */
export type Readiness = () => readonly string[]

/** The configuration in effect, and a way to read it again. */
export interface Configuration {
  readonly current: Config
  readonly masked: Record<string, unknown>
  /** @throws CONFIG_REJECTED */
  reload(): Reloaded
}

/** What the virtual HDHomeRun devices answer on their own port, for those who look for them here. */
export interface DevicePages {
  /** @throws FORBIDDEN by the client's address, METHOD_NOT_ALLOWED, NOT_FOUND, NOT_READY */
  answer(question: {
    readonly method: string
    /** As `discover.json`. */
    readonly name: string
    readonly query: URLSearchParams
    /** By which the client has reached us. */
    readonly hostname: string
    /** The client's; undefined where nobody can vouch for it. */
    readonly address: string | undefined
  }): Promise<{ readonly type: string; readonly body: string }>
}

export interface Parts {
  readonly metrics: Metrics
  readonly isReady: Readiness
  readonly configuration: Configuration
  /** Undefined while the daemon starts, and where there is no receiver to ask. */
  readonly guide: () => Guide | undefined
  /** Those of the proxy port. */
  readonly streams: Pick<Feeds, 'list' | 'end'>
  /** Those that streams come from, in order. Undefined where there are none. */
  readonly receivers: () => Pick<Receivers, 'list' | 'look'> | undefined
  /** Undefined where there are none. */
  readonly devices: () => DevicePages | undefined
  readonly ports: Ports
  /** Are channels served as HLS, below /hls of this port? */
  readonly hasHls: () => boolean
  /** Undefined where there is no pool, and while the daemon starts. */
  readonly pool: () => PoolStats | undefined
  /** Routes of rooms that the API does not know. */
  readonly further?: readonly Route[]
  readonly version: string
  readonly log?: Logger | undefined
}
