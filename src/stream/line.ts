// How a stream gets to a transcoder: a door is an address, a line one stream's way through it. What flows there
// is frames (frames.ts); how a line begins and ends differs between a Unix socket and HTTP.
import type { Readable, Writable } from 'node:stream'
import { AppError } from '../base/errors.ts'
import type { TraceContext } from '../base/trace.ts'
import type { Profile } from '../workers/profile.ts'
import type { Refusal } from './frames.ts'

/** One stream's way to a transcoder, which has taken it. */
export interface Line {
  /** Frames from the transcoder. */
  readonly source: Readable
  /** Frames to it. */
  readonly sink: Writable
  /** Both sides have sent their last frame: the connection is kept for the next stream. */
  free(): void
  /** It is of no use any more. @param reason  what who still reads or writes gets to hear */
  drop(reason?: Error): void
}

/** What a transcoder is told of a stream. */
export interface RemoteJob {
  readonly profile: Profile
  /** for its log */
  readonly label: string
  /** A job's, see StreamOptions; undefined for live television. */
  readonly weight?: number | undefined
  /** The span that its part of the work belongs to. */
  readonly trace: TraceContext
}

export interface Door {
  /** Asks for a stream.
   *  @throws NO_STREAM, POOL_FULL, SHUTTING_DOWN, TRANSCODER_FAILED  for a refusal
   *  @throws what the connection fails with, or the signal's reason */
  open(job: RemoteJob, signal: AbortSignal): Promise<Line>
  /** Asks whether the transcoder works. @throws why not, or the signal's reason */
  probe(signal: AbortSignal): Promise<void>
  /** Ends all connections. */
  close(): void
}

export interface DoorOptions {
  /** Connections kept for the next stream. */
  readonly mostIdle: number
  /** How long they are kept. */
  readonly idleMs: number
}

/** A refusal as an error of ours: what the source or the load is to blame for stays so. */
export function refused({ code, message }: Refusal): AppError {
  switch (code) {
    case 'NO_STREAM': {
      const prefix = `${new AppError(code).message}: `
      return new AppError(code, { found: message.startsWith(prefix) ? message.slice(prefix.length) : '' })
    }
    case 'POOL_FULL':
    case 'SHUTTING_DOWN':
      return new AppError(code)
    default:
      return new AppError('TRANSCODER_FAILED', { reason: `it says ${code}, ${message}` })
  }
}

/** Runs while the signal has not been given; then `stop` ends it with the signal's reason. */
export async function until<T>(
  signal: AbortSignal,
  stop: (reason: Error) => void,
  run: () => Promise<T>,
): Promise<T> {
  const abort = () => stop(signal.reason as Error)
  signal.throwIfAborted()
  signal.addEventListener('abort', abort)
  try {
    return await run()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
