// The lineup of the demo receiver: what each channel sends and on which transponder it lives.
// Channels with the same transport stream, network and namespace share a tuner.
import { descriptor, type Entry } from './signal/tables.ts'
import type { AudioTrack, Programme } from './signal/programme.ts'
import { loopTicks } from './signal/recipes.ts'

/** What a channel is there to show; tests and benchmarks choose by it. */
export type Kind =
  | 'h264-1080i'
  | 'h264-long-gop'
  | 'mpeg2'
  | 'hevc'
  | 'latm'
  | 'description'
  | 'radio-mp2'
  | 'radio-aac'
  | 'open-gop'
  | 'switching'
  | 'mono-44k1'
  | 'absent-audio'

export interface Channel {
  readonly kind: Kind | 'file'
  readonly name: string
  /** Service reference, ten fields and a colon at the end. */
  readonly ref: string
  readonly isRadio: boolean
  /** Transport stream, network and namespace: what one tuner receives at a time. */
  readonly transponder: string
  readonly programme: Programme
}

interface Row {
  readonly kind: Kind
  readonly name: string
  readonly serviceType: number
  readonly serviceId: number
  readonly transportId: number
  readonly networkId?: number
  readonly namespace?: number
  readonly loop?: number
  readonly video?: Programme['video']
  readonly audio: readonly AudioTrack[]
  readonly teletextPid?: number
  readonly announced?: readonly Entry[]
}

const mp2 = { codec: 'mp2', channels: 2 } as const
const ac3 = { codec: 'ac3', channels: 6, language: 'deu', tag: 5 } as const

// HbbTV and an object carousel, announced in so many words that the PMT needs a second packet.
const interactive: Entry[] = [
  { pid: 0x8a1, type: 0x05, descriptors: [descriptor(0x6f, [0, 0x10, 0xe1]), descriptor(0x52, [0x50])] },
  { pid: 0x8a2, type: 0x0b, descriptors: [descriptor(0x66, [1, 0x23, ...Array<number>(60).fill(0x20)])] },
  {
    pid: 0x8a3,
    type: 0x0c,
    descriptors: [descriptor(0x13, [0, 0, 0, 1, 0]), descriptor(0x66, Array<number>(64).fill(0x30))],
  },
]

