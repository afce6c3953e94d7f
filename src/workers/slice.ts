// How much a job takes on in one turn: about a millisecond of work, in pieces of a size found out by trying.
// Bytes would not do: 64 KiB are 0.4 ms of a television programme, and 14 ms of a radio programme.
import { mostPushBytes } from './native.ts'

/** How long a job works before another one does: what a live stream on the same thread waits for, at most. */
export const sliceMs = 1

const firstPieceBytes = 2048 // 0.4 ms of radio
const mostPieceMs = sliceMs / 2
const leastPieceMs = sliceMs / 4 // small pieces of television cost 5 % more

export class Slice {
  readonly #now: () => number
  #pieceBytes = firstPieceBytes
  #beganAt = 0
  #pieceAt = 0
  #isOver = false

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** What to take on next; a power of two, 2048 .. mostPushBytes. */
  get pieceBytes(): number {
    return this.#pieceBytes
  }

  /** The time is up; at the earliest after one piece. */
  get isOver(): boolean {
    return this.#isOver
  }

  begin(): void {
    this.#beganAt = this.#pieceAt = this.#now()
    this.#isOver = false
  }

  /** A piece has been worked off. */
  note(bytes: number): void {
    const now = this.#now()
    const tookMs = now - this.#pieceAt
    if (tookMs > mostPieceMs) this.#pieceBytes = Math.max(firstPieceBytes, this.#pieceBytes / 2)
    else if (tookMs < leastPieceMs && bytes === this.#pieceBytes)
      this.#pieceBytes = Math.min(mostPushBytes, this.#pieceBytes * 2)
    this.#pieceAt = now
    this.#isOver = now - this.#beganAt >= sliceMs
  }
}
