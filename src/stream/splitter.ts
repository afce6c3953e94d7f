// One connection's bytes into the rings of several engines. Main thread. The socket reads straight into
// the emptiest ring and the others get copies, so that an engine in trouble holds up nobody else: what does
// not fit into its ring is lost to it, and it is told of a break.
import type { RingWriter } from '../workers/ring.ts'

/** Where an upstream puts its bytes: what it needs of a RingWriter. */
export type Sink = Pick<
  RingWriter,
  'free' | 'total' | 'isClosed' | 'writable' | 'commit' | 'write' | 'whenWritable' | 'close'
>

/** A splitter without rings reads here; nobody looks at it. */
const waste = new Uint8Array(64 * 1024)

export class Splitter implements Sink {
  readonly #rings: () => readonly RingWriter[]
  #window: { ring: RingWriter | undefined; bytes: Uint8Array } = { ring: undefined, bytes: waste }
  #total = 0
  #isClosed = false

  /** @param rings  the engines' inputs, looked at for each read */
  constructor(rings: () => readonly RingWriter[]) {
    this.#rings = rings
  }

  /** Bytes that fit into the emptiest ring. */
  get free(): number {
    return this.#emptiest()?.free ?? Infinity
  }

  /** Bytes put in so far. */
  get total(): number {
    return this.#total
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  writable(mostBytes = Infinity): Uint8Array {
    const ring = this.#emptiest()
    const bytes = ring?.writable(mostBytes) ?? waste.subarray(0, mostBytes)
    this.#window = { ring, bytes }
    return bytes
  }

  commit(length: number): void {
    const { ring, bytes } = this.#window
    this.#total += length
    for (const other of this.#open) if (other !== ring) this.#copy(other, bytes.subarray(0, length))
    ring?.commit(length)
  }

  write(bytes: Uint8Array): number {
    if (this.#isClosed) return -1
    this.#total += bytes.length
    for (const ring of this.#open) this.#copy(ring, bytes)
    return bytes.length
  }

  async whenWritable(leastBytes = 1): Promise<void> {
    const rings = this.#open
    if (rings.length > 0) await Promise.race(rings.map((ring) => ring.whenWritable(leastBytes)))
  }

  /** The connection has ended; the rings stay open for the next one. */
  close(): void {
    this.#isClosed = true
  }

  #copy(ring: RingWriter, bytes: Uint8Array): void {
    if (ring.free >= bytes.length) ring.write(bytes)
    else if (!ring.isClosed) ring.splice()
  }

  #emptiest(): RingWriter | undefined {
    let best: RingWriter | undefined
    for (const ring of this.#rings())
      if (!ring.isClosed && (best === undefined || ring.free > best.free)) best = ring
    return best
  }

  get #open(): RingWriter[] {
    return this.#rings().filter((ring) => !ring.isClosed)
  }
}
