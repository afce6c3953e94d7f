// One picture or sound of a session: what can be fetched of it, and how much it takes.
import type { PackagedPart, PackagedTrack } from '../workers/packaging.ts'
import { Shelf } from './reply.ts'
import { ticksPerSecond, type Listing } from './segment.ts'
import { Window, type WindowOptions } from './window.ts'

export interface Rates {
  /** bit/s of the busiest segment */
  readonly peak: number
  /** bit/s */
  readonly average: number
}

export class Track {
  /** As the packager told it last. */
  about: PackagedTrack
  readonly window: Window
  /** Its live playlist in the forms that were asked for. */
  readonly replies = new Shelf()
  #peak = 0
  #bytes = 0
  #ticks = 0
  #begun = 0 // segments, since the packager began
  #independentAt: number | undefined
  #hasLongGroup = false // a segment since then begins with no access point
  #longestTicks = 0

  constructor(about: PackagedTrack, options: WindowOptions) {
    this.about = about
    this.window = new Window({
      ...options,
      onListed: (listing) => {
        this.#measure(listing)
        options.onListed?.(listing)
      },
    })
  }

  push(part: PackagedPart): void {
    this.#weigh(part)
    this.window.push(part)
  }

  get rates(): Rates {
    return { peak: this.#peak, average: this.#ticks === 0 ? 0 : rate(this.#bytes, this.#ticks) }
  }

  /** How much has been measured, 90 kHz. */
  get measuredTicks(): number {
    return this.#ticks
  }

  /** The longest time between two places to begin, where a slot had none; 0 while each had one. */
  get longestGroupTicks(): number {
    return this.#longestTicks
  }

  #measure(listing: Listing): void {
    if (!('bytes' in listing) || typeof listing.bytes !== 'number' || listing.durationTicks === 0) return
    this.#bytes += listing.bytes
    this.#ticks += listing.durationTicks
    this.#peak = Math.max(this.#peak, rate(listing.bytes, listing.durationTicks))
  }

  // Within a slot only the first place to begin is told: distances count where a slot has none. The first segment
  // ends before its slot does, so that what follows it says nothing.
  #weigh({ part, time, isIndependent, isDiscontinuous }: PackagedPart): void {
    if (isDiscontinuous) this.#begun = 0
    if (part === 0 && ++this.#begun <= 2) this.#independentAt = undefined
    if (this.#begun < 2) return
    if (isIndependent) {
      if (this.#independentAt !== undefined && this.#hasLongGroup)
        this.#longestTicks = Math.max(this.#longestTicks, time - this.#independentAt)
      this.#independentAt = time
      this.#hasLongGroup = false
    } else if (part === 0) this.#hasLongGroup = true
  }
}

function rate(bytes: number, ticks: number): number {
  return Math.round((bytes * 8 * ticksPerSecond) / ticks)
}
