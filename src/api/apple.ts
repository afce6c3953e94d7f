// Apple's player takes a transport stream only as HLS: who asks the proxy port with it is sent there. Programs on
// Apple's devices that bring a player of their own (VLC, Infuse, Kodi) name it, and stay.
import type { IncomingMessage } from 'node:http'
import { Networks } from '../base/network.ts'
import { channelAt } from '../guide/channel.ts'
import type { Guide } from '../guide/guide.ts'
import { hlsPath } from '../guide/playlist.ts'
import { apiBaseFor, type AddressSettings, type Ports } from './address.ts'
import { clientOf } from './client.ts'

// AVPlayer says AppleCoreMedia. A browser asks in its own name first. On these devices they are all made of WebKit,
// only on a Mac there are others.
const appleBrowser = /^Mozilla\/5\.0 \((?:iPhone|iPad|iPod|Apple ?TV|Macintosh)\b.*\bAppleWebKit\//i
const otherBrowser = /\b(?:Chrome|Chromium|Firefox|Electron)\//

/** Does this player play HLS, and no transport stream by itself? */
export function needsHls(userAgent = ''): boolean {
  if (userAgent.startsWith('AppleCoreMedia/')) return true
  return appleBrowser.test(userAgent) && !otherBrowser.test(userAgent)
}

export interface HlsPlace {
  readonly settings: AddressSettings & {
    readonly hlsIos: boolean
    readonly trustedProxies: readonly string[]
  }
  readonly guide: Guide | undefined
  readonly ports: Ports
}

/** Where this request for a stream finds the channel as HLS, with the query that it came with; undefined where it
 *  is to have the stream itself. */
export function hlsAddressFor(
  request: IncomingMessage,
  { settings, guide, ports }: HlsPlace,
): string | undefined {
  if (!settings.hlsIos || !needsHls(request.headers['user-agent'])) return undefined
  const { url = '/' } = request
  const path = url.split('?', 1)[0] ?? url
  const channel = guide && channelAt(path, guide)
  if (channel === undefined) return undefined
  const client = clientOf(request, new Networks(settings.trustedProxies))
  const query = new URLSearchParams(url.slice(path.length))
  if (!query.has('sound')) query.set('sound', 'all') // these players choose what they can play, and ask for no more
  return `${apiBaseFor(client, settings, ports)}${hlsPath(channel.id)}?${query.toString()}`
}
