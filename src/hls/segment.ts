// One segment of a track: the parts that it is made of, kept once, whether it is asked for whole or part by part.
import type { PackagedPart } from '../workers/packaging.ts'

/** Of MPEG time stamps. */
export const ticksPerSecond = 90_000

/** What a playlist says of a segment. */
export interface Listing {
  readonly msn: number
  readonly durationTicks: number
  /** Of its first frame, ms since 1970. */
  readonly utcMs: number
  /** It does not go on from the one before. */
  readonly isDiscontinuous: boolean
  /** There is nothing to fetch: it was never broadcast, or never came. */
  readonly isGap: boolean
  /** The name of the track's head, which it needs; undefined where the container has none. */
  readonly init: string | undefined
}

export interface SegmentOptions {
  readonly isDiscontinuous?: boolean
  readonly init?: string | undefined
}

export class Segment implements Listing {
  readonly msn: number
  readonly utcMs: number
  /** Of its first frame, 90 kHz. */
  readonly time: number
  readonly isDiscontinuous: boolean
  readonly init: string | undefined
  readonly #parts: PackagedPart[] = []
  #durationTicks = 0
  #bytes = 0
  #isComplete = false
  #holds = 0

  constructor(first: PackagedPart, { isDiscontinuous = false, init }: SegmentOptions = {}) {
    this.msn = first.msn
    this.utcMs = first.utcMs
    this.time = first.time
    this.isDiscontinuous = isDiscontinuous
    this.init = init
    this.add(first)
  }

  get parts(): readonly PackagedPart[] {
    return this.#parts
  }

  get durationTicks(): number {
    return this.#durationTicks
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A player can begin with it. */
  get isIndependent(): boolean {
    return this.#parts[0]?.isIndependent === true
  }

  /** Its sound did not flow. */
  get isGap(): boolean {
    return this.#isComplete && this.#bytes === 0
  }

  /** No part follows. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The bytes of a part, or of the whole where it is complete; undefined where there are none yet.
   *  @param part  undefined: the whole */
  pieces(part: number | undefined): Buffer[] | undefined {
    if (part !== undefined) return this.#parts[part] && [this.#parts[part].bytes]
    return this.#isComplete ? this.#parts.map(({ bytes }) => bytes) : undefined
  }

  /** Is this its next part? */
  continuesWith({ msn, part }: PackagedPart): boolean {
    return !this.#isComplete && msn === this.msn && part === this.#parts.length
  }

  add(part: PackagedPart): void {
    this.#parts.push(part)
    this.#durationTicks += part.duration
    this.#bytes += part.bytes.length
    if (part.isLast) this.complete()
  }

  /** No part follows, whatever the last one said. */
  complete(): void {
    this.#isComplete = true
  }

  /** Its bytes are being read, and stay as they are until the function is called; once. */
  hold(): () => void {
    this.#holds++
    return () => this.#holds--
  }

  /** It can be fetched no more: its memory is used again, but what is being read. */
  release(): void {
    if (this.#holds === 0) for (const part of this.#parts) part.release?.()
  }
}

/** What stands in a playlist for a segment that does not exist. */
export function gap(msn: number, durationTicks: number, utcMs: number): Listing {
  return { msn, durationTicks, utcMs, isDiscontinuous: false, isGap: true, init: undefined }
}
