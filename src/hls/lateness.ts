// How late the parts of a session come, against the earliest that came: what players must have in reserve.
import type { Metrics } from '../base/metrics.ts'
import type { PackagedPart } from '../workers/packaging.ts'
import { ticksPerSecond } from './segment.ts'

export class Lateness {
  readonly #metrics: Metrics | undefined
  readonly #now: () => number
  #earliestMs = Infinity // arrival less its time in the broadcast

  constructor(metrics: Metrics | undefined, now: () => number = () => performance.now()) {
    this.#metrics = metrics
    this.#now = now
  }

  /** A part has come. */
  part({ time, duration, isDiscontinuous }: PackagedPart): void {
    if (isDiscontinuous) this.#earliestMs = Infinity
    const offsetMs = this.#now() - ((time + duration) * 1000) / ticksPerSecond
    this.#earliestMs = Math.min(this.#earliestMs, offsetMs)
    this.#metrics?.hlsPartDelaySeconds.observe((offsetMs - this.#earliestMs) / 1000)
  }
}
