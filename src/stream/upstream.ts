// One connection to a receiver's stream server: its bytes go from the socket straight into a ring.
// Main thread. A raw socket, since node:http would copy each chunk and cannot be told where to put it;
// so the answer's head and chunks are read here. Reads only while the ring has room.
import { connect, type Socket } from 'node:net'
import { AppError, toAppError } from '../base/errors.ts'
import type { Metrics } from '../base/metrics.ts'
import { type AnswerHead, ChunkDecoder, holdsTransportStream, longestHeadBytes, readHead } from './answer.ts'
import { Pulse } from './pulse.ts'
import type { Spacing } from './spacing.ts'
import type { Sink } from './splitter.ts'

/** What to connect to and ask for. */
export interface Target {
  readonly host: string
  readonly port: number
  /** What the request calls the host, with the port where that is not 80; host and port unless given. */
  readonly hostHeader?: string | undefined
  /** The request path, percent-encoded. */
  readonly path: string
  /** The value of an Authorization header, if one is needed. */
  readonly authorization?: string | undefined
}

export interface UpstreamLimits {
  connectMs: number
  /** From the request to the first packets. */
  firstByteMs: number
  /** Silence in mid-stream. Time in which the ring is full does not count. */
  stallMs: number
}

export interface UpstreamOptions {
  readonly spacing: Spacing
  readonly metrics?: Metrics | undefined
  readonly limits?: Partial<UpstreamLimits> | undefined
  /** Called once, with the first packets. */
  readonly onStart?: (() => void) | undefined
}

/** A relay sends its first packets after up to 10 s. */
export const upstreamLimits: UpstreamLimits = { connectMs: 5000, firstByteMs: 15_000, stallMs: 10_000 }

type FailureReason = 'refused' | 'timeout' | 'stalled' | 'ended' | 'reset' | 'unreachable' | 'status'
type State = 'waiting' | 'connecting' | 'head' | 'probe' | 'stream' | 'closed'

const longestReadBytes = 64 * 1024
const longestProbeBytes = 64 * 1024 // of a body in which no packets are found
const enoughBytes = 16 * 1024 // in one read, to go on with the next at once
// A receiver sends packet by packet, and each piece costs a read, a commit and a wake-up of the worker.
const readPulse = new Pulse(5)
const farewellMs = 1000 // for the other side to answer our FIN
const relayPort = 17999
const relayGapMs = 1000
const gapMs = 750 // between a close and the next open; the stream server wants 500, 750 is known to be safe
const userAgent = 'xg2g'
const redirects = [301, 302, 303, 307, 308]
const waste = Buffer.alloc(longestReadBytes) // what still comes after our FIN; nobody reads it

/** A stream on its way from a receiver into a ring. Closes the ring when it ends, for whatever reason. */
export class Upstream {
  /** Resolves when the stream has ended by itself or was closed by us.
   *  @throws UPSTREAM_REFUSED, UPSTREAM_TIMEOUT, UPSTREAM_ENDED or NO_STREAM; a refusal that names another
   *  place has it in details.location */
  readonly done: Promise<void>
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>

  readonly #target: Target
  readonly #sink: Sink
  readonly #spacing: Spacing
  readonly #metrics: Metrics | undefined
  readonly #limits: UpstreamLimits
  readonly #onStart: (() => void) | undefined
  readonly #abort = new AbortController()
  readonly #done = Promise.withResolvers<undefined>()
  readonly #gone = Promise.withResolvers<undefined>()
  #state: State = 'waiting'
  #socket: Socket | undefined
  #scratch = Buffer.allocUnsafeSlow(longestHeadBytes + longestProbeBytes) // the head and the first packets
  #scratchUsed = 0
  #view: Uint8Array = this.#scratch // where the socket reads to
  #chunks: ChunkDecoder | undefined
  #bodyLeft = Infinity
  #isPaused = false
  #startedAt = 0 // performance.now() of the first packets
  #timer: NodeJS.Timeout | undefined

  /** @param sink  holds at least 256 KiB and is empty */
  constructor(target: Target, sink: Sink, { spacing, metrics, limits, onStart }: UpstreamOptions) {
    if (sink.free < 4 * longestReadBytes)
      throw new TypeError(`Expected an empty ring of 256 KiB but received ${sink.free} bytes`)
    this.#target = target
    this.#sink = sink
    this.#spacing = spacing
    this.#metrics = metrics
    this.#onStart = onStart
    this.#limits = { ...upstreamLimits, ...limits }
    this.done = this.#done.promise
    this.done.catch(() => undefined) // who has closed it need not look
    this.gone = this.#gone.promise
    this.#open().catch((error: unknown) => this.#fail('unreachable', toAppError(error)))
  }

  /** Bytes of the stream that came so far. */
  get bytes(): number {
    return this.#sink.total
  }

