// One connection to the job socket, from its first byte to its last: what the caller wants, the work, and one
// line of JSON where it comes to nothing. Main thread.
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { parseTraceparent } from '../base/trace.ts'
import type { EngineStream } from '../stream/engine.ts'
import type { Engines } from '../stream/engines.ts'
import { write } from '../stream/viewing.ts'
import type { Profile } from '../workers/profile.ts'
import type { Call } from './door.ts'
import { Inflow } from './inflow.ts'
import { openFramed, serveLine } from './line.ts'
import { readOrder, type Order, type PublishOrder } from './order.ts'
import type { Published } from './published.ts'
import { send } from './transfer.ts'

export interface VisitContext {
  readonly engines: Engines
  /** What those get who ask for nothing. Looked at for each caller. */
  readonly profile: Profile
  /** Undefined where nobody could watch what is published. */
  readonly published?: Published | undefined
  /** Neither side may stand still for so long. */
  readonly idleMs: number
  readonly log: Logger
  readonly metrics: Metrics
}

/** How a visit ended. */
export type VisitEnd = 'done' | 'refused' | 'failed' | 'left'

const farewellMs = 2000 // for the caller to read why it was refused, and to end

export class Visit {
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>
  readonly #context: VisitContext
  readonly #call: Call
  readonly #status: () => object
  readonly #inflow: Inflow
  readonly #socket: Socket
  readonly #ordered = Promise.withResolvers<Order>()
  readonly #ended = Promise.withResolvers<undefined>() // no more input is taken
  #head = Buffer.alloc(0)
  #stream: EngineStream | undefined
  #source: Readable | undefined // of frames
  #order: Order | undefined
  #bytesOut = 0
  #idleness: AppError | undefined

