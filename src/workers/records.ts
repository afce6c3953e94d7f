// What a packager makes, on its way from the worker to main: a head of fixed size and the bytes, one after
// the other in a ring. A record may be larger than the ring.
import type { PackagedPart, PackagedRecord, PackagedTrack } from './packaging.ts'
import { RingReader, RingWriter } from './ring.ts'
import { Stock } from './stock.ts'

const kinds = ['tracks', 'init', 'part'] as const
const headWords = 9 // doubles: kind, track, msn, part, time, duration, utcMs, flags, bytes that follow
const flags = { isIndependent: 1, isLast: 2, isDiscontinuous: 4 } as const

/** The worker's side. */
export class RecordWriter {
  readonly ring: RingWriter

  constructor(memory: SharedArrayBuffer) {
    this.ring = new RingWriter(memory)
  }

  /** Waits for room. Resolves with whether the record was written: not where the ring is closed. */
  async write(record: PackagedRecord): Promise<boolean> {
    const bytes = record.kind === 'tracks' ? Buffer.from(JSON.stringify(record.tracks)) : record.bytes
    const head = Float64Array.of(...headOf(record), bytes.length)
    return (await this.#send(new Uint8Array(head.buffer))) && (await this.#send(bytes))
  }

  async #send(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length;) {
      const taken = this.ring.write(bytes.subarray(at))
      if (taken < 0) return false
      if (taken === 0) await this.ring.whenWritable()
      at += taken
    }
    return true
  }
}

/** Main's side. */
export class RecordReader {
  readonly ring: RingReader
  readonly #words = new Float64Array(headWords)
  readonly #head = new Uint8Array(this.#words.buffer)
  readonly #stock = new Stock() // of parts
  #body: Buffer | undefined // once the head is whole
  #filled = 0 // of the head, then of the body

  constructor(memory: SharedArrayBuffer) {
    this.ring = new RingReader(memory)
  }

  /** The records that are complete, oldest first. */
  read(): PackagedRecord[] {
    const records: PackagedRecord[] = []
    for (;;) {
      if (this.#body === undefined) {
        if (!this.#fill(this.#head)) return records
        this.#body = this.#take(this.#words[headWords - 1] ?? 0)
      }
      if (!this.#fill(this.#body)) return records
      const bytes = this.#body
      this.#body = undefined
      const record = recordOf(this.#words, bytes)
      records.push(record.kind === 'part' ? { ...record, release: () => this.#stock.give(bytes) } : record)
    }
  }

  #take(bytes: number): Buffer {
    const isPart = this.#words[0] === kinds.indexOf('part')
    return isPart ? this.#stock.take(bytes) : Buffer.allocUnsafeSlow(bytes)
  }

  // Whether all of it is there; then the next one begins.
  #fill(into: Uint8Array): boolean {
    while (this.#filled < into.length) {
      const length = this.ring.read(into.subarray(this.#filled))
      if (length <= 0) return false
      this.#filled += length
    }
    this.#filled = 0
    return true
  }
}

function headOf(record: PackagedRecord): number[] {
  const kind = kinds.indexOf(record.kind)
  if (record.kind === 'tracks') return [kind, 0, 0, 0, 0, 0, 0, 0]
  if (record.kind === 'init') return [kind, record.track, 0, 0, 0, 0, 0, 0]
  const { track, msn, part, time, duration, utcMs, isIndependent, isLast, isDiscontinuous } = record
  const bits =
    (isIndependent ? flags.isIndependent : 0) |
    (isLast ? flags.isLast : 0) |
    (isDiscontinuous ? flags.isDiscontinuous : 0)
  return [kind, track, msn, part, time, duration, utcMs, bits]
}

function recordOf(words: Float64Array, bytes: Buffer): PackagedRecord {
  const [kind = 0, track = 0, msn = 0, part = 0, time = 0, duration = 0, utcMs = 0, bits = 0] = words
  const name = kinds[kind]
  if (name === 'tracks') return { kind: name, tracks: JSON.parse(bytes.toString()) as PackagedTrack[] }
  if (name === 'init') return { kind: name, track, bytes }
  return { kind: 'part', track, msn, part, time, duration, utcMs, ...partFlags(bits), bytes }
}

function partFlags(bits: number): Pick<PackagedPart, 'isIndependent' | 'isLast' | 'isDiscontinuous'> {
  return {
    isIndependent: (bits & flags.isIndependent) !== 0,
    isLast: (bits & flags.isLast) !== 0,
    isDiscontinuous: (bits & flags.isDiscontinuous) !== 0,
  }
}
