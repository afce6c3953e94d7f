// One reader's place in a rendition: HTTP clients, HLS and whoever else reads a stream have one each.
// Main thread. Never holds anybody up: who falls out of what is kept goes on at an access point.
import type { AppError } from '../base/errors.ts'
import type { Priority } from './lease.ts'
import { beginAt, enterAt, type Entry, type EntryOptions } from './entry.ts'
import { breakBefore, hasPayload, nullPid, packetBytes, pidOf } from './packet.ts'
import type { Piece, Reel } from './reel.ts'

/** What is done with a reader who is too slow. */
export const slowPolicies = ['skip', 'drop'] as const
export type SlowPolicy = (typeof slowPolicies)[number]

/** A place behind which the bytes are of another connection, or of another engine. */
export interface Cut {
  /** the reel's */
  readonly offset: number
  /** No access points are told of behind it, and no PID of its break. */
  readonly isBlind: boolean
}

/** What a cursor reads from. */
export interface Readable {
  readonly reel: Reel
  /** Where something else begins, oldest first. */
  readonly cuts: readonly Cut[]
  /** Nothing more comes. */
  readonly isEnded: boolean
  /** Why nothing more comes, where that is not the stream's own end. */
  readonly error: AppError | undefined
}

export interface CursorOptions {
  readonly slow?: SlowPolicy
  /** Of its reader, against others that want a tuner. */
  readonly priority?: Priority
  readonly now?: () => number
  /** Called when the reader is done with it. */
  readonly onLeave?: (cursor: Cursor) => void
  /** Called when its priority has changed. */
  readonly onRank?: () => void
}

/** So long an access point is waited for before all that comes is sent. */
const searchMs = 2000
/** So long packets are looked at to tell of a break. The rarest table comes each 30 s (TDT, ETSI TR 101 211). */
const tellMs = 30_000

