// How much later picture and sound of a stream left than they came.
import { createHash } from 'node:crypto'
import { pids } from '../input.ts'
import { percentile } from '../measure.ts'
import type { Recording, Unit } from './stream.ts'

const gridTicks = 240 // 128 samples at 48 kHz
const adtsTicks = 1920

/** Ms, from the last byte of something in to the last byte of it out. */
export interface Delays {
  readonly video: readonly number[]
  /** Of each 128th sample. */
  readonly audio: readonly number[]
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
    audio: soundDelays(
      source.units(pids.audio),
      result.units(pids.audio).filter(({ atMs }) => atMs >= from),
      shift,
    ),
  }
}

function hashOf({ payload }: Unit): string {
  return createHash('sha1').update(payload).digest('base64')
}

/** Of each 128th sample. */
function soundDelays(source: readonly Unit[], result: readonly Unit[], shift: number): number[] {
  const delays: number[] = []
  let at = 0
  for (const { pts, payload, atMs } of result) {
    const end = pts - shift + framesIn(payload) * adtsTicks
    for (let ticks = pts - shift; ticks < end; ticks += gridTicks) {
      while (at + 1 < source.length && (source[at + 1]?.pts ?? Infinity) <= ticks) at++
      const origin = source[at]
      if (origin !== undefined && origin.pts <= ticks) delays.push(atMs - origin.atMs)
    }
  }
  return delays
}

function framesIn(adts: Buffer): number {
  let count = 0
  for (let at = 0; at + 7 <= adts.length; count++) {
    at += Math.max(7, ((adts.readUInt16BE(at + 3) & 0x03ff) << 3) | ((adts[at + 5] ?? 0) >> 5))
  }
  return count
}
