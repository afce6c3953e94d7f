// What can be fetched of a track now: the segments that its playlist lists, and those that it listed a moment ago,
// which players still ask for. Main thread. Media sequence numbers without a segment are listed as gaps.
import { createHash } from 'node:crypto'
import type { PackagedPart } from '../workers/packaging.ts'
import { gap, Segment, ticksPerSecond, type Listing } from './segment.ts'

export interface WindowOptions {
  readonly slotTicks: number
  /** How much is listed; three target durations at least. */
  readonly listedTicks: number
  /** Bytes kept at most, listed or not. */
  readonly mostBytes?: number
  /** ms, of any epoch */
  readonly now?: () => number
  /** A segment is complete, or will never come. */
  readonly onListed?: ((listing: Listing) => void) | undefined
}

/** A minute of 16 Mbit/s. */
export const mostWindowBytes = 128 * 1024 * 1024
const mostInits = 64
// A time line that goes back by more than this many segments is another one.
const mostBack = 2

interface Removed {
  readonly segment: Segment
  readonly until: number
}

export class Window {
  readonly #options: WindowOptions & { readonly mostBytes: number; readonly now: () => number }
  readonly #targetTicks: number
  readonly #inits = new Map<string, Buffer>()
  #listed: Listing[] = []
  #removed: Removed[] = []
  #open: Segment | undefined
  #init: string | undefined
  #discontinuitySequence = 0
  #longestTicks = 0
  #listedTicks = 0
  #bytes = 0
  #dropped = 0
  #version = 0
  #isBroken = false
  #isEnded = false

  constructor(options: WindowOptions) {
    this.#options = { mostBytes: mostWindowBytes, now: () => performance.now(), ...options }
    this.#targetTicks = 2 * options.slotTicks
  }

  /** Complete segments, oldest first, without a hole in their numbers. */
  get listed(): readonly Listing[] {
    return this.#listed
  }

  /** The segment that is being made; undefined between two. */
  get open(): Segment | undefined {
    return this.#open
  }

  /** Discontinuities in what is no longer listed. */
  get discontinuitySequence(): number {
    return this.#discontinuitySequence
  }

  /** Moves with every change. */
  get version(): number {
    return this.#version
  }

  /** Nothing more comes. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  get heldBytes(): number {
    return this.#bytes
  }

  /** Parts that came twice or for a segment that was over. */
  get dropped(): number {
    return this.#dropped
  }

