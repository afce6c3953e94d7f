// Whole streams through the packager, and what came out put together as a player would.
import { Packager } from '../../src/workers/packager.ts'
import type {
  Container,
  PackageOptions,
  PackagedPart,
  PackagedTrack,
  PackageStats,
} from '../../src/workers/packaging.ts'

export const slotTicks = 180_000
export const partTicks = 30_000
export const nowMs = Date.UTC(2026, 0, 5, 20, 15)

export interface Packaged {
  /** each time they were told */
  readonly tracks: (readonly PackagedTrack[])[]
  /** the last one of each track */
  readonly inits: Map<number, Buffer>
  readonly parts: PackagedPart[]
  readonly stats: PackageStats
}

export interface Segment {
  readonly msn: number
  readonly time: number
  readonly duration: number
  readonly parts: PackagedPart[]
  readonly bytes: Buffer
}

/** Pushes it all in pieces. */
export function packaged(
  bytes: Uint8Array,
  container: Container,
  options: Partial<PackageOptions> & { pieceBytes?: number } = {},
): Packaged {
  const { pieceBytes = 65_536, ...rest } = options
  using packager = new Packager({ container, slotTicks, partTicks, nowMs, ...rest })
  const tracks: (readonly PackagedTrack[])[] = []
  const inits = new Map<number, Buffer>()
  const parts: PackagedPart[] = []
  const take = () => {
    for (let record = packager.take(); record !== undefined; record = packager.take()) {
      if (record.kind === 'part') parts.push(record)
      else if (record.kind === 'init') inits.set(record.track, record.bytes)
      else tracks.push(record.tracks)
    }
  }
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    packager.push(bytes.subarray(at, at + pieceBytes))
    take()
  }
  packager.flush()
  take()
  return { tracks, inits, parts, stats: packager.stats() }
}

/** The segments of a track, in order. */
export function segmentsOf({ parts }: Pick<Packaged, 'parts'>, track = 0): Segment[] {
  const own = parts.filter((part) => part.track === track)
  const starts = own.flatMap((part, index) => (part.part === 0 ? [index] : []))
  return starts.map((start, index) => {
    const list = own.slice(start, starts[index + 1])
    const [first] = list
    if (first === undefined) throw new Error('a segment without parts')
    return {
      msn: first.msn,
      time: first.time,
      duration: list.reduce((sum, { duration }) => sum + duration, 0),
      parts: list,
      bytes: Buffer.concat(list.map(({ bytes }) => bytes)),
    }
  })
}

/** A track as one file: init and the parts of so many segments. */
export function fileOf(result: Packaged, track = 0, segments = Infinity): Buffer {
  const bodies = segmentsOf(result, track).slice(0, segments)
  return Buffer.concat([result.inits.get(track) ?? Buffer.alloc(0), ...bodies.map(({ bytes }) => bytes)])
}
