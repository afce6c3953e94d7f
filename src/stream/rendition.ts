// One profile of one service: an engine, what it has sent lately, and those who read it. Main thread.
// Any number of readers share one remux and one copy of its bytes.
import { AppError, toAppError } from '../base/errors.ts'
import type { TraceContext } from '../base/trace.ts'
import type { Profile } from '../workers/profile.ts'
import type { RingReader, RingWriter } from '../workers/ring.ts'
import { Cursor, type Cut, type Readable, type SlowPolicy } from './cursor.ts'
import { tellsMarks, type Engine, type EngineStream } from './engine.ts'
import { isEngineFault, isEngineTrouble, type Engines, type PlacingOptions } from './engines.ts'
import type { Priority } from './lease.ts'
import { nullPackets, packetBytes } from './packet.ts'
import { pour } from './pour.ts'
import { Pulse } from './pulse.ts'
import { Reel, type ReelLimits } from './reel.ts'

export interface RenditionOptions {
  readonly profile: Profile
  readonly label: string
  readonly engines: Engines
  /** The span that it is part of: of the request that began it. */
  readonly trace?: TraceContext | undefined
  readonly slow?: SlowPolicy | undefined
  readonly limits?: Partial<ReelLimits> | undefined
  /** A reader has come or gone. */
  readonly onUse: (rendition: Rendition) => void
}

// Between two looks at the engine's output, so that writes to clients are few and large: 5 ms of delay on
// average. With 20 streams of 10 Mbit/s the main thread took 9.1 % of a core without, 7.9 % with 10 ms.
const pulse = new Pulse(10)
const filling = nullPackets(7)
const aheadBytes = 16 * 1024 * 1024 // that even the fastest reader is behind
const longestWaitMs = 3000

export class Rendition implements Readable {
  readonly profile: Profile
  readonly reel: Reel
  readonly cuts: Cut[] = []
  /** Resolves when nothing more comes. @throws what ended it early */
  readonly done: Promise<void>
  error: AppError | undefined
  isEnded = false
  readonly startedAt = new Date()
  readonly #options: RenditionOptions
  readonly #cursors = new Set<Cursor>()
  readonly #started = Promise.withResolvers<undefined>()
  #engine: Engine
  #stream: EngineStream
  #joins = 0
  #skips = 0
  #bytes = 0 // from the engines
  #isClosed = false
  #isInputOver = false

