// The addresses under /hls, parsed and written. They follow from the broadcast and from how it is cut, never from
// the run of a server: another server with the same receiver has the same ones.
//   <channel>/index.m3u8, <channel>/dvr.m3u8                   what there is to choose
//   <channel>/<kind>/<track>.m3u8, <track>.dvr.m3u8            a media playlist
//   <channel>/<kind>/<track>/<msn>.ts, <msn>.<part>.ts         a segment, a part
//   <channel>/<kind>/<track>/init-<digest>.mp4                 what the segments of fMP4 begin with
import { containers, type Container } from '../workers/packaging.ts'

/** `main` is as configured, and what viewers of the proxy port get; `original` is as broadcast. */
export const sounds = ['main', 'original'] as const
export type Sound = (typeof sounds)[number]

/** How a channel is made into segments. */
export interface Kind {
  readonly sound: Sound
  readonly container: Container
  readonly slotMs: number
  /** 0: without parts */
  readonly partMs: number
}

export type Target =
  | { readonly what: 'index' | 'archive' }
  | { readonly what: 'playlist'; readonly kind: Kind; readonly track: number; readonly isArchive: boolean }
  | { readonly what: 'init'; readonly kind: Kind; readonly track: number; readonly name: string }
  | {
      readonly what: 'media'
      readonly kind: Kind
      readonly track: number
      readonly msn: number
      /** undefined: the whole segment */
      readonly part: number | undefined
    }

export interface Place {
  readonly channel: string
  readonly target: Target
}

export const extensions = { ts: 'ts', mp4: 'm4s' } as const satisfies Record<Container, string>

/** What a path below /hls/ stands for; undefined if nothing. */
export function parsePath(path: string): Place | undefined {
  const [channel = '', first = '', second, third, ...rest] = path.split('/')
  if (channel === '' || rest.length > 0) return undefined
  const target = second === undefined ? parseIndex(first) : parseMedia(first, second, third)
  return target && { channel, target }
}

function parseIndex(name: string): Target | undefined {
  if (name === 'index.m3u8') return { what: 'index' }
  return name === 'dvr.m3u8' ? { what: 'archive' } : undefined
}

function parseMedia(kindText: string, second: string, third: string | undefined): Target | undefined {
  const kind = parseKind(kindText)
  if (kind === undefined) return undefined
  if (third === undefined) {
    const match = /^(\d{1,2})(\.dvr)?\.m3u8$/.exec(second)
    return match === null
      ? undefined
      : { what: 'playlist', kind, track: Number(match[1]), isArchive: match[2] !== undefined }
  }
  const track = /^\d{1,2}$/.test(second) ? Number(second) : undefined
  if (track === undefined) return undefined
  const init = /^init-([0-9a-f]{12})\.mp4$/.exec(third)?.[1]
  if (init !== undefined) return { what: 'init', kind, track, name: init }
  const match = /^(\d{1,15})(?:\.(\d{1,4}))?\.(\w+)$/.exec(third)
  if (match?.[3] !== extensions[kind.container]) return undefined
  return {
    what: 'media',
    kind,
    track,
    msn: Number(match[1]),
    part: match[2] === undefined ? undefined : Number(match[2]),
  }
}

/** `main-ts-2000-200` */
export function formatKind({ sound, container, slotMs, partMs }: Kind): string {
  return `${sound}-${container}-${slotMs}-${partMs}`
}

export function parseKind(text: string): Kind | undefined {
  const match = /^([a-z]+)-([a-z0-9]+)-([1-9]\d{2,4})-(0|[1-9]\d{1,3})$/.exec(text)
  const sound = sounds.find((each) => each === match?.[1])
  const container = containers.find((each) => each === match?.[2])
  if (match === null || sound === undefined || container === undefined) return undefined
  return { sound, container, slotMs: Number(match[3]), partMs: Number(match[4]) }
}

export function playlistName(track: number, isArchive = false): string {
  return `${track}${isArchive ? '.dvr' : ''}.m3u8`
}

export function segmentName(track: number, msn: number, container: Container): string {
  return `${track}/${msn}.${extensions[container]}`
}

export function partName(
  track: number,
  { msn, part }: { readonly msn: number; readonly part: number },
  container: Container,
): string {
  return `${track}/${msn}.${part}.${extensions[container]}`
}

export function initName(track: number, digest: string): string {
  return `${track}/init-${digest}.mp4`
}
