// The transcoder's side of a framed stream (stream/frames.ts): from a source into an engine's stream and back to a
// sink, be they one socket or the two bodies of an HTTP exchange. Main thread.
import type { Readable, Writable } from 'node:stream'
import { AppError, expected, toAppError } from '../base/errors.ts'
import type { EngineStream } from '../stream/engine.ts'
import { FrameReader, FrameWriter, type Frame } from '../stream/frames.ts'
import { fill } from '../stream/pour.ts'
import { PLACE_TIME } from '../workers/native.ts'

export interface FramedOptions {
  /** Between two signs of life. Default 500 ms; a daemon gives up after 2 s without. */
  readonly beatMs?: number
  /** A daemon that takes nothing for so long is left. Default 10 s. */
  readonly stallMs?: number
  /** For the daemon's last frame, after ours. Default 2 s. */
  readonly drainMs?: number
}

/** How a framed stream ended. */
export interface FramedEnd {
  /** Both sides have sent their last frame: the connection can carry the next stream. */
  readonly isReusable: boolean
  /** What ended it early, as the daemon was told. */
  readonly error: AppError | undefined
}

const defaults: Required<FramedOptions> = { beatMs: 500, stallMs: 10_000, drainMs: 2000 }
const pieceBytes = 128 * 1024

/** Carries one stream to its end, and closes it; never throws. Source and sink are left open, unless the daemon
 *  stalls. Whoever made them listens to their errors. What came behind the last frame is put back into the source.
 *  @param stream  opened; a refusal is the caller's to tell, in place of frames */
export async function serveFramed(
  source: Readable,
  sink: Writable,
  stream: EngineStream,
  options: FramedOptions = {},
): Promise<FramedEnd> {
  return await new Carriage(source, sink, stream, { ...defaults, ...options }).run()
}

class Carriage {
  readonly #source: Readable
  readonly #sink: Writable
  readonly #stream: EngineStream
  readonly #options: Required<FramedOptions>
  readonly #frames: FrameWriter
  #error: AppError | undefined
  #isOver = false // nobody wants the rest
  #errors = 0 // told
  #place: readonly number[] = [] // told
  #framesSeen = 0
  #writingSince: number | undefined
  #drain: NodeJS.Timeout | undefined

  constructor(source: Readable, sink: Writable, stream: EngineStream, options: Required<FramedOptions>) {
    this.#source = source
    this.#sink = sink
    this.#stream = stream
    this.#options = options
    this.#frames = new FrameWriter(sink)
  }

  async run(): Promise<FramedEnd> {
    this.#tell(true) // it is taken
    const beat = setInterval(() => this.#beat(), this.#options.beatMs).unref()
    try {
      const [isReusable] = await Promise.all([this.#receive(), this.#sendAll()])
      return { isReusable: isReusable && !this.#sink.destroyed, error: this.#error }
    } finally {
      clearInterval(beat)
      clearTimeout(this.#drain)
      this.#stream.close()
    }
  }

  // @returns whether the daemon's last frame has come
  async #receive(): Promise<boolean> {
    try {
      if (await this.#takeAll()) return true
      this.#error ??= left()
    } catch (thrown) {
      this.#error ??= thrown instanceof AppError ? thrown : left(thrown)
    }
    this.#giveUp()
    return false
  }

  async #takeAll(): Promise<boolean> {
    const reader = new FrameReader()
    const source = this.#source
    for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      reader.push(bytes)
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        if (!(await this.#take(frame))) continue
        if (reader.rest.length > 0) source.unshift(reader.rest)
        return true
      }
    }
    return false
  }

  // @returns whether it is the last one
  async #take(frame: Frame): Promise<boolean> {
    const { input } = this.#stream
    switch (frame.kind) {
      case 'data':
        await fill(input, frame.bytes) // closed: what still comes is of no use
        return false
      case 'splice':
        input.splice()
        return false
      case 'end':
        input.close()
        return true
      case 'cancel':
        this.#giveUp()
        return true
      case 'marks':
      case 'report':
      case 'error':
        throw expected('data, splice, end or cancel', 'a frame of the daemon', frame.kind)
      default:
        return frame satisfies never
    }
  }

  #giveUp(): void {
    this.#isOver = true
    this.#stream.close()
  }

  async #sendAll(): Promise<void> {
    await this.#send()
    try {
      const report = await this.#stream.done
      this.#tell()
      if (this.#error === undefined) await this.#write(() => this.#frames.report(report))
    } catch (thrown) {
      this.#error ??= toAppError(thrown)
    }
    const error = this.#error
    if (error !== undefined) await this.#write(() => this.#frames.error(error.toJSON()))
    this.#drain = setTimeout(() => this.#source.destroy(), this.#options.drainMs).unref()
  }

  // From the output ring to the daemon, in place; access points before the bytes that they are in.
  async #send(): Promise<void> {
    const { output } = this.#stream
    while (!output.isDrained && !this.#isOver) {
      const piece = output.readable(pieceBytes)
      if (piece.length > 0) {
        this.#tell()
        if (!(await this.#write(() => this.#frames.data(piece)))) return this.#giveUp()
        output.release(piece.length)
      } else if (output.splice === 0) {
        if (!(await this.#write(() => this.#frames.signal('splice')))) return this.#giveUp()
        output.join()
      } else await output.whenReadable()
    }
  }

  async #write(write: () => Promise<boolean>): Promise<boolean> {
    this.#writingSince = performance.now()
    const isTaken = await write()
    this.#writingSince = undefined
    return isTaken
  }

  // What is new besides the bytes. The latest time alone is no news: it is of use with a break.
  #tell(isForced = false): void {
    const marks = this.#stream.marks()
    const errors = this.#stream.errors?.() ?? 0
    const place = [...this.#stream.output.notes]
    const hasMoved = place.some((each, at) => at !== PLACE_TIME && each !== this.#place[at])
    if (!isForced && marks.length === 0 && errors === this.#errors && !hasMoved) return
    this.#errors = errors
    this.#place = place
    void this.#frames.marks({ marks, errors, place })
  }

  #beat(): void {
    const { frames } = this.#frames
    if (this.#writingSince === undefined) {
      if (frames === this.#framesSeen) this.#tell(true)
    } else if (performance.now() - this.#writingSince > this.#options.stallMs) this.#sink.destroy()
    this.#framesSeen = frames
  }
}

function left(cause?: unknown): AppError {
  return new AppError('UPSTREAM_ENDED', { cause, reason: 'the daemon closed the connection' })
}
