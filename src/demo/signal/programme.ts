// What one channel's programme consists of, and how its PMT announces it.
// Sources for descriptors: ISO/IEC 13818-1, 2.6; EN 300 468, 6.2 and annexes D, H.
import { descriptor, type Entry, type Service } from './tables.ts'

export type VideoCodec = 'h264' | 'mpeg2' | 'hevc'
export type AudioCodec = 'mp2' | 'ac3' | 'eac3' | 'latm' | 'aac'

export interface AudioTrack {
  readonly pid: number
  readonly codec: AudioCodec
  readonly language: string
  readonly channels: number
  /** Component tag of the stream identifier descriptor. */
  readonly tag: number
  /** Names of recordings (signal/recording.ts), played one after the other. None: announced, but never sent. */
  readonly sounds: readonly string[]
  readonly isDescription?: boolean
  /** MPEG audio is announced as stream type 3 or, by some broadcasters, 4. */
  readonly streamType?: number
}

export interface Programme extends Service {
  readonly pmtPid: number
  readonly pcrPid: number
  /** Until everything repeats: whole frames of each stream, 90 kHz. */
  readonly loopTicks: number
  readonly video?: { readonly pid: number; readonly codec: VideoCodec; readonly picture: string }
  readonly audio: readonly AudioTrack[]
  readonly teletextPid?: number
  /** Further streams that are announced and never sent: HbbTV, object carousels. */
  readonly announced?: readonly Entry[]
}

const videoTypes: Record<VideoCodec, number> = { h264: 0x1b, mpeg2: 0x02, hevc: 0x24 }
const audioTypes: Record<AudioCodec, number> = { mp2: 0x03, ac3: 0x06, eac3: 0x06, latm: 0x11, aac: 0x0f }
const descriptionType = 3 // audio_type "visual impaired commentary"

/** The rows of the programme's PMT, in its order. */
export function entriesOf(programme: Programme): Entry[] {
  const entries: Entry[] = []
  const { video, teletextPid } = programme
  if (video !== undefined) {
    entries.push({ pid: video.pid, type: videoTypes[video.codec], descriptors: [descriptor(0x52, [1])] })
  }
  entries.push(...programme.audio.map(audioEntry))
  if (teletextPid !== undefined) {
    const pages = descriptor(0x56, [...Buffer.from('deu'), (1 << 3) | 1, 0x00])
    entries.push({ pid: teletextPid, type: 0x06, descriptors: [descriptor(0x52, [0x20]), pages] })
  }
  return [...entries, ...(programme.announced ?? [])]
}

function audioEntry(track: AudioTrack): Entry {
  const kind = track.isDescription === true ? descriptionType : 0
  const language = descriptor(0x0a, [...Buffer.from(track.language), kind])
  const type = track.streamType ?? audioTypes[track.codec]
  return {
    pid: track.pid,
    type,
    descriptors: [descriptor(0x52, [track.tag]), language, ...codecDescriptors(track)],
  }
}

function codecDescriptors(track: AudioTrack): Buffer[] {
  switch (track.codec) {
    case 'ac3':
      return [descriptor(0x6a, [0x80, track.channels > 2 ? 0x44 : 0x42])]
    case 'eac3':
      return [descriptor(0x7a, [0x80, track.channels > 2 ? 0xc4 : 0xc2]), ...supplementary(track)]
    case 'latm':
      return [descriptor(0x7c, [0x29, 0x7f])]
    case 'mp2':
    case 'aac':
      return []
    default:
      return track.codec satisfies never
  }
}

/** Audio description once more, in the newer descriptor: a complete mix of editorial class 1. */
function supplementary(track: AudioTrack): Buffer[] {
  if (track.isDescription !== true) return []
  return [descriptor(0x7f, [0x06, 0x80 | (1 << 2) | 0x03, ...Buffer.from(track.language)])]
}
