// The typed door to the native addon: TypeScript shapes the arguments, the addon takes them as they are.
// Loaded on first use, once per thread; without the addon everything but this door still works.
import { resolve } from 'node:path'
import loadBindings from 'bindings'
import { AppError } from '../base/errors.ts'
import type { PackagedRecord, PackageStats } from './packaging.ts'
import type { Profile } from './profile.ts'

/** Most bytes that one push takes: it bounds how long the other streams of a thread wait. */
export const mostPushBytes = 65_536

/** Kinds of access points; after `cut`, which is none, the bytes are of another connection. */
export const markKinds = ['idr', 'recovery', 'cra', 'bla', 'mpeg2', 'audio', 'cut'] as const
export type MarkKind = (typeof markKinds)[number]

/** A place in the output where a player can begin. */
export interface Mark {
  /** bytes into the output of this remuxer, at a packet's first byte */
  readonly offset: number
  /** 90 kHz, -1 where there is none */
  readonly pts: number
  /** 27 MHz, -1 where there is none */
  readonly pcr: number
  readonly kind: MarkKind
}

/** One audio track of the source. */
export interface TrackStats {
  readonly pid: number
  readonly language: string
  /** 'mp2', 'ac3', 'eac3', 'aac', 'latm', 'dts' ... */
  readonly codec: string
  readonly target: string
  readonly mode: 'transcode' | 'copy' | 'scrambled' | 'absent' | 'unsupported'
  /** audio description */
  readonly description: boolean
  readonly rate: number
  readonly channels: number
  readonly framesIn: number
  readonly framesOut: number
  readonly decodeErrors: number
  readonly lostFrames: number
  readonly silenceSamples: number
  readonly droppedSamples: number
  readonly reanchors: number
  /** the largest |our - source PTS| so far, 90 kHz */
  readonly clockErrorTicks: number
}

/** What a remuxer has seen since it was made. */
export interface RemuxStats {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly packetsIn: number
  readonly syncLosses: number
  readonly skippedBytes: number
  readonly nullPackets: number
  /** of other programs */
  readonly droppedPackets: number
  readonly teiPackets: number
  readonly invalidPackets: number
  readonly duplicates: number
  readonly continuityErrors: number
  readonly scrambledPackets: number
  readonly psiErrors: number
  /** 0 while none has been chosen */
  readonly program: number
  readonly pmtVersions: number
  readonly accessPoints: number
  readonly discontinuities: number
  /** '' or what keeps output from flowing */
  readonly problem: string
  readonly tracks: readonly TrackStats[]
}

export interface RemuxerOptions {
  /** longest wait for the first audio frame before the PMT is written, in ms of stream time */
  readonly settleMs?: number
  /** begins in the middle of a stream that another remuxer has carried so far */
  readonly resumed?: boolean
  /** where that remuxer stood */
  readonly place?: Readonly<Place>
}

/** Where a remuxer stands: what another one has to know to go on after it. An array, since it is kept
 *  in shared memory: [the latest PTS that left, by how much the source's times are moved (both 90 kHz),
 *  version of the tables to come, 1 while a new source's times have not been joined to those that left].
 *  A PTS of -1: nothing has left. */
export type Place = Float64Array
export const PLACE_TIME = 0
export const PLACE_SHIFT = 1
export const PLACE_VERSION = 2
export const PLACE_OPEN = 3

interface RawRemuxer {
  push(bytes: Uint8Array, window?: Uint8Array, publish?: Publish): number
  pull(window: Uint8Array): number
  flush(): void
  marks(): Mark[]
  stats(): RemuxStats
  place(into: Place): void
  close(): void
}

interface Addon {
  readonly Remuxer: new (
    audio: string,
    bitrate: number,
    channels: number,
    languages: string,
    program: number,
    keepOriginal: boolean,
    settleMs: number,
    resumed: boolean,
    single: boolean,
    continueFrom: number,
    shift: number,
    tablesVersion: number,
    libavcodec: boolean,
  ) => RawRemuxer
  readonly use: () => NativeUse
  /** see packager.ts; an addon of an earlier version has none */
  readonly Packager?: RawPackagerClass
  /** see peer.ts; an addon of an earlier version has none */
  readonly peers?: RawPeers
  /** release of the library that was found at run time */
  readonly libavcodec: string
  /** the file that was loaded, set by `bindings` */
  readonly path: string
}

/** Cuts for HLS; packager.ts is the door to it. */
export interface RawPackager {
  push(bytes: Uint8Array): void
  flush(): void
  take(): PackagedRecord | undefined
  stats(): PackageStats
  close(): void
}
export type RawPackagerClass = new (
  container: string,
  slotTicks: number,
  partTicks: number,
  nowMs: number,
) => RawPackager

/** What the addon asks the system for; peer.ts is the door to it. */
export interface RawPeers {
  of(fd: number): { pid: number; uid: number; gid: number } | undefined
  userId(name: string): number | undefined
  userName(uid: number): string | undefined
  groupId(name: string): number | undefined
  duplicate(fd: number): number
}

/** What was loaded. */
export interface NativeVersion {
  readonly file: string
  readonly libavcodec: string
}

/** What the process holds outside of JavaScript's heaps, in all its threads. */
export interface NativeUse {
  /** that are open */
  readonly remuxers: number
  /** allocated by anyone, without what the allocator keeps for later; 0 where it does not tell */
  readonly bytes: number
}