  /** Where the next part belongs; undefined before the first. */
  get next(): { readonly msn: number; readonly part: number } | undefined {
    if (this.#open !== undefined) return { msn: this.#open.msn, part: this.#open.parts.length }
    const last = this.#listed.at(-1)
    return last === undefined ? undefined : { msn: last.msn + 1, part: 0 }
  }

  /** The newest part, as rendition reports have it; undefined before the first. */
  get last(): { readonly msn: number; readonly part: number } | undefined {
    const segment = this.#open ?? this.#listed.at(-1)
    if (segment === undefined) return undefined
    return { msn: segment.msn, part: segment instanceof Segment ? segment.parts.length - 1 : 0 }
  }

  /** A head that the parts to come need. */
  init(bytes: Buffer): void {
    const name = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
    this.#inits.delete(name)
    this.#inits.set(name, bytes)
    this.#init = name
    const [oldest] = this.#inits.keys()
    if (this.#inits.size > mostInits && oldest !== undefined) this.#inits.delete(oldest)
  }

  initBytes(name: string): Buffer | undefined {
    return this.#inits.get(name)
  }

  /** What comes next does not go on from what was there, and not in the same segment. */
  break(): void {
    this.#close()
    this.#isBroken = true
  }

  push(part: PackagedPart): void {
    if (this.#isEnded) return
    const open = this.#open?.continuesWith(part) === true ? this.#open : undefined
    // No player takes a segment that is longer than was announced.
    const isFit = (open?.durationTicks ?? 0) + part.duration <= this.#targetTicks
    if (!isFit || (open === undefined && !this.#begins(part))) {
      this.#dropped++
      return
    }
    if (open === undefined) this.#begin(part)
    else open.add(part)
    this.#bytes += part.bytes.length
    if (this.#open?.isComplete === true) this.#close()
    this.#trim()
    this.#version++
  }

  /** Nothing more comes: the last segment is as it is. */
  end(): void {
    if (this.#isEnded) return
    this.#close()
    this.#isEnded = true
    this.#version++
  }

  /** A segment that can be fetched: whole, or as far as it has come. */
  segment(msn: number): Segment | undefined {
    if (this.#open?.msn === msn) return this.#open
    const first = this.#listed[0]?.msn ?? 0
    const listing = this.#listed[msn - first]
    if (listing instanceof Segment) return listing
    return this.#removed.find(({ segment }) => segment.msn === msn)?.segment
  }

  /** Does the playlist have so much? A part beyond the last of its segment is the first of the next one.
   *  @param part  undefined: the whole segment */
  hasReached(msn: number, part?: number): boolean {
    if (this.#isEnded) return true
    const last = this.#listed.at(-1)
    if (last !== undefined && last.msn > msn) return true
    if (part === undefined) return last !== undefined && last.msn >= msn
    if (this.#open !== undefined)
      return this.#open.msn > msn || (this.#open.msn === msn && this.#open.parts.length > part)
    return last instanceof Segment && last.msn === msn && last.parts.length > part
  }

  #begins({ msn, part }: PackagedPart): boolean {
    const last = (this.#open ?? this.#listed.at(-1))?.msn ?? -Infinity
    return part === 0 && (msn > last || msn < last - mostBack)
  }

  #begin(part: PackagedPart): void {
    this.#close()
    const before = this.#listed.at(-1)
    if (before !== undefined) this.#bridge(before, part)
    this.#open = new Segment(part, {
      isDiscontinuous: before !== undefined && (part.isDiscontinuous || this.#isBroken),
      init: this.#init,
    })
    this.#isBroken = false
  }

  // Gaps for the numbers that nothing came for. Where they fill the playlist, nothing before them is listed; nor
  // where the numbers begin anew.
  #bridge(before: Listing, { msn, time, utcMs }: PackagedPart): void {
    const missing = msn - before.msn - 1
    if (missing === 0) return
    const { slotTicks, listedTicks } = this.#options
    const most = Math.ceil(listedTicks / slotTicks)
    if (missing > most || missing < 0) this.#retireAll()
    const end = before instanceof Segment ? before.time + before.durationTicks : time - missing * slotTicks
    const spread = Math.round((time - end) / missing)
    const durationTicks = spread > 0 && spread <= this.#targetTicks ? spread : slotTicks
    for (let left = Math.min(missing, most); left > 0; left--)
      this.#list(gap(msn - left, durationTicks, utcMs - (left * durationTicks * 1000) / ticksPerSecond))
    this.#isBroken = true
  }

  #close(): void {
    const segment = this.#open
    if (segment === undefined) return
    this.#open = undefined
    segment.complete()
    this.#list(segment)
  }

  #list(listing: Listing): void {
    this.#listed.push(listing)
    this.#listedTicks += listing.durationTicks
    this.#options.onListed?.(listing)
  }

  #trim(): void {
    const listedTicks = Math.max(this.#options.listedTicks, 3 * this.#targetTicks)
    for (let first = this.#listed[0]; first !== undefined; first = this.#listed[0]) {
      if (this.#listedTicks - first.durationTicks < listedTicks) break
      this.#retire(first)
    }
    this.#longestTicks = Math.max(this.#longestTicks, this.#listedTicks + (this.#open?.durationTicks ?? 0))
    this.#forget()
  }

  #retireAll(): void {
    for (let first = this.#listed[0]; first !== undefined; first = this.#listed[0]) this.#retire(first)
  }

  // Players that have it in their playlist may still ask for it.
  #retire(listing: Listing): void {
    this.#listed.shift()
    this.#listedTicks -= listing.durationTicks
    if (listing.isDiscontinuous) this.#discontinuitySequence++
    if (!(listing instanceof Segment)) return
    const ms = ((listing.durationTicks + this.#longestTicks) * 1000) / ticksPerSecond
    this.#removed.push({ segment: listing, until: this.#options.now() + ms })
  }

  // Where memory is full, earlier than promised.
  #forget(): void {
    const now = this.#options.now()
    for (;;) {
      const isFull = this.#bytes > this.#options.mostBytes
      if (isFull && this.#removed.length === 0 && this.#listed[0] !== undefined) this.#retire(this.#listed[0])
      const first = this.#removed[0]
      if (first === undefined || (first.until > now && !isFull)) return
      this.#removed.shift()
      this.#bytes -= first.segment.bytes
      first.segment.release()
    }
  }
}
