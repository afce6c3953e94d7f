// The lineup as devices list it. What is not known of a channel is left out: a wrong codec misleads clients.
import type { Channel } from '../guide/guide.ts'
import { element } from '../guide/markup.ts'

/** One channel, under the names of the device's own lists. */
export interface LineupEntry {
  readonly GuideNumber: string
  readonly GuideName: string
  readonly VideoCodec?: string
  readonly AudioCodec?: string
  readonly HD?: 1
  readonly Favorite?: 1
  readonly URL: string
}

export interface LineupOptions {
  /** Of the device; no slash at the end. */
  readonly base: string
  /** What sound is sent; undefined where it passes as it is. */
  readonly audio: 'aac' | 'mp3' | undefined
  /** Ids of channels. */
  readonly favourites: ReadonlySet<string>
}

const audioCodecs = { aac: 'AAC', mp3: 'MPEG' } as const

/** What the device lists of the channels. */
export function lineupOf(
  channels: readonly Channel[],
  { base, audio, favourites }: LineupOptions,
): LineupEntry[] {
  return channels.map((channel) => {
    const video = videoCodecOf(channel)
    return {
      GuideNumber: String(channel.number),
      GuideName: channel.name,
      ...(video !== undefined && { VideoCodec: video }),
      ...(audio !== undefined && { AudioCodec: audioCodecs[audio] }),
      ...(channel.isHd && { HD: 1 as const }),
      ...(favourites.has(channel.id) && { Favorite: 1 as const }),
      URL: base + streamPathOf(channel),
    }
  })
}

/** Where a device has the channel. */
export function streamPathOf({ number }: Pick<Channel, 'number'>): string {
  return `/auto/v${number}`
}

export function formatXml(entries: readonly LineupEntry[]): string {
  const programs = entries.map((entry) => {
    const fields = Object.entries(entry).map(([name, value]) => element(name, String(value)))
    return `<Program>${fields.join('')}</Program>\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Lineup>\n${programs.join('')}</Lineup>\n`
}

// By the service type in the reference. Source: ETSI EN 300 468, table 89. The first one says `digital
// television` and is also used for what came later, so it counts for standard definition alone.
function videoCodecOf({ ref, isHd, isRadio }: Channel): string | undefined {
  const [, kind, serviceType = ''] = ref.split(':')
  if (isRadio || kind !== '0') return undefined // alternatives, say
  const type = parseInt(serviceType, 16)
  if (type === 0x11 || (type === 0x01 && !isHd)) return 'MPEG2'
  if (type >= 0x16 && type <= 0x1e) return 'H264'
  return type === 0x1f || type === 0x20 ? 'HEVC' : undefined
}