  /** @param status  what a caller who asks for it is told */
  constructor(call: Call, context: VisitContext, status: () => object) {
    this.#call = call
    this.#context = context
    this.#status = status
    this.#inflow = new Inflow(call, (bytes) => this.#read(bytes))
    this.#socket = this.#inflow.socket
    this.#socket.on('error', () => undefined) // its close says all
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
    void this.#inflow.ended.then(() => {
      this.#ordered.reject(this.#nothing)
      this.#ended.resolve(undefined)
    })
    this.gone = Promise.all([this.#run(), closed]).then(() => undefined)
  }

  /** Takes no more input; what has come is still worked off. A daemon goes on elsewhere, the sooner the better. */
  end(): void {
    if (this.#source !== undefined) {
      this.close()
      return
    }
    this.#inflow.discard()
    this.#stream?.input.close('end')
    this.#ended.resolve(undefined)
    this.#ordered.reject(new AppError('SHUTTING_DOWN'))
  }

  /** Gives it up. */
  close(): void {
    this.#stream?.close()
    this.#socket.destroy()
  }

  async #run(): Promise<void> {
    const watch = this.#watch()
    const startedAt = performance.now()
    let end: VisitEnd = 'done'
    let failure: AppError | undefined
    try {
      await this.#serve(await this.#ordered.promise)
      if (this.#idleness !== undefined) throw this.#idleness
    } catch (thrown) {
      failure = this.#idleness ?? toAppError(thrown)
      end = this.#bytesOut === 0 ? 'refused' : 'failed'
      this.#inflow.discard()
      const isTold = await write(this.#socket, line(failure))
      if (!isTold && this.#idleness === undefined) end = 'left'
    } finally {
      clearInterval(watch)
      this.#stream?.close()
    }
    this.#tell(end, startedAt, failure)
    this.#farewell()
  }

  // What comes before it is known what is wanted.
  #read(bytes: Uint8Array): void {
    this.#head = Buffer.concat([this.#head, bytes])
    try {
      const read = readOrder(this.#head, this.#context.profile)
      if (read === undefined) return
      this.#head = this.#head.subarray(read.length)
      this.#begin((this.#order = read.order))
      this.#ordered.resolve(read.order)
    } catch (error) {
      this.#inflow.discard()
      this.#ordered.reject(error)
    }
  }

  // At once, so that what comes next goes to its place.
  #begin(order: Order): void {
    if (order.mode !== 'transform') return this.#inflow.discard()
    const { engines } = this.#context
    if (order.isFramed) {
      this.#stream = openFramed(engines, order)
      this.#source = this.#inflow.asStream(this.#head)
      return
    }
    const { profile, label, weight, traceparent } = order
    const trace = parseTraceparent(traceparent)
    const { stream } = engines.open(profile, { label, weight, trace })
    this.#stream = stream
    stream.input.write(this.#head)
    this.#inflow.into(stream.input)
    void this.#inflow.ended.then(() => stream.input.close('end'))
    this.#socket.once('close', () => stream.close())
  }

  async #serve(order: Order): Promise<void> {
    switch (order.mode) {
      case 'status':
        await write(this.#socket, line(this.#status()))
        return
      case 'publish':
        return this.#publish(order)
      case 'transform':
        return this.#transform()
      default:
        order satisfies never
    }
  }

  async #transform(): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    if (this.#source !== undefined) return serveLine(this.#source, this.#socket, stream, this.#context)
    const isSent = await send(stream.output, this.#socket, (length) => (this.#bytesOut += length))
    if (!isSent) stream.close()
    const { bytesIn, bytesOut } = await stream.done
    if (isSent && bytesOut === 0)
      throw new AppError('NO_STREAM', {
        found: bytesIn === 0 ? 'it is empty' : `nothing in ${bytesIn} bytes`,
      })
  }

  // The caller hears which channel it is, and nothing more until the end.
  async #publish(order: PublishOrder): Promise<void> {
    const { published } = this.#context
    if (published === undefined)
      throw new AppError('BAD_REQUEST', { reason: 'There is no proxy here that could show a channel' })
    const publication = published.add(order, this.#inflow)
    try {
      await write(this.#socket, line({ channel: publication.channel }))
      await this.#ended.promise
    } finally {
      published.remove(publication)
    }
  }

  // Idle is who has room and sends nothing, or who has something to take and takes nothing. A job that waits
  // for its turn in the pool is not.
  #watch(): NodeJS.Timeout {
    const { idleMs } = this.#context
    let [seen, idle] = [-1, 0]
    return setInterval(() => {
      if (this.#source !== undefined) return // its carrier watches
      const moved = this.#inflow.bytes + this.#bytesOut
      const mayWrite = !this.#inflow.hasEnded && !this.#inflow.isBlocked
      const mayRead = (this.#stream?.output.fill ?? 0) > 0
      idle = moved === seen && (mayWrite || mayRead) ? idle + 1 : 0
      seen = moved
      if (idle >= looksToIdle) this.#giveUp(mayRead ? 'took nothing' : 'sent nothing')
    }, idleMs / looksToIdle)
  }

  #giveUp(what: string): void {
    if (this.#idleness !== undefined) {
      this.#socket.destroy()
      return
    }
    this.#idleness = new AppError('CLIENT_TIMEOUT', { what, afterMs: this.#context.idleMs })
    if (what === 'took nothing') this.#socket.destroy()
    this.#ordered.reject(this.#idleness)
    this.#ended.resolve(undefined)
    this.#stream?.input.close('end')
  }

  get #nothing(): AppError {
    const found = this.#head.length > 0 ? 'the first line has no end' : 'it is empty'
    return new AppError('NO_STREAM', { found })
  }

  // The last word is ours; then what the caller still sends is read until it ends too, for a while: a
  // connection closed with bytes unread takes our last word from the caller.
  #farewell(): void {
    this.#inflow.discard()
    this.#socket.end()
    const timer = setTimeout(() => this.#socket.destroy(), farewellMs)
    void this.#inflow.ended.then(() => this.#socket.destroySoon())
    this.#socket.once('close', () => clearTimeout(timer))
  }

  #tell(end: VisitEnd, startedAt: number, failure: AppError | undefined): void {
    const { log, metrics } = this.#context
    const { peer } = this.#call
    metrics.jobsEnded.inc(end)
    const fields = {
      mode: this.#order?.mode,
      pid: peer?.pid,
      uid: peer?.uid,
      end,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
      bytesIn: this.#inflow.bytes,
      bytesOut: this.#socket.bytesWritten,
    }
    if (failure === undefined) log.info(fields, 'job ended')
    else log.warn({ ...fields, err: failure }, end === 'refused' ? 'job refused' : 'job failed')
  }
}

const looksToIdle = 4

function line(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
