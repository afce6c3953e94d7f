// Something that can be streamed, and the ways to it. Where it comes from is another room's business.
import type { AppError } from '../base/errors.ts'
import type { Reference } from '../receiver/reference.ts'
import type { Priority, TunerLease } from './lease.ts'
import type { Receivers, Wish } from './receivers.ts'
import type { Sink } from './splitter.ts'
import { Upstream, type Target, type UpstreamOptions } from './upstream.ts'

/** Where a service is, and which programme of the PAT it is (0: the one that flows). */
export interface Place extends Target {
  readonly program: number
}

/** A stream's bytes on their way into a sink. */
export type Connection = Pick<Upstream, 'done' | 'gone' | 'bytes' | 'isComplete' | 'bitrate' | 'close'>

/** Where a stream can be had, and the right to ask there. */
export interface Way {
  /** Which programme of the PAT it is; 0: the one that flows. */
  readonly program: number
  /** Begins to fetch it. The sink is closed when it ends, for whatever reason. */
  connect(sink: Sink, options: UpstreamOptions): Connection
  /** A stream came from there. */
  worked(): void
  /** None came, or it broke. */
  failed(error: AppError): void
  /** The way to the place that the answer names instead of a stream. Absent where none is followed.
   *  @throws FORBIDDEN, BAD_REQUEST ... */
  follow?(location: string): Promise<Way>
  /** Nobody watches any more: the tuner may be taken at once. */
  linger(): void
  /** Somebody watches again, or others than before. */
  resume(priority: Priority): void
  /** Gives the tuner back. Does nothing the second time. */
  close(): void
}

export interface SeekOptions {
  readonly signal?: AbortSignal
  /** The way that failed; it is given back, or used again. */
  readonly before?: Way | undefined
}

export interface Service {
  /** For people. */
  readonly name: string
  /** Equal for the same service, however it is asked for. */
  readonly key: string
  /** Receivers that may have it. */
  readonly sources: number
  /** Finds a way. Opens no stream. @throws NO_TUNER, RECEIVER_* */
  seek(wish: Wish, options?: SeekOptions): Promise<Way>
}

/** A service at one place. */
export interface FixedService extends Service {
  seek(wish: Wish, options?: SeekOptions): Promise<Way & { readonly place: Place }>
}

/** A service at one place, which takes no tuner that we know of. */
export function fixedService(about: {
  name: string
  key: string
  locate: () => Promise<Place>
  /** Drops what is remembered of its place. */
  forget: () => unknown
  /** What an answer leads to that names another place. */
  follow?: (location: string) => Service
}): FixedService {
  const { name, key, locate, forget, follow } = about
  const seek: FixedService['seek'] = async (wish, options) => {
    const place = await locate()
    return {
      place,
      program: place.program,
      connect: (sink, options) => new Upstream(place, sink, options),
      worked: nothing,
      failed: () => void forget(),
      ...(follow && { follow: async (location) => await follow(location).seek(wish, options) }),
      linger: nothing,
      resume: nothing,
      close: nothing,
    }
  }
  return { name, key, sources: 1, seek }
}

/** A service of the receivers, each way with a lease of a tuner. */
export function receivedService(about: {
  name: string
  key: string
  reference: Reference
  receivers: Receivers
}): Service {
  const { name, key, reference, receivers } = about
  return {
    name,
    key,
    sources: receivers.size,
    seek: (wish, options) => seek(reference, receivers, wish, options),
  }
}

class ReceiverWay implements Way {
  readonly #place: Place
  readonly lease: TunerLease
  readonly failed: (error: AppError) => void
  readonly worked: () => void

  constructor(place: Place, lease: TunerLease, told: Pick<Way, 'worked' | 'failed'>) {
    this.#place = place
    this.lease = lease
    this.worked = told.worked
    this.failed = told.failed
  }

  get program(): number {
    return this.#place.program
  }

  connect(sink: Sink, options: UpstreamOptions): Connection {
    return new Upstream(this.#place, sink, options)
  }

  linger(): void {
    this.lease.linger()
  }

  resume(priority: Priority): void {
    this.lease.resume(priority)
  }

  close(): void {
    this.lease.release()
  }
}

// With a single receiver the tuner is kept while its stream is down: nobody else could send it.
async function seek(
  reference: Reference,
  receivers: Receivers,
  wish: Wish,
  { signal, before }: SeekOptions = {},
): Promise<Way> {
  const kept =
    before instanceof ReceiverWay && before.lease.isHeld && receivers.size === 1 ? before.lease : undefined
  if (kept === undefined) before?.close()
  const seat = kept === undefined ? await receivers.seat(reference, wish, signal && { signal }) : undefined
  const candidate = seat?.candidate ?? receivers.candidates(reference)[0]
  const lease = seat?.lease ?? kept
  if (candidate === undefined || lease === undefined) throw new TypeError('Expected at least one receiver')
  try {
    return new ReceiverWay(await candidate.locate(), lease, {
      worked: () => receivers.worked(candidate, reference),
      failed(error) {
        candidate.forget()
        receivers.failed(candidate, reference, error)
      },
    })
  } catch (error) {
    lease.release()
    throw error
  }
}

function nothing(): void {
  // no tuner is held
}
