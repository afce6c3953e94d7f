// The M3U playlist. What receivers send as a name is hostile here: no quote and no line break of it may
// leave its place.
import { streamPath } from './channel.ts'
import type { Channel, PlaylistOptions } from './guide.ts'

export function formatPlaylist(channels: readonly Channel[], options: PlaylistOptions): string {
  const guide = attribute(options.xmltvUrl)
  const lines = channels.map((channel) => formatEntry(channel, options))
  return `#EXTM3U url-tvg="${guide}" x-tvg-url="${guide}"\n${lines.join('')}`
}

function formatEntry(channel: Channel, options: PlaylistOptions): string {
  const { id, number, name, groups, isRadio, picon } = channel
  const attributes: Array<readonly [string, string]> = [
    ['tvg-id', id],
    ['tvg-name', name],
    ['tvg-chno', String(number)],
    ['channel-number', String(number)],
    ...(picon ? [['tvg-logo', `${options.baseUrl}/picons/${id}.png`] as const] : []),
    ['group-title', groups[0] ?? ''],
    ...(isRadio ? [['radio', 'true'] as const] : []),
  ]
  const shown = attributes.map(([key, value]) => `${key}="${attribute(value)}"`).join(' ')
  return `#EXTINF:-1 ${shown},${line(name)}\n${line(addressOf(channel, options))}\n`
}

/** Where the API port has the channel as HLS. */
export function hlsPath(id: string): string {
  return `/hls/${encodeURIComponent(id)}/index.m3u8`
}

function addressOf(
  channel: Channel,
  { baseUrl, streamBaseUrl, token, variant = {} }: PlaylistOptions,
): string {
  const { id, url } = channel
  const { audio, format } = variant
  if (url !== undefined) return url
  if (format === 'hls') return baseUrl + hlsPath(id) + queryOf({ audio, token })
  return streamBaseUrl + streamPath(channel) + queryOf({ audio })
}

function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) query.set(key, value)
  return query.size === 0 ? '' : `?${query.toString()}`
}

function attribute(text: string): string {
  return line(text).replaceAll('"', "'")
}

function line(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim()
}
