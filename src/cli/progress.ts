// The line that `remux` draws on a terminal, and how long the stream is that has gone through.
import type { Mark, RemuxStats } from '../workers/native.ts'
import { damageOf, errorsOf } from '../workers/damage.ts'

const redrawMs = 250
const wrapTicks = 2 ** 33
const ticksPerSecond = 90_000
const longestStepTicks = 30 * ticksPerSecond // between two access points; beyond it the clock has jumped

/** Measures how much stream has gone through: by the sound made, or by the access points that passed. */
export class StreamClock {
  #lastPts = -1
  #ticks = 0

  add(marks: readonly Mark[]): void {
    for (const { pts } of marks) {
      if (pts < 0) continue
      const step = (pts - this.#lastPts + wrapTicks) % wrapTicks
      if (this.#lastPts >= 0 && step <= longestStepTicks) this.#ticks += step
      this.#lastPts = pts
    }
  }

  /** Seconds of stream; whichever of the two saw more. */
  seconds({ tracks }: RemuxStats): number {
    const made = tracks.filter(({ mode }) => mode === 'transcode')
    const sound = made.map(
      ({ target, framesOut, rate }) => (framesOut * frameSamples(target, rate)) / (rate || Infinity),
    )
    return Math.max(this.#ticks / ticksPerSecond, ...sound)
  }
}

/** One line on stderr, redrawn in place; nothing where stderr is no terminal. */
export class Progress {
  readonly #isShown = process.stderr.isTTY
  readonly #startedAt = performance.now()
  #drawnAt = 0

  /** Draws if it is time to. */
  draw(clock: StreamClock, stats: () => RemuxStats): void {
    const now = performance.now()
    if (!this.#isShown || now - this.#drawnAt < redrawMs) return
    this.#drawnAt = now
    this.#write(clock, stats())
  }

  /** Leaves the last line standing. */
  close(clock: StreamClock, stats: RemuxStats): void {
    if (!this.#isShown) return
    this.#write(clock, stats)
    process.stderr.write('\n')
  }

  #write(clock: StreamClock, stats: RemuxStats): void {
    const wallSeconds = (performance.now() - this.#startedAt) / 1000
    process.stderr.write(`\r${describe(clock.seconds(stats), wallSeconds, stats)}\x1b[K`)
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

// Of one frame: ISO/IEC 14496-3, 4.5.1.1, ISO/IEC 11172-3 and, of low rates, 13818-3.
function frameSamples(target: string, rate: number): number {
  if (target !== 'mp3') return 1024
  return rate < 32_000 ? 576 : 1152
}