  /** @throws what keeps an engine from starting: POOL_FULL, ADDON_MISSING ... */
  constructor(options: RenditionOptions) {
    this.#options = options
    this.profile = options.profile
    this.reel = new Reel(options.limits)
    ;({ engine: this.#engine, stream: this.#stream } = this.#open())
    this.done = this.#run()
    for (const promise of [this.done, this.#started.promise]) promise.catch(() => undefined) // nobody has to wait
  }

  /** Where the source's bytes go in. */
  get input(): RingWriter {
    return this.#stream.input
  }

  get engineName(): string {
    return this.#engine.name
  }

  get readers(): number {
    return this.#cursors.size
  }

  /** Of its readers. */
  get priorities(): Priority[] {
    return [...this.#cursors].map(({ priority }) => priority)
  }

  /** Can it be joined? */
  get isOpen(): boolean {
    return !this.#isClosed && !this.isEnded && !this.#isInputOver
  }

  /** Clients that have joined since it began. */
  get joins(): number {
    return this.#joins
  }

  /** How often its clients were too slow. */
  get skips(): number {
    return this.#skips
  }

  /** Bytes made so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Faults of the source that the engine has found. */
  get errors(): number {
    return this.#stream.errors?.() ?? 0
  }

  /** Resolves when there is something to send. @throws why there will be nothing: UPSTREAM_*, NO_STREAM ... */
  get ready(): Promise<undefined> {
    return this.#started.promise
  }

  /** A place to read from: at the last access point, or from the beginning where that is still kept. */
  join(priority: Priority = 'normal'): Cursor {
    this.#joins++
    const cursor = new Cursor(this, {
      priority,
      ...(this.#options.slow !== undefined && { slow: this.#options.slow }),
      onLeave: () => this.#leave(cursor),
      onRank: () => this.#options.onUse(this),
    })
    this.#cursors.add(cursor)
    this.#options.onUse(this)
    return cursor
  }

  /** What comes next is of another connection. */
  splice(): void {
    this.input.splice()
  }

  /** Null packets in place of what does not come; only once there was something. */
  fill(): void {
    if (this.#isClosed || this.#bytes === 0 || this.reel.end % packetBytes !== 0) return
    this.reel.append(filling)
    this.#wake()
  }

  /** No more input comes: what is there is still worked off. */
  end(): void {
    this.#isInputOver = true
    this.input.close('end')
  }

  /** No more input comes, for this reason: what is there is still worked off. */
  fail(reason: AppError): void {
    this.error ??= reason
    this.end()
  }

  /** Gives everything up at once, for this reason or none. */
  close(reason?: AppError): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.error ??= reason
    this.#stream.close()
  }

  async #run(): Promise<void> {
    try {
      while (!(await this.#carry()));
      if (this.error !== undefined) throw this.error
      this.#started.reject(new AppError('NO_STREAM', { found: 'nothing to send' }))
    } catch (thrown) {
      this.error ??= toAppError(thrown)
      this.#started.reject(this.error)
      throw this.error
    } finally {
      this.isEnded = true
      this.#wake()
    }
  }

  // One engine's part. Returns whether that was all.
  async #carry(): Promise<boolean> {
    const { output } = this.#stream
    while (!output.isDrained) {
      await this.#waitForReaders()
      const bytes = output.readable()
      if (bytes.length === 0) {
        if (output.splice === 0) this.#join(output)
        else await output.whenReadable()
        continue
      }
      this.reel.append(bytes)
      this.#bytes += bytes.length
      output.release(bytes.length)
      this.#mark()
      this.#started.resolve(undefined)
      if (output.fill > 0) continue
      this.#wake()
      if (!output.isClosed) await beat()
    }
    this.#wake()
    try {
      const report = await this.#stream.done
      if (this.#bytes === 0 && !this.#isClosed)
        throw new AppError('NO_STREAM', {
          found: report.stats?.problem || `nothing to send in ${report.bytesIn} bytes`,
        })
      return true
    } catch (thrown) {
      return this.#fallBack(toAppError(thrown))
    }
  }

  // A source that is faster than life would run away from all who read it. One that is not waits for
  // nobody: the receiver drops who does not read for 10 s.
  async #waitForReaders(): Promise<void> {
    const until = performance.now() + longestWaitMs
    while (this.#isAhead && !this.#isClosed && performance.now() < until) await beat()
  }

  get #isAhead(): boolean {
    if (this.#cursors.size === 0 || this.reel.heldBytes < aheadBytes) return false
    for (const cursor of this.#cursors) if (cursor.lag < aheadBytes) return false
    return true
  }

  // Only an engine that passes what it gets has another connection in its output.
  #join(output: RingReader): void {
    const torn = this.reel.end % packetBytes
    if (torn > 0) this.reel.append(Buffer.alloc(packetBytes - torn, 0xff))
    this.#cut(this.reel.end, true)
    output.join()
  }

  // Access points have the engine's offsets. One may be told before its bytes have come.
  #mark(): void {
    const { reel } = this
    const before = reel.end - this.#stream.output.total
    for (const mark of this.#stream.marks()) {
      const offset = before + mark.offset
      if (mark.kind === 'cut') this.#cut(offset, !tellsMarks(this.#engine))
      else reel.mark({ ...mark, offset })
    }
  }

  #cut(offset: number, isBlind: boolean): void {
    const passed = this.cuts.filter((cut) => cut.offset < this.reel.start).length
    this.cuts.splice(0, passed)
    this.cuts.push({ offset, isBlind })
  }

  // The engine failed, not the source: another one goes on where it was, with what it has not taken. Its
  // counters are its own, so that those who read are told of a break.
  #fallBack(error: AppError): boolean {
    const { engines } = this.#options
    const [after, last] = [this.#engine, this.#stream]
    try {
      if (this.#isClosed || this.#isInputOver || !isEngineTrouble(error) || !engines.next(after)) throw error
      const isOnAir = this.#bytes > 0 || isEngineFault(error)
      const place = this.#bytes > 0 && tellsMarks(after) ? last.output.notes : undefined
      ;({ engine: this.#engine, stream: this.#stream } = this.#open({ after, isOnAir, place }))
      if (last.rest !== undefined) pour(last.rest, this.#stream.input)
    } finally {
      last.close()
    }
    this.reel.forgetMarks()
    this.#cut(this.reel.end, true)
    return false
  }

  #open(options: PlacingOptions = {}): { engine: Engine; stream: EngineStream } {
    const { engines, profile, label, trace } = this.#options
    return engines.open(profile, { label, trace, ...options })
  }

  #leave(cursor: Cursor): void {
    this.#cursors.delete(cursor)
    this.#skips += cursor.skips
    this.#options.onUse(this)
  }

  #wake(): void {
    for (const cursor of this.#cursors) cursor.wake()
  }
}

function beat(): Promise<void> {
  return new Promise((resolve) => pulse.next(resolve))
}
