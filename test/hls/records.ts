// A packager's records made up: parts of a picture with its sound, as they are cut out of a broadcast.
import type { PackagedPart, PackagedTrack } from '../../src/workers/packaging.ts'

export const second = 90_000

export const picture: PackagedTrack = {
  track: 0,
  kind: 'video',
  codecs: 'avc1.640028,mp4a.40.2',
  frameRate: 25,
  width: 1920,
  height: 1080,
  isInterlaced: true,
  language: 'deu',
  isDescription: false,
  channels: 2,
}

export const sound: PackagedTrack = {
  ...picture,
  track: 1,
  kind: 'audio',
  codecs: 'mp4a.40.2',
  frameRate: 0,
  width: 0,
  height: 0,
  isInterlaced: false,
  language: 'eng',
}

export interface BroadcastOptions {
  readonly track?: number
  readonly slotTicks?: number
  readonly partTicks?: number
  /** From one access point to the next, in pictures of 40 ms. */
  readonly groups?: () => number
  readonly startTime?: number
  /** Of a part. */
  readonly bytes?: number
}

const pictureTicks = 3600
/** The time of day at the beginning of the time line: PTS has nothing to do with it. */
const zeroMs = Date.UTC(2026, 0, 5, 20, 15) - 8_800_000 * 1000

/** Parts one after the other, cut as the contract of packaging.ts says. */
export function* broadcast({
  track = 0,
  slotTicks = 2 * second,
  partTicks = second / 5,
  groups = () => 24,
  startTime = 8_800_000 * second + 40_000,
  bytes = 100,
}: BroadcastOptions = {}): Generator<PackagedPart, never, undefined> {
  let time = startTime
  let untilGroup = 0
  let left = 0
  let cut: { msn: number; part: number; from: number; frames: number; isIndependent: boolean } | undefined
  const take = (isLast: boolean): PackagedPart => {
    const { msn, part, from, frames, isIndependent } = cut!
    const content = Buffer.alloc(bytes, `${track}/${msn}.${part} `)
    const utcMs = Math.round(zeroMs + from / 90)
    const common = { kind: 'part', track, msn, part, isIndependent, isLast, bytes: content } as const
    return { ...common, time: from, duration: frames * pictureTicks, utcMs, isDiscontinuous: false }
  }
  for (; ; time += pictureTicks) {
    const isPoint = untilGroup === 0
    if (isPoint) untilGroup = groups()
    untilGroup--
    const slot = Math.floor(time / slotTicks)
    const isLastOfSlot = Math.floor((time + pictureTicks) / slotTicks) > slot
    const begins = cut === undefined ? isPoint : slot > left && (isPoint || isLastOfSlot)
    if (begins) {
      if (cut !== undefined) yield take(true)
      left = slot
      cut = { msn: slot, part: 0, from: time, frames: 0, isIndependent: isPoint }
    } else if (cut !== undefined && (cut.frames + 1) * pictureTicks > partTicks) {
      yield take(false)
      cut = { msn: cut.msn, part: cut.part + 1, from: time, frames: 0, isIndependent: isPoint }
    }
    if (cut !== undefined) cut.frames++
  }
}

/** As many parts as last so long. */
export function take(parts: Iterator<PackagedPart, never, undefined>, ticks: number): PackagedPart[] {
  const taken: PackagedPart[] = []
  for (let sum = 0; sum < ticks; sum += taken.at(-1)!.duration) taken.push(parts.next().value)
  return taken
}
