// Two decoded tracks held against each other: how far apart in time, how far apart in level.
import { ticksPerSecond } from '../../src/demo/signal/packet.ts'
import type { Run } from './media.ts'

const longestWindow = 4096 // samples
const margin = 128 // samples that are looked at on both sides
const edge = 2048 // samples at either end of a run that are passed over where it is long: broken frames
const windows = 5
const alike = 0.8 // correlation from which on two windows are the same sound
const quiet = 1e-7 // mean square below which there is nothing to hear
const seamTicks = 90 // frames that lie closer than this go on without a gap

/** A decoded track. */
export interface Heard {
  readonly rate: number
  /** left and right in turn */
  readonly samples: Float32Array
  readonly frames: readonly Run[]
}

export interface Comparison {
  /** windows in which there is something to hear in theirs */
  readonly windows: number
  /** how many of them have the same sound in mine */
  readonly alike: number
  /** largest distance in time among those, ms */
  readonly offsetMs: number
}

/** Where the sound of `mine` lies against the same sound in `theirs`, by both one's time stamps. */
export function compareTime(theirs: Heard, mine: Heard): Comparison {
  const found = sharedRuns(theirs, mine)
    .flatMap((shared) => placeWindows(shared))
    .map((window) => alignment(theirs, mine, window))
    .filter((each) => each !== undefined)
  const same = found.filter(({ likeness }) => likeness >= alike)
  return {
    windows: found.length,
    alike: same.length,
    offsetMs: Math.max(0, ...same.map(({ offsetMs }) => Math.abs(offsetMs))),
  }
}

/** The level of mine over that of a rival, dB, in the time that both have; undefined in silence.
 *  @param rival  samples in step with those of theirs, `delay` later */
export function compareLevel(
  theirs: Heard,
  mine: Heard,
  rival: Float32Array,
  delay: number,
): number | undefined {
  let ours = 0
  let others = 0
  let heard = 0
  for (const { from, count, to } of sharedRuns(theirs, mine)) {
    const length = Math.min(count, rival.length / 2 - edge - from - delay) // its end is filled up
    if (length <= 0) continue
    ours += energy(mine.samples, Math.round(to), length)
    others += energy(rival, from + delay, length)
    heard += length
  }
  return others < quiet * heard || heard === 0 ? undefined : 10 * Math.log10(ours / others)
}

/** Samples that follow one another in both: `from` in theirs, `to` (a fraction too) in mine. */
interface Shared {
  readonly from: number
  readonly to: number
  readonly count: number
}

function sharedRuns(theirs: Heard, mine: Heard): Shared[] {
  const { rate } = theirs
  const samplesIn = (ticks: number) => (ticks * rate) / ticksPerSecond
  const shared: Shared[] = []
  for (const a of runsOf(theirs)) {
    for (const b of runsOf(mine)) {
      const ahead = samplesIn(b.pts - a.pts) // of mine against theirs
      const from = Math.max(0, Math.ceil(ahead))
      const count = Math.min(a.count, Math.floor(ahead) + b.count) - from
      if (count > 0) shared.push({ from: a.at + from, to: b.at + from - ahead, count })
    }
  }
  return shared
}

/** Frames without a gap between them, put together. */
function runsOf({ frames, rate }: Heard): Run[] {
  const runs: Run[] = []
  for (const frame of frames) {
    const last = runs.at(-1)
    const due = last === undefined ? NaN : last.pts + (last.count * ticksPerSecond) / rate
    if (last !== undefined && Math.abs(frame.pts - due) < seamTicks) {
      runs[runs.length - 1] = { ...last, count: last.count + frame.count }
    } else {
      runs.push(frame)
    }
  }
  return runs
}

function placeWindows({ from, to, count }: Shared): Shared[] {
  const around = count > 8 * edge ? edge : margin
  const length = Math.min(longestWindow, count - 2 * around)
  if (length < 2 * margin) return []
  const room = count - length - 2 * around
  const number = Math.min(windows, 1 + Math.floor(room / length))
  return Array.from({ length: number }, (_, place) => {
    const skip = around + Math.floor(number === 1 ? room / 2 : (room * place) / (number - 1))
    return { from: from + skip, to: to + skip, count: length }
  })
}

function alignment(theirs: Heard, mine: Heard, { from, to, count }: Shared) {
  const a = mono(theirs.samples, from, count)
  const whole = Math.round(to)
  const b = mono(mine.samples, whole - margin, count + 2 * margin)
  const power = powerOf(a)
  if (power / count < quiet) return undefined
  const curve = correlations(a, b, power)
  const peak = nearestPeak(curve)
  const [left, top, right] = [curve[peak - 1] ?? 0, curve[peak] ?? 0, curve[peak + 1] ?? 0]
  const bend = left - 2 * top + right
  const shift = bend === 0 ? 0 : (left - right) / (2 * bend)
  return { offsetMs: ((peak - margin + shift + whole - to) * 1000) / theirs.rate, likeness: top }
}

/** A tone is like itself a period later as well: of peaks as high as the highest, the one in the middle. */
function nearestPeak(curve: readonly number[]): number {
  const enough = Math.max(...curve) * 0.999
  const isPeak = (at: number) => curve[at]! >= Math.max(enough, curve[at - 1] ?? 0, curve[at + 1] ?? 0)
  const distance = (at: number) => Math.abs(at - margin)
  return curve.reduce((best, _, at) => (isPeak(at) && distance(at) < distance(best) ? at : best), Infinity)
}

/** How much a is like each part of b that is as long, 1 at most. */
function correlations(a: Float32Array, b: Float32Array, power: number): number[] {
  let other = powerOf(b.subarray(0, a.length))
  return Array.from({ length: b.length - a.length + 1 }, (_, lag) => {
    if (lag > 0) other += b[lag + a.length - 1]! ** 2 - b[lag - 1]! ** 2
    let sum = 0
    for (let at = 0; at < a.length; at++) sum += a[at]! * b[at + lag]!
    return other < quiet * a.length ? 0 : sum / Math.sqrt(power * other)
  })
}

function powerOf(samples: Float32Array): number {
  return samples.reduce((sum, value) => sum + value * value, 0)
}

/** Both channels in one, unevenly, so that what is opposite in them does not vanish. */
function mono(samples: Float32Array, at: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, place) => {
    const left = samples[2 * (at + place)] ?? 0
    return left + 0.5 * (samples[2 * (at + place) + 1] ?? 0)
  })
}

function energy(samples: Float32Array, at: number, count: number): number {
  let sum = 0
  const end = Math.min(samples.length, 2 * (at + count))
  for (let place = 2 * at; place < end; place++) sum += samples[place]! ** 2
  return sum
}
