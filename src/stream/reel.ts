// What a rendition has sent lately, kept for those who join it and those who lag: whole packets in
// chunks of memory that are used again. Main thread. Bytes are copied in once, however many read them.
import type { Mark } from '../workers/native.ts'
import { packetBytes } from './packet.ts'

/** A part of the reel, in place. Released when nobody needs the bytes any more. */
export interface Piece {
  readonly bytes: Uint8Array
  /** To be called once: until then the memory is not used again. */
  release(): void
}

export interface ReelLimits {
  /** Bytes kept at most, access point or not. */
  mostBytes: number
  /** At least so much of the stream is kept, so that a client may lag. */
  keepMs: number
}

/** 20 s of 12 Mbit/s: two of the longest groups of pictures that are broadcast, 8.33 s. */
export const reelLimits: ReelLimits = { mostBytes: 32 * 1024 * 1024, keepMs: 2000 }

const chunkBytes = 348 * packetBytes
const mostSpares = 2 // chunks that wait to be used again
// By then the pictures that lead the access point have come, and it can be joined at.
const ripeMs = 700

interface Chunk {
  readonly bytes: Buffer
  /** Reads under way. */
  pins: number
  /** When its first byte came, performance.now(). */
  at: number
}

interface RipeningMark extends Mark {
  readonly at: number
}

export class Reel {
  readonly #limits: ReelLimits
  readonly #now: () => number
  readonly #chunks: Chunk[] = []
  readonly #spares: Chunk[] = []
  #marks: RipeningMark[] = []
  #start = 0 // of the first chunk
  #end = 0

  constructor(limits: Partial<ReelLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...reelLimits, ...limits }
    this.#now = now
  }

  /** Offset of the oldest byte kept, in bytes since the beginning. */
  get start(): number {
    return this.#start
  }

  /** Bytes since the beginning. */
  get end(): number {
    return this.#end
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return (this.#chunks.length + this.#spares.length) * chunkBytes
  }

  /** Access points in what is kept, oldest first; offsets are the reel's. */
  get marks(): readonly Mark[] {
    return this.#marks
  }

  append(bytes: Uint8Array): void {
    let rest = bytes
    while (rest.length > 0) {
      const used = (this.#end - this.#start) % chunkBytes
      const chunk = used === 0 ? this.#begin() : this.#last
      const part = rest.length > chunkBytes - used ? rest.subarray(0, chunkBytes - used) : rest
      chunk.bytes.set(part, used)
      this.#end += part.length
      rest = rest.subarray(part.length)
    }
    this.#trim()
  }

  /** Notes an access point. @param mark  its offset is the reel's */
  mark(mark: Mark): void {
    this.#marks.push({ ...mark, at: this.#now() })
  }

  /** Forgets all access points: what is told of none from now on would be kept for the last one's sake, and
   *  who joins would begin there, ever further behind. */
  forgetMarks(): void {
    this.#marks = []
  }

  /** The bytes from an offset on, to the end of their chunk at most; undefined if there are none yet.
   *  @throws RangeError if they are no longer kept */
  piece(offset: number, to = this.#end): Piece | undefined {
    if (offset < this.#start)
      throw new RangeError(`Expected an offset from ${this.#start} but received ${offset}`)
    const index = Math.floor((offset - this.#start) / chunkBytes)
    const chunk = this.#chunks[index]
    const begin = this.#start + index * chunkBytes
    const end = Math.min(begin + chunkBytes, this.#end, to)
    if (chunk === undefined || end <= offset) return undefined
    chunk.pins++
    return { bytes: chunk.bytes.subarray(offset - begin, end - begin), release: () => chunk.pins-- }
  }

  /** The packet at an offset, in place and only for a look. */
  packet(offset: number): Uint8Array {
    const inside = offset - this.#start
    const chunk = this.#chunks[Math.floor(inside / chunkBytes)]
    if (chunk === undefined)
      throw new RangeError(`Expected an offset below ${this.#end} but received ${offset}`)
    const at = inside % chunkBytes
    return chunk.bytes.subarray(at, at + packetBytes)
  }

  get #last(): Chunk {
    const chunk = this.#chunks.at(-1)
    if (chunk === undefined) throw new RangeError('The reel is empty')
    return chunk
  }

  #begin(): Chunk {
    const chunk = this.#spares.pop() ?? { bytes: Buffer.allocUnsafeSlow(chunkBytes), pins: 0, at: 0 }
    chunk.at = this.#now()
    this.#chunks.push(chunk)
    return chunk
  }

  // What is still being read is left to the garbage collector instead of being used again.
  #trim(): void {
    while (this.#chunks.length > 1 && this.#canDropFirst()) {
      const chunk = this.#chunks.shift()
      this.#start += chunkBytes
      if (chunk?.pins === 0 && this.#spares.length < mostSpares) this.#spares.push(chunk)
    }
    const first = this.#marks[0]
    if (first !== undefined && first.offset < this.#start) {
      this.#marks = this.#marks.filter(({ offset }) => offset >= this.#start)
    }
  }

  #canDropFirst(): boolean {
    if (this.#end - this.#start > this.#limits.mostBytes) return true
    const now = this.#now()
    const next = this.#chunks[1]
    if (next === undefined || now - next.at < this.#limits.keepMs) return false
    if (this.#marks.length === 0) return true
    const ripe = this.#marks.findLast(({ at }) => now - at >= ripeMs)
    return ripe !== undefined && this.#start + chunkBytes <= ripe.offset
  }
}
