// How much later picture and sound of a stream left than they came.
import { createHash } from 'node:crypto'
import { pids } from '../input.ts'
import { percentile } from '../measure.ts'
import type { Recording, Unit } from './stream.ts'

const gridTicks = 240 // 128 samples at 48 kHz
const adtsTicks = 1920
const neededTicks = (adtsTicks * 2624) / 1024 // from a frame's beginning on, before an encoder can give it

/** Ms, from the last byte of something in to the last byte of it out. */
export interface Delays {
  readonly video: readonly number[]
  /** Of each 128th sample. */
  readonly audio: readonly number[]
  /** What these would be if each AAC frame left with the last byte of the source frame that completes what its encoder needs. */
  readonly soonest: readonly number[]
}

/** Of what came after the first `settleMs`. */
export function delaysOf(source: Recording, result: Recording, settleMs: number): Delays {
  const from = result.startedAt + settleMs
  const pictures = new Map(source.units(pids.video).map((unit) => [hashOf(unit), unit]))
  const pairs = result.units(pids.video).flatMap((unit) => {
    const origin = pictures.get(hashOf(unit))
    return origin === undefined ? [] : [{ unit, origin }]
  })
  const shift = percentile(
    pairs.map(({ unit, origin }) => unit.pts - origin.pts),
    50,
  )
  const late = pairs.filter(({ unit }) => unit.atMs >= from)
  return {
    video: late.map(({ unit, origin }) => unit.atMs - origin.atMs),
    ...soundDelays(
      source.units(pids.audio),
      result.units(pids.audio).filter(({ atMs }) => atMs >= from),
      shift,
    ),
  }
}

function hashOf({ payload }: Unit): string {
  return createHash('sha1').update(payload).digest('base64')
}

function soundDelays(
  source: readonly Unit[],
  result: readonly Unit[],
  shift: number,
): Pick<Delays, 'audio' | 'soonest'> {
  const audio: number[] = []
  const soonest: number[] = []
  const frameAt = follow(source)
  const neededAt = follow(source)
  for (const { pts, payload, atMs } of result) {
    const begin = pts - shift
    for (let frame = begin; frame < begin + framesIn(payload) * adtsTicks; frame += adtsTicks) {
      const needed = neededAt(frame + neededTicks - 1)
      for (let ticks = frame; ticks < frame + adtsTicks; ticks += gridTicks) {
        const origin = frameAt(ticks)
        if (origin === undefined) continue
        audio.push(atMs - origin.atMs)
        if (needed !== undefined) soonest.push(needed.atMs - origin.atMs)
      }
    }
  }
  return { audio, soonest }
}

/** Which unit holds a moment, for moments that do not go back. */
function follow(units: readonly Unit[]): (ticks: number) => Unit | undefined {
  let at = 0
  return (ticks) => {
    while (at + 1 < units.length && (units[at + 1]?.pts ?? Infinity) <= ticks) at++
    const unit = units[at]
    return unit !== undefined && unit.pts <= ticks ? unit : undefined
  }
}

function framesIn(adts: Buffer): number {
  let count = 0
  for (let at = 0; at + 7 <= adts.length; count++) {
    at += Math.max(7, ((adts.readUInt16BE(at + 3) & 0x03ff) << 3) | ((adts[at + 5] ?? 0) >> 5))
  }
  return count
}