const defaultSettleMs = 250
/** For what is no live stream: its tracks may be looked at longer than a viewer would wait. */
export const patientSettleMs = 1000
const nowhere: Place = Float64Array.of(-1, 0, 0, 0)

/** Hears that so many bytes more are in the window, and that so many of those that are being pushed,
 *  counted from their first, are done with: they may be given back. */
export type Publish = (length: number, taken: number) => void

/** A transport stream in, the same with other sound out. Synchronous; belongs to one thread. Borrows
 *  the arrays for the call, shared memory too. Damage in the stream is counted in stats(). */
export class Remuxer {
  #raw: RawRemuxer | undefined

  /** Throws ADDON_MISSING, or INTERNAL where the libraries refuse the profile. */
  constructor(
    profile: Profile,
    { settleMs = defaultSettleMs, resumed = false, place = nowhere }: RemuxerOptions = {},
  ) {
    const { Remuxer: Raw } = load()
    const { audio, bitrate, channels, encoder, language, tracks, program, keepOriginal } = profile
    const [time = -1, shift = 0, version = 0, isOpen = 0] = place
    this.#raw = new Raw(
      audio,
      bitrate,
      channels,
      language.join(','),
      program,
      keepOriginal,
      settleMs,
      resumed,
      tracks === 'one',
      isOpen === 1 ? time : -1,
      shift,
      version,
      encoder === 'libavcodec',
    )
  }

  /** Takes all of the bytes, at most mostPushBytes of any alignment, and writes what fits of the
   *  output into the window. The rest waits for pull: do not push before pull has returned 0.
   *  @param publish  called before sound is worked on, so that what passes need not wait for it. marks()
   *    and place() may be called then.
   *  @returns bytes written into the window since publish was called last, a multiple of 188 */
  push(bytes: Uint8Array, window?: Uint8Array, publish?: Publish): number {
    if (bytes.length > mostPushBytes) {
      throw new TypeError(`Expected at most ${mostPushBytes} bytes for push but received ${bytes.length}`)
    }
    return window === undefined ? this.#open.push(bytes) : this.#open.push(bytes, window, publish)
  }

  /** Writes waiting output into the window, which holds at least one packet of 188 bytes.
   *  @returns bytes written, a multiple of 188; 0 when nothing is left */
  pull(window: Uint8Array): number {
    return this.#open.pull(window)
  }

  /** The input has ended: what is still inside comes out by pull. */
  flush(): void {
    this.#open.flush()
  }

  /** The access points since the last call; only the newest are kept when there are many. */
  marks(): Mark[] {
    return this.#open.marks()
  }

  stats(): RemuxStats {
    return this.#open.stats()
  }

  /** Brings the place up to date; what is not known yet stays as it stands there. */
  place(into: Place): void {
    this.#open.place(into)
  }

  /** Frees the codecs. May be called again; every other call after it throws. */
  close(): void {
    this.#raw?.close()
    this.#raw = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }

  get #open(): RawRemuxer {
    if (this.#raw === undefined) throw new AppError('INTERNAL', { reason: 'The remuxer is closed' })
    return this.#raw
  }
}

/** Is the addon there and does it load on this machine? */
export function nativeAvailable(): boolean {
  try {
    load()
    return true
  } catch {
    return false
  }
}

/** The addon's file and the codec library that it found. Throws ADDON_MISSING. */
export function nativeVersion(): NativeVersion {
  const { path, libavcodec } = load()
  return { file: path, libavcodec }
}

/** What is in use now. Throws ADDON_MISSING. */
export function nativeUse(): NativeUse {
  return load().use()
}

/** What peer.ts stands on. Throws ADDON_MISSING. */
export function nativePeers(): RawPeers {
  return part('peers')
}

/** What packager.ts stands on. Throws ADDON_MISSING. */
export function nativePackager(): RawPackagerClass {
  return part('Packager')
}

function part<Name extends 'peers' | 'Packager'>(name: Name): NonNullable<Addon[Name]> {
  const addon = load()
  const found = addon[name]
  if (found !== undefined) return found
  throw new AppError('ADDON_MISSING', {
    reason: `${addon.path} is of an earlier version: run \`make native\``,
  })
}

let loaded: Addon | undefined

function load(): Addon {
  try {
    // `bindings` would look for the package's root from its caller's stack; we know it.
    loaded ??= loadBindings({ bindings: 'remux', module_root: root }) as Addon
    return loaded
  } catch (cause) {
    throw new AppError('ADDON_MISSING', { cause, ...explain(cause) })
  }
}

// src/workers/ and dist/workers/ are equally deep.
const root = resolve(import.meta.dirname, '../..')

function explain(cause: unknown): { reason: string; tried: string[] } {
  const { tries, code } = cause as { tries?: string[]; code?: string }
  const isAbsent = code === 'MODULE_NOT_FOUND' || Array.isArray(tries)
  const why = isAbsent
    ? `build/Release/remux.node is not in ${root}`
    : `it does not load: ${cause instanceof Error ? cause.message : String(cause)}`
  const { napi, modules } = process.versions
  return {
    reason:
      `The native remuxer is missing: ${why}. Node ${process.version} (Node-API ${napi}, ABI ${modules}), ` +
      `${process.platform}-${process.arch}. \`make native\` builds it; it needs g++, pkg-config and the ` +
      'development packages of libavcodec, libavutil and libswresample.',
    tried: tries ?? [],
  }
}
