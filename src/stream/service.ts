// Something that can be streamed, as the streams see it: where it comes from is another room's business.
import type { Target } from './upstream.ts'

/** Where a service is, and which programme of the PAT it is (0: the one that flows). */
export interface Place extends Target {
  readonly program: number
}

export interface Service {
  /** For logs. */
  readonly name: string
  /** Equal for the same service, however it is asked for. */
  readonly key: string
  /** Asks where it is. Opens no stream. */
  locate(): Promise<Place>
  /** Drops what is remembered of its place, after a stream of it could not be had. */
  forget(): void
}