  /** Has all come that the answer announced? False where it announced no end: a live stream has none. */
  get isComplete(): boolean {
    return this.#bodyLeft === 0 || this.#chunks?.isDone === true
  }

  /** Of the stream so far, bit/s; 0 before its first byte. */
  get bitrate(): number {
    const seconds = Math.max(1, performance.now() - this.#startedAt) / 1000
    return this.#startedAt === 0 ? 0 : (this.bytes * 8) / seconds
  }

  /** Ends the connection with a FIN, so that the receiver frees its tuner. Does nothing the second time. */
  close(): void {
    if (this.#state === 'closed') return
    this.#leave()
    this.#done.resolve(undefined)
  }

  async #open(): Promise<void> {
    const { host, port } = this.#target
    const isFree = await this.#spacing.turn(host, port === relayPort ? relayGapMs : gapMs, this.#abort.signal)
    if (!isFree || this.#state !== 'waiting') return
    this.#state = 'connecting'
    this.#wait(this.#limits.connectMs)
    const onread = { buffer: () => this.#window(), callback: (length: number) => this.#received(length) }
    this.#socket = connect({ host, port, onread, keepAlive: true, keepAliveInitialDelay: 20_000 })
      .once('connect', () => this.#request())
      .once('end', () => this.#ended())
      .once('close', () => this.#disconnected())
      .on('error', (error: NodeJS.ErrnoException) => this.#broke(error))
  }

  // One write: the stream server looks for the credentials in what came along with the first line.
  #request(): void {
    if (this.#state !== 'connecting') return
    const { host, port, path, authorization } = this.#target
    const { hostHeader = `${host.includes(':') ? `[${host}]` : host}:${port}` } = this.#target
    const lines = [
      `GET ${path} HTTP/1.1`,
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      `Host: ${hostHeader}`,
      `User-Agent: ${userAgent}`,
      'Connection: close',
    ]
    this.#state = 'head'
    this.#wait(this.#limits.firstByteMs)
    this.#socket?.write(`${lines.join('\r\n')}\r\n\r\n`)
  }

  // Where the next bytes go. Asked for after each read, also when reading pauses, so it must never be
  // empty: #hasRoom stops one read before the ring is full.
  #window(): Uint8Array {
    if (this.#state === 'closed') this.#view = waste
    else if (this.#state === 'stream') this.#view = this.#sink.writable(longestReadBytes)
    else this.#view = this.#scratch.subarray(this.#scratchUsed)
    return this.#view
  }

  // Returns whether to go on reading.
  #received(length: number): boolean {
    if (this.#state === 'closed') return true
    if (this.#state === 'head') {
      this.#scratchUsed += length
      this.#readHead()
    } else if (this.#state === 'probe') {
      this.#scratchUsed += this.#payload(this.#view.subarray(0, length))
      this.#probe()
    } else {
      // The bytes are in the ring already. The commit also follows a ring that has moved meanwhile.
      this.#sink.commit(this.#payload(this.#view.subarray(0, length)))
      this.#checkEnd()
    }
    return this.#hasRoom() && !this.#waitsForMore(length)
  }

  // Little came: a moment later there is more to be read at once.
  #waitsForMore(length: number): boolean {
    if (this.#state !== 'stream' || length >= enoughBytes) return false
    readPulse.next(() => this.#socket?.resume())
    return true
  }

  #readHead(): void {
    const received = this.#scratch.subarray(0, this.#scratchUsed)
    const head = readHead(received)
    if (head === undefined) return
    if (head === 'malformed') return this.#refused('status', 'it does not speak HTTP')
    if (head.status !== 200) return this.#refused('status', reasonOf(head.status), head)
    if (head.isChunked) this.#chunks = new ChunkDecoder()
    else this.#bodyLeft = head.length ?? Infinity
    this.#scratch.copyWithin(0, head.bodyOffset, received.length)
    this.#scratchUsed = this.#payload(this.#scratch.subarray(0, received.length - head.bodyOffset))
    this.#state = 'probe'
    this.#probe()
  }

  // The stream server says 200 before it tunes. Whether it could is seen from the first bytes:
  // packets, or another answer as text, or nothing.
  #probe(): void {
    const body = this.#scratch.subarray(0, this.#scratchUsed)
    if (holdsTransportStream(body)) {
      this.#sink.write(body)
      this.#scratch = waste
      this.#state = 'stream'
      this.#startedAt = performance.now()
      this.#onStart?.()
      this.#watch()
    } else if (body.toString('latin1', 0, 7) === 'HTTP/1.') {
      const status = Number(body.toString('latin1', 9, 12))
      return this.#refused('refused', 'it could not tune: no tuner is free or the service is not received', {
        status,
      })
    } else if (body.length >= longestProbeBytes) {
      return this.#fail(
        'ended',
        new AppError('NO_STREAM', { found: `no packets in the first ${body.length} bytes` }),
      )
    }
    this.#checkEnd()
  }

  // What of these bytes belongs to the stream, moved to their front.
  #payload(bytes: Uint8Array): number {
    const length = Math.min(this.#bodyLeft, this.#chunks?.decode(bytes) ?? bytes.length)
    this.#bodyLeft -= length
    return length
  }

  #checkEnd(): void {
    if (this.#chunks?.isMalformed) this.#fail('ended', this.#endedEarly('its chunks are malformed'))
    else if (this.#bodyLeft === 0 || this.#chunks?.isDone) this.#ended()
  }

  #hasRoom(): boolean {
    if (this.#state !== 'stream' || this.#sink.free > longestReadBytes) return true
    if (!this.#isPaused) void this.#resumeWithRoom()
    return false
  }

  async #resumeWithRoom(): Promise<void> {
    this.#isPaused = true
    while (this.#state === 'stream' && !this.#sink.isClosed && this.#sink.free < 2 * longestReadBytes) {
      await this.#sink.whenWritable(2 * longestReadBytes)
    }
    this.#isPaused = false
    if (this.#sink.isClosed) this.close()
    this.#socket?.resume()
  }

  // In quarters of the limit, so that a steady stream costs no timer per read.
  #watch(): void {
    clearTimeout(this.#timer)
    const { stallMs } = this.#limits
    let seen = -1
    let quiet = 0
    this.#timer = setInterval(() => {
      quiet = this.#sink.total === seen && !this.#isPaused ? quiet + 1 : 0
      seen = this.#sink.total
      if (quiet >= 4)
        this.#fail('stalled', new AppError('UPSTREAM_TIMEOUT', { afterMs: stallMs, ...this.#place }))
    }, stallMs / 4)
  }

  #wait(afterMs: number): void {
    clearTimeout(this.#timer)
    const late = () => this.#fail('timeout', new AppError('UPSTREAM_TIMEOUT', { afterMs, ...this.#place }))
    this.#timer = setTimeout(late, afterMs)
  }

  // The other side has sent its FIN, or all that it had announced.
  #ended(): void {
    const isWhole = this.isComplete || (this.#chunks === undefined && this.#bodyLeft === Infinity)
    if (this.#state === 'closed') return
    if (this.#state === 'stream' && isWhole) return this.close()
    if (this.#state === 'stream')
      return this.#fail('ended', this.#endedEarly('the connection closed in mid-answer'))
    const bytes = this.#state === 'probe' ? this.#scratchUsed : 0
    this.#fail('ended', this.#endedEarly(`the connection closed after ${bytes} bytes`))
  }

  #broke(error: NodeJS.ErrnoException): void {
    const reason = error.code ?? error.message
    if (this.#state === 'connecting')
      this.#refused(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable', reason)
    else this.#fail('reset', this.#endedEarly(reason))
  }

  #refused(why: FailureReason, reason: string, { status, location }: Partial<AnswerHead> = {}): void {
    const isRedirect = status !== undefined && redirects.includes(status)
    const details = { reason, status, ...(isRedirect && { location }), ...this.#place }
    this.#fail(why, new AppError('UPSTREAM_REFUSED', details))
  }

  #endedEarly(reason: string): AppError {
    return new AppError('UPSTREAM_ENDED', { reason, ...this.#place })
  }

  get #place(): { host: string; port: number } {
    return { host: this.#target.host, port: this.#target.port }
  }

  #fail(why: FailureReason, error: AppError): void {
    if (this.#state === 'closed') return
    this.#leave()
    this.#metrics?.upstreamFailures.inc(why)
    this.#done.reject(error)
  }

  // FIN first, then read what still comes until the other side has closed: a socket closed with unread
  // bytes sends a reset, after which some receivers keep the tuner for minutes.
  #leave(): void {
    const isConnected = this.#state !== 'waiting' && this.#state !== 'connecting'
    this.#state = 'closed'
    this.#abort.abort()
    this.#sink.close('end')
    clearTimeout(this.#timer)
    const socket = this.#socket
    if (socket === undefined) return this.#gone.resolve(undefined)
    if (!isConnected) return void socket.destroy()
    this.#spacing.closed(this.#target.host) // the receiver may act on the FIN before we hear of it
    socket.end()
    socket.resume()
    this.#timer = setTimeout(() => socket.destroy(), farewellMs)
  }

  #disconnected(): void {
    clearTimeout(this.#timer)
    this.#spacing.closed(this.#target.host)
    if (this.#state !== 'closed') this.#ended()
    this.#gone.resolve(undefined)
  }
}

function reasonOf(status: number): string {
  if (status === 401 || status === 403) return `it wants another user or password (${status})`
  return `it answered ${status}`
}
