// The line that `remux` draws on a terminal, and how long the stream is that has gone through.
import type { Mark, RemuxStats } from '../workers/native.ts'
import { damageOf, errorsOf } from '../workers/damage.ts'

const redrawMs = 250
const wrapTicks = 2 ** 33
const ticksPerSecond = 90_000
const longestStepTicks = 30 * ticksPerSecond // between two access points; beyond it the clock has jumped

/** Measures stream time by the access points that pass. */
export class StreamClock {
  #lastPts = -1
  #ticks = 0

  /** Seconds of stream between the first and the last access point. */
  get seconds(): number {
    return this.#ticks / ticksPerSecond
  }

  add(marks: readonly Mark[]): void {
    for (const { pts } of marks) {
      if (pts < 0) continue
      const step = (pts - this.#lastPts + wrapTicks) % wrapTicks
      if (this.#lastPts >= 0 && step <= longestStepTicks) this.#ticks += step
      this.#lastPts = pts
    }
  }
}

/** One line on stderr, redrawn in place; nothing where stderr is no terminal. */
export class Progress {
  readonly #isShown = process.stderr.isTTY
  readonly #startedAt = performance.now()
  #drawnAt = 0

  /** Draws if it is time to. */
  draw(seconds: number, stats: () => RemuxStats): void {
    const now = performance.now()
    if (!this.#isShown || now - this.#drawnAt < redrawMs) return
    this.#drawnAt = now
    process.stderr.write(`\r${describe(seconds, (now - this.#startedAt) / 1000, stats())}\x1b[K`)
  }

  /** Leaves the last line standing. */
  close(seconds: number, stats: RemuxStats): void {
    if (!this.#isShown) return
    process.stderr.write(
      `\r${describe(seconds, (performance.now() - this.#startedAt) / 1000, stats)}\x1b[K\n`,
    )
  }
}

function describe(seconds: number, wallSeconds: number, stats: RemuxStats): string {
  const speed = wallSeconds > 0 ? seconds / wallSeconds : 0
  const errors = errorsOf(damageOf(stats))
  return [
    `${(stats.bytesIn / 1e6).toFixed(1)} MB in`,
    `${(stats.bytesOut / 1e6).toFixed(1)} MB out`,
    formatClock(seconds),
    `${speed.toFixed(speed < 10 ? 1 : 0)}x`,
    `${errors} ${errors === 1 ? 'error' : 'errors'}`,
  ].join('  ')
}

function formatClock(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}
