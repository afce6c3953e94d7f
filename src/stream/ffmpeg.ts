// The engine for bad days: one ffmpeg process for each stream, between two rings. It costs what the native
// remuxer was made to save; it is there when that one cannot be loaded, is switched off or fails.
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Mark } from '../workers/native.ts'
import type { Profile } from '../workers/profile.ts'
import { createRing, RingReader, RingWriter } from '../workers/ring.ts'
import { encoderFor, ffmpegArguments } from './command.ts'
import type { Engine, EngineReport, EngineStream, OpenOptions } from './engine.ts'
import { findProgram, type ProgramTables } from './tables.ts'

export interface FfmpegOptions {
  /** path or name of the program */
  program?: string
  /** processes at a time; default 16: each has about 60 MB and a few per cent of a core */
  mostProcesses?: number
  /** A process that has input and gives nothing for so long is ended. Default 10 s. */
  hangMs?: number
  /** from the polite signal to the last one; default 2 s */
  killMs?: number
  log?: Logger
}

type FilledOptions = Required<Omit<FfmpegOptions, 'log'>>

const defaults: FilledOptions = { program: 'ffmpeg', mostProcesses: 16, hangMs: 10_000, killMs: 2000 }

const ringBytes = 1024 * 1024 // each way, 0.8 s of 10 Mbit/s
const firstLookBytes = 4096
const pieceBytes = 65_536
const packetBytes = 188
const longestComplaint = 4000 // characters of stderr that are kept
const looksToHang = 4
const askMs = 10_000 // for a program that only lists what it can

type Process = ChildProcessByStdio<Writable, Readable, Readable>

export class FfmpegEngine implements Engine {
  readonly name = 'ffmpeg'
  readonly #options: FilledOptions
  readonly #log: Logger | undefined
  readonly #streams = new Set<FfmpegStream>()
  #asked: Promise<void> | undefined
  #encoders: ReadonlySet<string> | undefined
  #problem: AppError | undefined
  #isClosed = false

  constructor({ log, ...options }: FfmpegOptions = {}) {
    this.#options = { ...defaults, ...options }
    this.#log = log
  }

