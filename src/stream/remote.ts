// The transcoder in another process or on another machine, as an engine like the others: rings here, frames
// over a connection, rings there. Main thread. When it dies, what it has not taken goes to the next engine.
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { childOf, traceFields, transcodeFields, type TraceContext } from '../base/trace.ts'
import { mostMarks } from '../workers/marks.ts'
import { PLACE_TIME, type Mark } from '../workers/native.ts'
import type { Profile } from '../workers/profile.ts'
import { createRing, RingReader, RingWriter } from '../workers/ring.ts'
import type { Engine, EngineReport, EngineStream, StreamOptions } from './engine.ts'
import { FrameReader, FrameWriter, mostDataBytes, type Frame, type News } from './frames.ts'
import { refused, type Door, type Line } from './line.ts'
import { packetBytes } from './packet.ts'
import { PostDoor } from './post.ts'
import { fill } from './pour.ts'
import { UnixDoor } from './unix.ts'

export interface RemoteOptions {
  /** A transcoder that has not taken a stream after so long is given up. Default 1 s. */
  connectMs?: number
  /** One that has input and says nothing for so long is given up; it has a sign of life each half second.
   *  Default 2 s. */
  hangMs?: number
  /** Connections kept for the next streams; default 8 */
  mostIdle?: number
  /** and for how long; default 30 s. */
  idleMs?: number
  /** From its loss to the first look whether it is back; doubled up to 5 s. Default 100 ms. */
  probeMs?: number
  log?: Logger
  metrics?: Metrics
}

type FilledOptions = Required<Omit<RemoteOptions, 'log' | 'metrics'>>

const defaults: FilledOptions = {
  connectMs: 1000,
  hangMs: 2000,
  mostIdle: 8,
  idleMs: 30_000,
  probeMs: 100,
}

const mostProbeMs = 5000
const looksToHang = 4
// Each way. What comes in must fit into the pool's own ring when that goes on with it.
const ringBytes = 512 * 1024
const pieceBytes = Math.min(64 * 1024, mostDataBytes)
const windMs = 1000 // for the last frame of a stream that nobody wants any more

export class RemoteEngine implements Engine {
  readonly name = 'remote'
  readonly #options: FilledOptions
  readonly #log: Logger | undefined
  readonly #metrics: Metrics | undefined
  readonly #door: Door
  readonly #streams = new Set<RemoteStream>()
  readonly #closing = new AbortController()
  #watch: NodeJS.Timeout | undefined
  #search: NodeJS.Timeout | undefined
  #problem: AppError | undefined

