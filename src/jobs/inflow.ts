// What a writer sends, into whatever wants it now: bytes go from the socket straight into a ring. Main thread.
// Reads no faster than the ring is emptied.
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Sink } from '../stream/splitter.ts'
import type { Call } from './door.ts'

const longestReadBytes = 64 * 1024
const waste = Buffer.alloc(longestReadBytes) // what nobody wants; a read and its callback are one step

export class Inflow {
  readonly socket: Socket
  /** Resolves when the writer has sent all, or is gone. */
  readonly ended: Promise<void>
  #sink: Sink | undefined
  #onBytes: ((bytes: Uint8Array) => unknown) | undefined
  #view: Uint8Array = waste
  #viewOf: Sink | undefined // whose memory it is
  #bytes = 0
  #isPaused = false
  #hasEnded = false

  /** @param onBytes  gets what comes until somebody else does; the bytes are valid for the call */
  constructor(call: Call, onBytes: (bytes: Uint8Array) => void) {
    this.#onBytes = onBytes
    this.socket = call.open({ buffer: () => this.#window(), callback: (length) => this.#received(length) })
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.#hasEnded = true
        resolve()
      }
      this.socket.once('end', end).once('close', end)
    })
  }

  /** Bytes that came so far. */
  get bytes(): number {
    return this.#bytes
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Is there no room for more? */
  get isBlocked(): boolean {
    return this.#isPaused
  }

  /** What comes from now on goes into the sink. */
  into(sink: Sink): void {
    this.#onBytes = undefined
    this.#sink = sink
    this.#resume()
  }

  /** What comes from now on is thrown away. */
  discard(): void {
    this.#onBytes = undefined
    this.#sink = undefined
    this.#resume()
  }

  /** What comes from now on, as a stream of copies; its end does not end the connection.
   *  @param first  comes before it */
  asStream(first: Uint8Array): Readable {
    const stream = new Readable({ read: () => this.#resume(), highWaterMark: 4 * longestReadBytes })
    stream.push(Buffer.from(first))
    this.#onBytes = (bytes) => stream.push(Buffer.from(bytes))
    void this.ended.then(() => stream.push(null))
    return stream
  }

  // Asked for after each read, also when reading pauses, so it must never be empty: #hasRoom stops one
  // read before the ring is full.
  #window(): Uint8Array {
    this.#viewOf = this.#sink?.isClosed === false ? this.#sink : undefined
    this.#view = this.#viewOf?.writable(longestReadBytes) ?? waste
    return this.#view
  }

  // Returns whether to go on reading. Who gets the bytes may be another than when the window was asked for.
  #received(length: number): boolean {
    this.#bytes += length
    const sink = this.#sink
    if (this.#onBytes !== undefined) return this.#onBytes(this.#view.subarray(0, length)) !== false
    if (sink !== undefined && sink === this.#viewOf) sink.commit(length)
    else sink?.write(this.#view.subarray(0, length))
    return this.#hasRoom()
  }

  #hasRoom(): boolean {
    const sink = this.#sink
    if (sink === undefined || sink.isClosed || sink.free > longestReadBytes) return true
    if (!this.#isPaused) void this.#waitForRoom(sink)
    return false
  }

  async #waitForRoom(sink: Sink): Promise<void> {
    this.#isPaused = true
    while (this.#sink === sink && !sink.isClosed && sink.free < 2 * longestReadBytes)
      await sink.whenWritable(2 * longestReadBytes)
    if (this.#sink === sink) this.#resume()
  }

  #resume(): void {
    this.#isPaused = false
    this.socket.resume()
  }
}