  /** Asks the program once what it can. Resolves also if it is not there: see problem. */
  ready(): Promise<void> {
    return (this.#asked ??= this.#ask())
  }

  /** Why no stream can be opened, FFMPEG_MISSING; undefined as long as nothing is known against it. */
  get problem(): AppError | undefined {
    return this.#problem
  }

  /** Starts a stream; its process starts with the first tables of the input.
   *  @throws FFMPEG_MISSING  also where only the encoder is missing
   *  @throws POOL_FULL, SHUTTING_DOWN */
  open(profile: Profile, { label = 'stream' }: OpenOptions = {}): EngineStream {
    if (this.#isClosed) throw new AppError('SHUTTING_DOWN')
    this.#check(profile)
    const { mostProcesses: capacity } = this.#options
    if (this.#streams.size >= capacity) throw new AppError('POOL_FULL', { capacity })
    const stream = new FfmpegStream(profile, this.#options)
    this.#streams.add(stream)
    void this.#follow(stream, label)
    return stream
  }

  /** Ends the processes that are left and waits for their end. */
  async close(): Promise<void> {
    this.#isClosed = true
    const streams = [...this.#streams]
    for (const stream of streams) stream.close()
    await Promise.allSettled(streams.map((stream) => stream.done))
  }

  #check(profile: Profile): void {
    if (this.#problem !== undefined) throw this.#problem
    const encoder = encoderFor(profile)
    if (encoder === undefined || this.#encoders?.has(encoder) !== false) return
    throw new AppError('FFMPEG_MISSING', { reason: `${this.#options.program} has no encoder ${encoder}` })
  }

  async #ask(): Promise<void> {
    const { program } = this.#options
    try {
      const { stdout } = await promisify(execFile)(program, ['-hide_banner', '-encoders'], { timeout: askMs })
      this.#encoders = new Set(stdout.split(/\s+/))
    } catch (cause) {
      this.#problem = missing(program, cause)
    }
  }

  async #follow(stream: FfmpegStream, label: string): Promise<void> {
    try {
      const { bytesIn, bytesOut } = await stream.done
      this.#log?.info({ label, bytes_input: bytesIn, bytes_output: bytesOut }, 'ffmpeg stream completed')
    } catch (err) {
      this.#log?.warn({ label, err }, 'ffmpeg stream failed')
    }
    this.#streams.delete(stream)
  }
}

/** One process between two rings. Everything is read and written by the main thread: the rings only bound it. */
class FfmpegStream implements EngineStream {
  readonly input: RingWriter
  readonly output: RingReader
  readonly done: Promise<EngineReport>
  readonly #source: RingReader
  readonly #sink: RingWriter
  readonly #options: FilledOptions
  #child: Child | undefined
  readonly #cuts: Mark[] = []
  #isCancelled = false

  constructor(profile: Profile, options: FilledOptions) {
    this.#options = options
    this.input = new RingWriter(createRing(ringBytes))
    this.#source = new RingReader(this.input.memory)
    this.output = new RingReader(createRing(ringBytes))
    this.#sink = new RingWriter(this.output.memory)
    this.done = this.#run(profile)
    this.done.catch(() => undefined) // nobody has to wait for the end
  }

  /** Only where another connection begins. */
  marks(): Mark[] {
    return this.#cuts.splice(0)
  }

  close(): void {
    this.#isCancelled = true
    this.output.close('cancel')
    this.input.close('cancel')
    this.#child?.end()
  }

  async #run(profile: Profile): Promise<EngineReport> {
    try {
      let errors = 0
      // A process for each connection: one that has begun keeps to the time line of its source.
      for (;;) {
        const tables = await this.#tables(profile.program)
        if (tables !== undefined && !this.#isCancelled) errors += await this.#transcode(tables, profile)
        if (this.#source.splice !== 0 || this.#isCancelled) break
        this.#source.join()
        this.#cuts.push({ offset: this.#sink.total, pts: -1, pcr: -1, kind: 'cut' })
      }
      this.input.close()
      this.#sink.close()
      return { bytesIn: this.#source.total, bytesOut: this.#sink.total, errors }
    } catch (error) {
      this.input.close('error')
      this.#sink.close('error')
      throw error
    }
  }

  // Looks at what is in the ring, without taking it, each time that it has doubled.
  // Undefined where nothing came at all. @throws NO_STREAM
  async #tables(program: number): Promise<ProgramTables | undefined> {
    const { input } = this
    for (let looked = firstLookBytes; ; looked = Math.min(2 * looked, input.capacity)) {
      while (input.fill < looked && !input.isClosed) await this.#source.whenReadable(looked)
      const bytes = this.#source.readable()
      const tables = findProgram(bytes, program)
      if (tables !== undefined || this.#isCancelled) return tables
      if (bytes.length === this.#source.splice) {
        this.#source.release(bytes.length) // nothing can be made of this connection
        return undefined
      }
      if (input.isClosed && bytes.length === 0) return undefined
      if (input.isClosed || looked === input.capacity) throw noStream(`no tables in ${bytes.length} bytes`)
    }
  }

  // @returns how many lines of trouble ffmpeg has written. @throws FFMPEG_FAILED, FFMPEG_MISSING, NO_STREAM
  async #transcode(tables: ProgramTables, profile: Profile): Promise<number> {
    if (tables.video.length + tables.sound.length === 0) throw noStream('neither sound nor picture')
    const child = new Child(this.#options, ffmpegArguments(tables, profile))
    this.#child = child
    await child.started
    let hasAll = false
    void child.closed.then(() => {
      hasAll = this.input.isClosed || this.#source.splice === 0
      if (!hasAll) this.input.close('error') // else #send would wait for ever
    })
    const watch = this.#watch(child)
    await Promise.all([this.#send(child.stdin), this.#receive(child), child.closed])
    clearInterval(watch.timer)
    if (!this.#isCancelled) this.#judge(child, watch.isHung, hasAll)
    return child.complaints
  }

  // From the input ring to the process, in place; a piece is given back once the system has it.
  async #send(stdin: Writable): Promise<void> {
    for (;;) {
      const piece = this.#source.readable(pieceBytes)
      if (piece.length === 0) {
        if (this.#source.isDrained || this.#source.splice === 0) break
        await this.#source.whenReadable()
        continue
      }
      const { promise, resolve } = Promise.withResolvers<boolean>()
      stdin.write(piece, (error) => resolve(!error))
      if (!(await promise)) return // it has ended
      this.#source.release(piece.length)
    }
    stdin.end()
  }

  // From the process to the output ring, whole packets; it is read no faster than the ring is.
  async #receive(child: Child): Promise<void> {
    let rest: Buffer = Buffer.alloc(0)
    for await (const piece of child.output()) {
      rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      while (rest.length >= packetBytes) {
        const most = Math.min(rest.length, this.#sink.free)
        const taken = this.#sink.write(rest.subarray(0, most - (most % packetBytes)))
        if (taken < 0) return child.end()
        if (taken === 0) await this.#sink.whenWritable(packetBytes)
        rest = rest.subarray(taken)
      }
    }
  }

  // Hung is who has input and gives nothing, unless nobody takes what there is.
  #watch(child: Child): { readonly timer: NodeJS.Timeout; isHung: boolean } {
    let [given, taken, idle] = [0, 0, 0]
    const look = () => {
      const hasInput = this.#source.fill > 0 || this.#source.total > taken || this.input.isClosed
      const isBlocked = this.#sink.free < packetBytes
      idle = this.#sink.total > given || isBlocked || !hasInput ? 0 : idle + 1
      given = this.#sink.total
      taken = this.#source.total
      if (idle < looksToHang || watch.isHung) return
      watch.isHung = true
      child.end()
    }
    const watch = { timer: setInterval(look, this.#options.hangMs / looksToHang), isHung: false }
    return watch
  }

  // What the source is to blame for is no failure of this engine.
  #judge({ code, signal, complaint }: Child, isHung: boolean, hasAll: boolean): void {
    if (isHung) throw failed(`ffmpeg gave nothing for ${this.#options.hangMs} ms`, complaint)
    if (code === 0 && hasAll) return
    if (code === 0) throw failed('ffmpeg ended before its input', complaint)
    if (this.#sink.total === 0 && unusable.test(complaint)) throw noStream(lastLines(complaint))
    throw failed(`ffmpeg ended with ${code ?? signal ?? 'nothing'}`, complaint)
  }
}

/** A running ffmpeg: its pipes, its end, and the end of what it says on stderr. */
class Child {
  /** Resolves when it runs. @throws FFMPEG_MISSING, FFMPEG_FAILED */
  readonly started: Promise<void>
  /** Resolves when it has ended, its pipes are closed and what it wrote has been read. */
  readonly closed: Promise<void>
  readonly stdin: Writable
  complaint = ''
  /** lines on stderr */
  complaints = 0
  readonly #process: Process
  readonly #killMs: number
  #killTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor({ program, killMs }: FilledOptions, parameters: readonly string[]) {
    this.#killMs = killMs
    // A group of its own: a script around ffmpeg is ended with it, and Ctrl-C at a terminal drains first.
    const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    this.#process = child
    this.stdin = child.stdin
    this.started = new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.on('error', (cause) => reject(isAbsence(cause) ? missing(program, cause) : failure(cause)))
    })
    this.closed = new Promise((resolve) => {
      child.once('close', () => {
        this.#isClosed = true
        clearTimeout(this.#killTimer)
        resolve()
      })
    })
    child.stdin.on('error', () => undefined) // it has ended: its exit says why
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.complaint = (this.complaint + text).slice(-longestComplaint)
      this.complaints += text.split('\n').length - 1
    })
  }

  get code(): number | null {
    return this.#process.exitCode
  }

  get signal(): NodeJS.Signals | null {
    return this.#process.signalCode
  }

  /** What it makes. Who stops reading closes the pipe. */
  async *output(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of this.#process.stdout as AsyncIterable<Buffer>) yield piece
    } catch {
      // A pipe that breaks: the exit says why.
    }
  }

  /** Asks it to end, and after a while no longer asks. */
  end(): void {
    if (this.#isClosed || this.#killTimer !== undefined) return
    this.#killTimer = setTimeout(() => {
      this.#signal('SIGKILL')
      for (const pipe of [this.#process.stdout, this.#process.stderr]) pipe.destroy() // whoever holds them
    }, this.#killMs)
    this.stdin.destroy()
    this.#signal('SIGTERM')
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process
    if (pid === undefined || this.code !== null || this.signal !== null) return
    try {
      process.kill(-pid, signal)
    } catch {
      // It has just ended.
    }
  }
}

// ffmpeg's words for input that nobody could use.
const unusable =
  /Invalid data found|could not find codec parameters|does not contain any stream|matches no streams/i

function isAbsence({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'EACCES'
}

function missing(program: string, cause: unknown): AppError {
  const why =
    (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : `does not run: ${said(cause)}`
  return new AppError('FFMPEG_MISSING', { cause, reason: `${program} ${why}` })
}

function failure(cause: unknown): AppError {
  return new AppError('FFMPEG_FAILED', { cause, reason: `ffmpeg does not start: ${said(cause)}` })
}

function failed(what: string, complaint: string): AppError {
  const lines = lastLines(complaint)
  return new AppError('FFMPEG_FAILED', { reason: lines === '' ? what : `${what}: ${lines}` })
}

function noStream(found: string): AppError {
  return new AppError('NO_STREAM', { found })
}

function said(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function lastLines(complaint: string): string {
  return complaint.trim().split('\n').slice(-3).join('; ')
}