  /** @param url  `unix:/path` or `http://host:port` */
  constructor(url: string, { log, metrics, ...options }: RemoteOptions = {}) {
    this.#options = { ...defaults, ...options }
    this.#log = log
    this.#metrics = metrics
    this.#door = url.startsWith('unix:')
      ? new UnixDoor(url.slice('unix:'.length), this.#options)
      : new PostDoor(url, this.#options)
  }

  /** Asks whether it is there. Resolves also if it is not: see problem. */
  async ready(): Promise<void> {
    try {
      await this.#probe()
      this.#metrics?.transcoderUp.set(1)
    } catch (cause) {
      this.#lose(cause)
    }
  }

  /** Why it takes no stream now, TRANSCODER_FAILED; looked after until it is over. */
  get problem(): AppError | undefined {
    return this.#problem
  }

  /** Begins a stream, at once; its input waits here until the transcoder has taken it.
   *  @throws TRANSCODER_FAILED  while it is known to be away
   *  @throws SHUTTING_DOWN */
  open(profile: Profile, { label = 'stream', weight, trace }: StreamOptions = {}): EngineStream {
    if (this.#closing.signal.aborted) throw new AppError('SHUTTING_DOWN')
    if (this.#problem !== undefined) throw this.#problem
    const span = childOf(trace)
    const stream = new RemoteStream(
      (signal) =>
        this.#limited(signal, (each) => this.#door.open({ profile, label, weight, trace: span }, each)),
      (cause) => this.#blame(cause),
    )
    this.#streams.add(stream)
    this.#watch ??= setInterval(() => this.#look(), this.#options.hangMs / looksToHang).unref()
    void this.#follow(stream, profile, label, span)
    return stream
  }

  /** Gives up all streams and connections. */
  async close(): Promise<void> {
    this.#closing.abort(new AppError('SHUTTING_DOWN'))
    clearTimeout(this.#search)
    const streams = [...this.#streams]
    for (const stream of streams) stream.close()
    this.#door.close()
    await Promise.allSettled(streams.map(({ done }) => done))
    clearInterval(this.#watch)
  }

  async #follow(stream: RemoteStream, profile: Profile, label: string, span: TraceContext): Promise<void> {
    const traced = traceFields(span)
    let counts = stream.counts
    try {
      counts = await stream.done
    } catch (err) {
      counts = stream.counts
      this.#log?.warn({ label, err, ...traced }, 'stream lost by the transcoder')
    }
    this.#log?.info({ label, ...transcodeFields(profile.audio, counts), ...traced }, 'transcode.remote')
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    clearInterval(this.#watch)
    this.#watch = undefined
  }

  #look(): void {
    for (const stream of this.#streams) stream.look(this.#options.hangMs)
  }

  // What a stream ends with. All that are lost together have the same error: it is one failure.
  #blame(cause: unknown): AppError {
    if (this.#closing.signal.aborted) return new AppError('SHUTTING_DOWN')
    const isSaid = cause instanceof AppError && said.has(cause.code)
    return isSaid ? cause : this.#lose(cause)
  }

  #lose(cause: unknown): AppError {
    if (this.#problem !== undefined) return this.#problem
    const reason = cause instanceof Error ? cause.message : String(cause)
    const problem = new AppError('TRANSCODER_FAILED', { cause, reason })
    this.#problem = problem
    this.#metrics?.transcoderUp.set(0)
    this.#log?.error({ err: problem }, 'transcoder lost')
    this.#searchIn(this.#options.probeMs)
    return problem
  }

  #searchIn(ms: number): void {
    if (this.#closing.signal.aborted) return
    const next = Math.min(2 * ms, mostProbeMs)
    this.#search = setTimeout(() => {
      this.#probe().then(
        () => this.#find(),
        () => this.#searchIn(next),
      )
    }, ms).unref()
  }

  #find(): void {
    this.#problem = undefined
    this.#metrics?.transcoderUp.set(1)
    this.#log?.info('transcoder found again')
  }

  async #probe(): Promise<void> {
    await this.#limited(undefined, (signal) => this.#door.probe(signal))
  }

  async #limited<T>(signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { connectMs } = this.#options
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new Error(`no answer for ${connectMs} ms`)), connectMs).unref()
    const ends = [limit.signal, this.#closing.signal, ...(signal === undefined ? [] : [signal])]
    try {
      return await run(AbortSignal.any(ends))
    } finally {
      clearTimeout(timer)
    }
  }
}

// What the transcoder says of one stream; anything else is the transcoder's end.
const said: ReadonlySet<string> = new Set(['NO_STREAM', 'POOL_FULL', 'TRANSCODER_FAILED'])

type Counts = Pick<EngineReport, 'bytesIn' | 'bytesOut' | 'errors'>

/** One stream between two rings, both sides of which are here. */
class RemoteStream implements EngineStream {
  readonly input: RingWriter
  readonly output: RingReader
  readonly rest: RingReader
  readonly done: Promise<EngineReport>
  readonly #sink: RingWriter
  readonly #end = Promise.withResolvers<EngineReport>()
  readonly #giveUp = new AbortController()
  #line: Line | undefined
  #frames: FrameWriter | undefined
  #marks: Mark[] = []
  #errors = 0
  // The beginning of a packet: when the connection breaks in it, what follows in the output begins whole.
  readonly #torn = Buffer.alloc(packetBytes)
  #tornBytes = 0
  #isOver = false // the input is left alone
  #isCancelled = false
  #hasSaidLast = false
  #isWaiting = false // something was sent since the transcoder's last word
  #isBlocked = false // nobody takes the output
  #heard = 0 // pieces since the last look
  #idleLooks = 0
  #wind: NodeJS.Timeout | undefined

  /** @param open  takes it to the transcoder
   *  @param blame  makes the error of what went wrong */
  constructor(open: (signal: AbortSignal) => Promise<Line>, blame: (cause: unknown) => AppError) {
    this.input = new RingWriter(createRing(ringBytes))
    this.rest = new RingReader(this.input.memory)
    this.output = new RingReader(createRing(ringBytes))
    this.#sink = new RingWriter(this.output.memory)
    this.#sink.notes[PLACE_TIME] = -1
    this.done = this.#end.promise
    this.done.catch(() => undefined) // nobody has to wait for the end
    void this.#run(open, blame)
  }