const rows: Row[] = [
  {
    kind: 'h264-1080i',
    name: 'Erstes Testbild HD',
    serviceType: 0x19,
    serviceId: 0x132f,
    transportId: 0x3ef,
    video: { pid: 0x13ed, codec: 'h264', picture: 'h264-1080i25' },
    audio: [
      { ...ac3, pid: 0x13f2, sounds: ['ac3-surround'] },
      { ...mp2, pid: 0x13ee, language: 'deu', tag: 2, sounds: ['mp2-deu'] },
      { ...mp2, pid: 0x13ef, language: 'eng', tag: 3, sounds: ['mp2-eng'] },
    ],
    teletextPid: 0x13f0,
  },
  {
    kind: 'h264-long-gop',
    name: 'Langer Atem HD',
    serviceType: 0x19,
    serviceId: 0x2b5c,
    transportId: 0x3f3,
    loop: loopTicks.longGop,
    video: { pid: 0x17d4, codec: 'h264', picture: 'h264-720p50-long' },
    audio: [{ ...mp2, pid: 0x17de, language: 'deu', tag: 2, sounds: ['mp2-long'] }],
  },
  {
    kind: 'mpeg2',
    name: 'Nostalgie TV',
    serviceType: 0x01,
    serviceId: 0x2ee0,
    transportId: 0x441,
    video: { pid: 0xa3, codec: 'mpeg2', picture: 'mpeg2-576i25' },
    audio: [{ ...mp2, pid: 0x68, language: 'deu', tag: 2, sounds: ['mp2-eng'] }],
    teletextPid: 0x69,
  },
  {
    kind: 'hevc',
    name: 'Weitblick UHD',
    serviceType: 0x1f,
    serviceId: 0x519a,
    transportId: 0x40c,
    loop: loopTicks.short,
    video: { pid: 0x3ff, codec: 'hevc', picture: 'hevc-1080p50' },
    audio: [
      { pid: 0x401, codec: 'eac3', channels: 6, language: 'deu', tag: 4, sounds: ['eac3-surround'] },
      {
        pid: 0x402,
        codec: 'eac3',
        channels: 2,
        language: 'deu',
        tag: 6,
        sounds: ['eac3-description'],
        isDescription: true,
      },
    ],
  },
  {
    kind: 'latm',
    name: 'Küstenkanal',
    serviceType: 0x16,
    serviceId: 0x1072,
    transportId: 0x301,
    networkId: 0x2114,
    namespace: 0xeeee0000,
    video: { pid: 0x101, codec: 'h264', picture: 'h264-576p25' },
    audio: [{ pid: 0x102, codec: 'latm', channels: 2, language: 'deu', tag: 2, sounds: ['latm-deu'] }],
  },
  {
    kind: 'description',
    name: 'Hörfilm & Co',
    serviceType: 0x16,
    serviceId: 0x445f,
    transportId: 0x453,
    video: { pid: 0xff, codec: 'h264', picture: 'h264-576p25' },
    audio: [
      {
        ...mp2,
        pid: 0x103,
        language: 'deu',
        tag: 7,
        sounds: ['mp2-description'],
        isDescription: true,
        streamType: 4,
      },
      { ...mp2, pid: 0x100, language: 'deu', tag: 2, sounds: ['mp2-deu'], streamType: 4 },
    ],
  },
  {
    kind: 'radio-mp2',
    name: 'Radio Nordlicht',
    serviceType: 0x02,
    serviceId: 0x6f47,
    transportId: 0x445,
    audio: [{ ...mp2, pid: 0x335, language: 'deu', tag: 2, sounds: ['mp2-deu'] }],
  },
  {
    kind: 'radio-aac',
    name: 'Klangraum+',
    serviceType: 0x0a,
    serviceId: 0x6f51,
    transportId: 0x446,
    audio: [{ pid: 0x33f, codec: 'aac', channels: 2, language: 'deu', tag: 2, sounds: ['aac-radio'] }],
  },
  {
    kind: 'open-gop',
    name: 'Offenes Tor HD',
    serviceType: 0x19,
    serviceId: 0x2843,
    transportId: 0x3fb,
    video: { pid: 0x13f7, codec: 'h264', picture: 'h264-open' },
    audio: [{ ...mp2, pid: 0x13f8, language: 'deu', tag: 2, sounds: ['mp2-deu'] }],
  },
  {
    kind: 'switching',
    name: 'Wechselstrom HD',
    serviceType: 0x19,
    serviceId: 0x1330,
    transportId: 0x3ef,
    video: { pid: 0x1401, codec: 'h264', picture: 'h264-1080i25' },
    audio: [{ ...ac3, pid: 0x1402, sounds: ['ac3-surround-half', 'ac3-stereo-half'] }],
  },
  {
    kind: 'mono-44k1',
    name: 'Mono Lokal',
    serviceType: 0x16,
    serviceId: 0x4461,
    transportId: 0x453,
    video: { pid: 0x1ff, codec: 'h264', picture: 'h264-576p25' },
    audio: [{ ...mp2, channels: 1, pid: 0x200, language: 'deu', tag: 2, sounds: ['mp2-mono-44k1'] }],
  },
  {
    kind: 'absent-audio',
    name: 'Große Pläne',
    serviceType: 0x16,
    serviceId: 0x3a5,
    transportId: 0x2c,
    networkId: 0xa401,
    namespace: 0xffff0000,
    video: { pid: 0x899, codec: 'h264', picture: 'h264-576p25' },
    audio: [
      { ...ac3, pid: 0x89a, sounds: [] },
      { ...mp2, pid: 0x89b, language: 'deu', tag: 2, sounds: ['mp2-deu'] },
      { ...mp2, pid: 0x89c, language: 'mis', tag: 3, sounds: [] },
    ],
    announced: interactive,
  },
]

/** Every channel that the demo receiver can play, in bouquet order. */
export const channels: readonly Channel[] = rows.map((row, index) => channelOf(row, 0x60 + index * 0x10))

function channelOf(row: Row, pmtPid: number): Channel {
  const { networkId = 1, namespace = 0xc00000, serviceType, serviceId, transportId, video, audio } = row
  const ref = reference({ serviceType, serviceId, transportId, networkId, namespace })
  const programme: Programme = {
    serviceType,
    serviceId,
    transportId,
    networkId,
    name: row.name,
    provider: 'xg2g demo',
    pmtPid,
    pcrPid: video?.pid ?? audio[0]?.pid ?? 0x1fff,
    loopTicks: row.loop ?? loopTicks.usual,
    video,
    audio,
    teletextPid: row.teletextPid,
    announced: row.announced,
  }
  return {
    kind: row.kind,
    name: row.name,
    ref,
    isRadio: video === undefined,
    transponder: transponderOf(ref),
    programme,
  }
}

/** A DVB service reference from its numbers: hexadecimal, upper case, without leading zeros. */
export function reference(o: {
  serviceType: number
  serviceId: number
  transportId: number
  networkId: number
  namespace: number
}): string {
  const numbers = [o.serviceType, o.serviceId, o.transportId, o.networkId, o.namespace]
  return `1:0:${numbers.map((number) => number.toString(16).toUpperCase()).join(':')}:0:0:0:`
}

/** What makes two references the same service: the first ten fields, upper case. */
export function referenceKey(ref: string): string {
  return ref.trim().toUpperCase().split(':').slice(0, 10).join(':')
}

/** What a fault may name a channel by. */
export function namesOf({ kind, name, ref }: Channel): string[] {
  return [kind, name, ref, referenceKey(ref)]
}

/** Transport stream, network and namespace of a reference. */
export function transponderOf(ref: string): string {
  return referenceKey(ref).split(':').slice(4, 7).join(':')
}
