// What a packager makes of a remuxed stream for HLS: segments in parts, cut where any other packager would
// cut the same broadcast. The pool carries packagings as it carries streams.
import type { RingWriter } from './ring.ts'

export const containers = ['ts', 'mp4'] as const
/** MPEG-TS or fragmented MP4 (CMAF). */
export type Container = (typeof containers)[number]

export interface PackageOptions {
  /** for logs */
  readonly label?: string | undefined
  readonly container: Container
  /** Length of a slot, 90 kHz. The time since the epoch is divided into slots, and each has one segment, which
   *  begins with the slot's first access point; in a slot without any, with its last frame. No segment is longer
   *  than two slots. A segment's media sequence number is its slot's; but the first one is short and has the
   *  number before, and one that a break begins in a slot that has its segment has the next. */
  readonly slotTicks: number
  /** Most of a part's length, 90 kHz; a whole frame more than none. */
  readonly partTicks: number
  /** What the clock says at the first byte, ms since 1970: decides how often the 33 bits of PTS have wrapped
   *  since the epoch, and stands in for the broadcast's own clock where that is not sent. */
  readonly nowMs: number
}

/** A picture or a sound that a player can choose. */
export interface PackagedTrack {
  /** 0 is the picture, with the first sound where the container is ts; radio has its first sound there. */
  readonly track: number
  readonly kind: 'video' | 'audio'
  /** RFC 6381, of all that is in it: avc1.640028,mp4a.40.2 */
  readonly codecs: string
  /** pictures per second, 0 for sound */
  readonly frameRate: number
  readonly width: number
  readonly height: number
  readonly isInterlaced: boolean
  /** of the sound in it, ISO 639-2; '' where none is told */
  readonly language: string
  /** the sound in it describes the picture */
  readonly isDescription: boolean
  readonly channels: number
}

/** A packager's output, in order. Of a track: tracks, init (mp4), then parts. */
export type PackagedRecord =
  /** All tracks, before the first part and whenever they change: what follows is a discontinuity then. */
  | { readonly kind: 'tracks'; readonly tracks: readonly PackagedTrack[] }
  /** ftyp and moov of one track, container mp4. */
  | { readonly kind: 'init'; readonly track: number; readonly bytes: Buffer }
  | PackagedPart

export interface PackagedPart {
  readonly kind: 'part'
  readonly track: number
  /** media sequence number of its segment */
  readonly msn: number
  /** from 0, within the segment */
  readonly part: number
  /** of its first frame shown, 90 kHz since the epoch, wraps counted */
  readonly time: number
  /** 90 kHz */
  readonly duration: number
  /** By the broadcast's clock (TDT, EN 300 468), else by ours; ms since 1970. */
  readonly utcMs: number
  /** begins with an access point */
  readonly isIndependent: boolean
  /** the segment ends with it */
  readonly isLast: boolean
  /** Its time, its codecs or its counters do not go on from the part before. */
  readonly isDiscontinuous: boolean
  /** empty where the sound did not flow */
  readonly bytes: Buffer
  /** Says that nobody reads the bytes any more: their memory is used again. To be called once at most; what is
   *  never released is left to the garbage collector. On main's side only. */
  readonly release?: () => void
}

/** What a packager has seen since it was made. */
export interface PackageStats {
  /** '' or what keeps output from flowing */
  readonly problem: string
  readonly continuityErrors: number
  /** frames of sound or picture that were damaged, larger than any may be, or without a time */
  readonly droppedFrames: number
}

/** A packager in the pool, as its owner sees it. */
export interface Packaging {
  /** The remuxed stream, whole packets from an access point on; close() of it says that it has ended. */
  readonly input: RingWriter
  /** Resolves when all is packaged or it was closed.
   *  @throws WORKER_DIED, WORKER_HUNG, ADDON_MISSING, INTERNAL: it does not go on elsewhere. Safe to leave alone. */
  readonly done: Promise<void>
  /** What has been made since the last call. */
  records(): PackagedRecord[]
  /** Resolves when records() may have more, or nothing more comes. */
  whenReadable(): Promise<void>
  /** Gives it up; what is inside is thrown away. */
  close(): void
}