export class Cursor {
  #priority: Priority
  readonly #source: Readable
  readonly #slow: SlowPolicy
  readonly #now: () => number
  readonly #onLeave: ((cursor: Cursor) => void) | undefined
  readonly #onRank: (() => void) | undefined
  #position: number
  #burst: Buffer | undefined // the reader's own bytes before #position
  #endAt = Infinity
  #bytes = 0
  #skips = 0
  #isDropped = false
  #hasLeft = false
  #passedCut = -1
  #search: EntrySearch | undefined
  #told: Set<number> | undefined // all PIDs break: those whose next packet has come, with the word before it
  #tellUntil = 0
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    source: Readable,
    {
      slow = 'skip',
      priority = 'normal',
      now = () => performance.now(),
      onLeave,
      onRank,
    }: CursorOptions = {},
  ) {
    this.#source = source
    this.#slow = slow
    this.#priority = priority
    this.#now = now
    this.#onLeave = onLeave
    this.#onRank = onRank
    const { start, marks } = source.reel
    this.#position = start
    // From its very beginning a stream can be read as well as it came.
    if (this.#enter(0) || start === 0) return
    if (marks.length > 0) this.#search = { from: 0, until: now() + searchMs }
    else this.#begin(beginAt(source.reel, start))
  }

  /** Of its reader, against others that want a tuner. */
  get priority(): Priority {
    return this.#priority
  }

  set priority(priority: Priority) {
    if (priority === this.#priority) return
    this.#priority = priority
    if (!this.#hasLeft) this.#onRank?.()
  }

  /** Bytes handed out. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes behind the newest. */
  get lag(): number {
    return Math.max(0, this.#source.reel.end - this.#position) + (this.#burst?.length ?? 0)
  }

  /** How often it was too slow and went on at an access point. */
  get skips(): number {
    return this.#skips
  }

  /** It was too slow, and by policy that is the end. */
  get isDropped(): boolean {
    return this.#isDropped
  }

  /** Nothing more comes for this reader. */
  get isDone(): boolean {
    if (this.#hasLeft || this.#isDropped || this.#position >= this.#endAt) return true
    return this.#source.isEnded && this.#burst === undefined && this.#position >= this.#source.reel.end
  }

  /** Why it ended early, once it is done. */
  get error(): AppError | undefined {
    return this.#position >= this.#endAt ? undefined : this.#source.error
  }

  /** What comes next, whole packets, 64 KB at most; undefined while there is nothing. */
  next(): Piece | undefined {
    if (this.isDone) return undefined
    const { reel, cuts } = this.#source
    if (this.#burst === undefined && this.#position < reel.start) this.#catchUp()
    const nextCut = () => cuts.find(({ offset }) => offset >= this.#position && offset > this.#passedCut)
    let cut = nextCut()
    if (cut?.offset === this.#position) {
      this.#cross(cut)
      cut = nextCut()
    }
    if (this.#isDropped || !this.#hasEntered()) return undefined
    const piece = this.#takeBurst() ?? this.#takePiece(Math.min(cut?.offset ?? Infinity, this.#endAt))
    if (piece !== undefined) this.#bytes += piece.bytes.length
    return piece
  }

  /** Resolves when next() or isDone may say something new. */
  whenReadable(): Promise<void> {
    if (this.isDone) return Promise.resolve()
    if (this.#search !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.wake(), Math.max(0, this.#search.until - this.#now()))
    }
    return new Promise((resolve) => (this.#wake = resolve))
  }

  /** Something has come, or nothing more will. Called by the rendition. */
  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    clearTimeout(this.#timer)
    wake?.()
  }

  /** Ends with what has come so far. */
  end(): void {
    this.#endAt = Math.min(this.#endAt, this.#source.reel.end)
    this.wake()
  }

  /** Gives the place up. Does nothing the second time. */
  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#burst = undefined
    this.wake()
    this.#onLeave?.(this)
  }

  // The newest access point that can be entered.
  #enter(from: number, options: EntryOptions = {}): boolean {
    const { reel } = this.#source
    for (const mark of reel.marks.toReversed()) {
      const entry = mark.offset >= from ? enterAt(reel, mark, options) : undefined
      if (entry === undefined) continue
      this.#begin(entry)
      return true
    }
    return false
  }

  #enterAnyhow(): void {
    const { reel } = this.#source
    if (!this.#enter(0, { isUrgent: true })) this.#begin(beginAt(reel, Math.max(this.#position, reel.start)))
  }

  #begin({ bytes, next }: Entry): void {
    this.#burst = bytes.length > 0 ? bytes : undefined
    this.#position = next
    this.#told = undefined
  }

  #cross({ offset, isBlind }: Cut): void {
    this.#passedCut = offset
    if (isBlind) this.#break()
    else this.#search ??= { from: offset, resumedSince: offset, until: this.#now() + searchMs }
  }

  // What has been sent may not be kept any more: whatever PID comes next is told of.
  #break(): void {
    this.#told = new Set([nullPid])
    this.#tellUntil = this.#now() + tellMs
  }

  // Too slow: the bytes that come next are not kept any more.
  #catchUp(): void {
    this.#isDropped = this.#slow === 'drop'
    this.#skips++
    if (this.#isDropped || this.#enter(0, { resumedSince: this.#lastCut })) return
    this.#position = this.#middle
    this.#break()
  }

  // Before it the counters are others.
  get #lastCut(): number {
    return this.#source.cuts.at(-1)?.offset ?? 0
  }

  // Of what is kept, at a packet: so far behind again it will not be at once.
  get #middle(): number {
    const { start, end } = this.#source.reel
    return start + Math.floor((end - start) / 2 / packetBytes) * packetBytes
  }

  // Waits for an access point where one is looked for, but not for ever.
  #hasEntered(): boolean {
    if (this.#search === undefined) return true
    const { from, resumedSince, until } = this.#search
    if (!this.#enter(from, { resumedSince })) {
      if (!this.#source.isEnded && this.#now() < until) return false
      if (resumedSince === undefined) this.#enterAnyhow()
      else this.#break()
    }
    this.#search = undefined
    return true
  }

  // While breaks are to be told, looks for the next PID and puts the word before its packet.
  #takePiece(to: number): Piece | undefined {
    const piece = this.#source.reel.piece(this.#position, to)
    if (piece === undefined) return undefined
    if (this.#told !== undefined && this.#now() > this.#tellUntil) this.#told = undefined
    const length = this.#told === undefined ? piece.bytes.length : untoldAt(piece.bytes, this.#told)
    if (length === 0) {
      piece.release()
      this.#told?.add(pidOf(piece.bytes))
      return { bytes: breakBefore(piece.bytes), release: nothing }
    }
    this.#position += length
    return length === piece.bytes.length ? piece : { ...piece, bytes: piece.bytes.subarray(0, length) }
  }

  #takeBurst(): Piece | undefined {
    const burst = this.#burst
    if (burst === undefined) return undefined
    this.#burst = burst.length > mostBurstPart ? burst.subarray(mostBurstPart) : undefined
    return { bytes: burst.subarray(0, mostBurstPart), release: nothing }
  }
}

/** An access point that is waited for: after a cut, or where the last one is not complete. */
interface EntrySearch {
  /** Offset from which on. */
  readonly from: number
  /** Offset from which on counters count, for who has been reading. */
  readonly resumedSince?: number | undefined
  /** Then it is given up. */
  readonly until: number
}

const mostBurstPart = 348 * packetBytes

// Where the first packet is of a PID that is not told of; at the end if there is none.
function untoldAt(bytes: Uint8Array, told: ReadonlySet<number>): number {
  for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
    const packet = bytes.subarray(at, at + packetBytes)
    if (!told.has(pidOf(packet)) && hasPayload(packet)) return at
  }
  return bytes.length
}

function nothing(): void {
  // the burst is the reader's own
}
