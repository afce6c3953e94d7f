// What turns the receiver's bytes into what clients get. Every maker of an Engine answers alike:
// a ring to write to, a ring to read from, a report at the end. Callers never ask which one it is.
import type { AppError } from '../base/errors.ts'
import type { Mark } from '../workers/native.ts'
import type { Pool, RemuxReport, StreamOptions } from '../workers/pool.ts'
import type { Profile } from '../workers/profile.ts'
import { createRing, RingReader, RingWriter, type CloseReason } from '../workers/ring.ts'
import { packetBytes, syncByte } from './packet.ts'

export type { StreamOptions } from '../workers/pool.ts'

export interface EngineStream {
  readonly input: RingWriter
  readonly output: RingReader
  /** Resolves when no more output comes: the input has ended and was worked off, or the stream was closed.
   *  @throws WORKER_DIED, WORKER_HUNG, FFMPEG_FAILED, TRANSCODER_FAILED, NO_STREAM; POOL_FULL where that is known
   *  only now */
  readonly done: Promise<EngineReport>
  /** What the engine has not taken of the input, for the next one when this one has failed. The input then stays
   *  open until close(): nothing that comes meanwhile is lost. Engines without it lose what they have. */
  readonly rest?: RingReader
  /** Access points of the output since the last call, see PoolStream; none from an engine that does not look. */
  marks(): Mark[]
  /** Faults of the source found so far; engines that do not count them have none. */
  errors?(): number
  /** Gives the stream up: both rings close, what is in them is lost. */
  close(): void
}

export type EngineReport = Pick<RemuxReport, 'bytesIn' | 'bytesOut' | 'errors'> &
  Partial<Pick<RemuxReport, 'stats'>>

export const engineNames = ['remote', 'native', 'ffmpeg', 'passthrough'] as const
export type EngineName = (typeof engineNames)[number]

export interface Engine {
  /** For logs and metrics. */
  readonly name: EngineName
  /** Why it takes no stream now, where it finds out by itself when that is over: until then it is passed over. */
  readonly problem?: AppError | undefined
  /** Begins a stream.
   *  @throws POOL_FULL, ADDON_MISSING, NO_WORKER, FFMPEG_MISSING, TRANSCODER_FAILED, SHUTTING_DOWN */
  open(profile: Profile, options?: StreamOptions): EngineStream
}

/** Does it tell of the access points in its output? */
export function tellsMarks({ name }: Engine): boolean {
  return name === 'remote' || name === 'native'
}

/** The native remuxer in the worker pool. */
export function poolEngine(pool: Pool): Engine {
  return { name: 'native', open: (profile, options) => pool.open(profile, options) }
}

const ringBytes = 1024 * 1024 // 0.8 s of 10 Mbit/s
const entryBytes = 3 * packetBytes // of three packets the first is held to be one
const mostEntryBytes = 16 * 1024 // in which one is looked for

/** The bytes as they come, from the first whole packet on: one ring, written and read by the same thread, nothing
 *  copied. */
export function passthroughEngine(): Engine {
  return {
    name: 'passthrough',
    open() {
      const memory = createRing(ringBytes)
      const input = new Inlet(memory)
      return {
        input,
        output: new Outlet(memory),
        done: input.done,
        marks: () => [],
        close: () => input.close('cancel'),
      }
    },
  }
}

// Once nothing more comes in, nothing more comes out.
class Inlet extends RingWriter {
  readonly #closed = Promise.withResolvers<EngineReport>()
  readonly done = this.#closed.promise

  override close(reason?: CloseReason): void {
    super.close(reason)
    this.#closed.resolve({ bytesIn: this.total, bytesOut: this.total, errors: 0 })
  }
}

// A stream that another engine has left, or that had no room for a while, goes on in the middle of a packet.
class Outlet extends RingReader {
  #isLoose = true // the first packet of this source is not found yet

  override readable(mostBytes?: number): Uint8Array {
    if (this.#isLoose) this.#settle()
    return super.readable(this.#isLoose ? 0 : mostBytes)
  }

  override join(): void {
    super.join()
    this.#isLoose = true
  }

  override whenReadable(leastBytes = 1): Promise<void> {
    return super.whenReadable(this.#isLoose ? Math.max(entryBytes, this.fill + 1) : leastBytes)
  }

  // What has no packet that is confirmed passes as it comes.
  #settle(): void {
    const isOver = this.isClosed || this.splice !== undefined // before the fill: no more comes of this source
    const length = this.splice ?? this.fill
    if (!isOver && length < entryBytes) return
    const at = this.#entry(length, isOver)
    if (at === undefined && !isOver && length < mostEntryBytes) return
    this.release(at ?? 0)
    this.#isLoose = false
  }

  // Where the first packet begins that the next two confirm; at the end by as many as there are.
  #entry(length: number, isOver: boolean): number | undefined {
    const first = super.readable().byteOffset - this.data.byteOffset
    const isSync = (at: number) => at >= length || this.data[(first + at) % this.capacity] === syncByte
    const end = Math.min(isOver ? length : length - entryBytes + packetBytes, mostEntryBytes)
    for (let at = 0; at < end; at++)
      if (isSync(at) && isSync(at + packetBytes) && isSync(at + 2 * packetBytes)) return at
    return undefined
  }
}
