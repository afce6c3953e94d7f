// Access points on their way from the worker to main: fixed records in a small ring of their own. A
// mark is there before the bytes it points at. Full: the newer marks are dropped and counted.
import { markKinds, type Mark } from './native.ts'
import { RingReader, RingWriter, createRing } from './ring.ts'

const recordBytes = 32 // four doubles: offset, pts, pcr, kind
/** Kept until they are read: a minute and more of half-second GOPs. */
export const mostMarks = 128

export function createMarks(): SharedArrayBuffer {
  return createRing(mostMarks * recordBytes)
}

/** The worker's side. */
export class MarkWriter {
  readonly #ring: RingWriter
  readonly #record = new Float64Array(recordBytes / 8)
  readonly #bytes = new Uint8Array(this.#record.buffer)
  #offset: number
  #dropped = 0

  /** @param offset  added to each mark's: bytes in the output before this remuxer's first */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#ring = new RingWriter(memory)
    this.#offset = offset
  }

  /** The next marks are of another remuxer, whose first byte is there in the output. */
  rebase(offset: number): void {
    this.#offset = offset
  }

  get dropped(): number {
    return this.#dropped
  }

  write({ offset, pts, pcr, kind }: Mark): void {
    if (this.#ring.free < recordBytes) {
      this.#dropped++
      return
    }
    this.#record.set([this.#offset + offset, pts, pcr, markKinds.indexOf(kind)])
    this.#ring.write(this.#bytes)
  }
}

/** Main's side. */
export class MarkReader {
  readonly ring: RingReader
  readonly #record = new Float64Array(recordBytes / 8)
  readonly #bytes = new Uint8Array(this.#record.buffer)

  constructor(memory: SharedArrayBuffer) {
    this.ring = new RingReader(memory)
  }

  /** The marks since the last call, oldest first. */
  read(): Mark[] {
    const marks: Mark[] = []
    while (this.ring.fill >= recordBytes) {
      this.ring.read(this.#bytes)
      const [offset = 0, pts = -1, pcr = -1, kind = 0] = this.#record
      marks.push({ offset, pts, pcr, kind: markKinds[kind] ?? 'audio' })
    }
    return marks
  }
}