  /** So far; of the input what was sent. */
  get counts(): Counts {
    return { bytesIn: this.rest.total, bytesOut: this.#sink.total, errors: this.#errors }
  }

  marks(): Mark[] {
    return this.#marks.splice(0)
  }

  errors(): number {
    return this.#errors
  }

  close(): void {
    this.#isCancelled = true
    this.#isOver = true
    this.output.close('cancel')
    this.input.close('cancel')
    this.#end.resolve(this.counts)
    this.#giveUp.abort(new Error('nobody wants it any more'))
    if (this.#line === undefined) return
    this.#wind ??= setTimeout(() => this.#line?.drop(), windMs).unref()
    void this.#sayLast('cancel')
  }

  /** Called `looksToHang` times while a stream may be silent. */
  look(hangMs: number): void {
    const hasInput = this.rest.fill > 0 || this.#isWaiting
    const isSilent = this.#line !== undefined && hasInput && this.#heard === 0 && !this.#isBlocked
    if (this.#heard > 0) this.#isWaiting = this.#hasSaidLast
    this.#heard = 0
    this.#idleLooks = isSilent ? this.#idleLooks + 1 : 0
    if (this.#idleLooks >= looksToHang) this.#line?.drop(new Error(`it said nothing for ${hangMs} ms`))
  }

  async #run(
    open: (signal: AbortSignal) => Promise<Line>,
    blame: (cause: unknown) => AppError,
  ): Promise<void> {
    try {
      const line = await open(this.#giveUp.signal)
      this.#line = line
      this.#frames = new FrameWriter(line.sink)
      if (this.#isCancelled) this.close()
      else void this.#send(this.#frames)
      const last = await this.#receive(line)
      this.#isOver = true
      await this.#sayLast('end')
      this.#line = undefined
      line.free()
      if (last.kind === 'error') throw refused(last.error)
      this.#sink.close()
      this.input.close()
      this.#end.resolve(last.report)
    } catch (cause) {
      // The input stays open: what comes is the next engine's.
      this.#isOver = true
      this.#line?.drop()
      this.#line = undefined
      this.#sink.close('error')
      if (!this.#isCancelled) this.#end.reject(blame(cause))
    }
    clearTimeout(this.#wind)
  }

  // From the input ring to the transcoder, in place; a piece is given back once the system has it.
  async #send(frames: FrameWriter): Promise<void> {
    while (!this.#isOver) {
      const piece = this.rest.readable(pieceBytes)
      if (piece.length > 0) {
        this.#isWaiting = true
        if (!(await frames.data(piece)) || this.#isOver) return
        this.rest.release(piece.length)
      } else if (this.rest.splice === 0) {
        if (!(await frames.signal('splice')) || this.#isOver) return
        this.rest.join()
      } else if (this.rest.isDrained) return this.#sayLast('end')
      else await this.rest.whenReadable()
    }
  }

  async #sayLast(kind: 'end' | 'cancel'): Promise<void> {
    if (this.#hasSaidLast) return
    this.#hasSaidLast = true
    this.#isWaiting = true
    await this.#frames?.signal(kind)
  }

  // @returns the transcoder's last frame
  async #receive({ source }: Line): Promise<Extract<Frame, { kind: 'report' | 'error' }>> {
    const reader = new FrameReader()
    for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      this.#heard++
      reader.push(bytes)
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        if (frame.kind === 'report' || frame.kind === 'error') {
          await this.#settle()
          return frame
        }
        await this.#take(frame)
      }
    }
    throw new Error('it closed the connection')
  }

  async #take(frame: Exclude<Frame, { kind: 'report' | 'error' }>): Promise<void> {
    switch (frame.kind) {
      case 'data':
        return await this.#put(frame.bytes)
      case 'marks':
        return this.#note(frame.news)
      case 'splice':
        await this.#settle()
        return this.#sink.splice()
      case 'end':
      case 'cancel':
        throw new Error(`it sent ${frame.kind}, which is ours to send`)
      default:
        frame satisfies never
    }
  }

  #note({ marks, errors, place }: News): void {
    this.#marks.push(...marks.slice(0, mostMarks - this.#marks.length))
    this.#errors = errors
    this.#sink.notes.set(place)
  }

  // Whole packets alone.
  async #put(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    if (this.#tornBytes > 0) {
      const part = rest.subarray(0, packetBytes - this.#tornBytes)
      this.#torn.set(part, this.#tornBytes)
      this.#tornBytes += part.length
      rest = rest.subarray(part.length)
      if (this.#tornBytes < packetBytes) return
      await this.#settle()
    }
    const torn = rest.length % packetBytes
    await this.#fill(rest.subarray(0, rest.length - torn))
    this.#torn.set(rest.subarray(rest.length - torn))
    this.#tornBytes = torn
  }

  // What there is of a packet, where no more of it comes.
  async #settle(): Promise<void> {
    const part = this.#torn.subarray(0, this.#tornBytes)
    this.#tornBytes = 0
    await this.#fill(part)
  }

  async #fill(bytes: Uint8Array): Promise<void> {
    this.#isBlocked = this.#sink.free < bytes.length
    await fill(this.#sink, bytes) // closed: nobody wants it
    this.#isBlocked = false
  }
}
