// From a row of a bouquet to a channel: which rows are channels at all, and the id that never changes.
import { createHash } from 'node:crypto'
import type { ServiceRow } from '../receiver/listing.ts'
import {
  decodePath,
  formatReference,
  parseReference,
  referencePath,
  type Reference,
} from '../receiver/reference.ts'
import { findReference } from '../receiver/service.ts'
import type { Channel, Guide } from './guide.ts'

/** A channel before it has a number and groups. */
export interface ChannelDraft {
  readonly id: string
  readonly name: string
  readonly ref: string
  readonly isRadio: boolean
  readonly isHd: boolean
  readonly url: string | undefined
  /** Path on the receiver's web port; '' if it has no picon, undefined if it did not say. */
  readonly piconPath: string | undefined
}

// Contains a dot, as XMLTV's validators demand, and no id is the beginning of another, which Plex confuses.
const idSuffix = '.enigma2'
const noNames = ['', '.', '<n/a>', 'n/a']
const hiddenFlag = 512
const hdmiInput = '8192'
// Source: ETSI EN 300 468, table 89 (service_type).
const radioTypes = ['2', 'A']
const hdTypes = ['11', '19', '1A', '1B', '1C', '1D', '1E', '1F', '20']
const streamable = /^(?:https?|rtsp|rtmps?|rtp|udp|mmsh?):$/
const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::\]|0\.0\.0\.0)$/i

/** The channel of a row; undefined for markers, bouquets, inputs and names that are none. */
export function channelOf(
  { ref, name, picon }: ServiceRow,
  isRadioBouquet: boolean,
): ChannelDraft | undefined {
  const reference = referenceOf(ref)
  if (reference === undefined || noNames.includes(name.toLowerCase())) return undefined
  const url = reference.kind === 'iptv' ? urlOf(reference) : undefined
  if (reference.kind === 'iptv' && url === undefined) return undefined
  const type = reference.fields[2] ?? ''
  return {
    id: channelId(reference),
    name,
    ref: formatReference(reference),
    isRadio: isRadioBouquet || radioTypes.includes(type),
    isHd: hdTypes.includes(type) || /\b(?:U?HD|4K)\b/i.test(name),
    url,
    piconPath: picon,
  }
}

/** Where the proxy port has the channel. */
export function streamPath({ path, ref }: Pick<Channel, 'path' | 'ref'>): string {
  return path ?? referencePath(ref)
}

/** The id or number in a path of the proxy port, `/stream/<id>` or `/auto/v<number>`; undefined in others. */
export function channelKeyOf(path: string): string | undefined {
  const named = /^(?:stream\/([^/]+)|auto\/v(\d{1,9}))$/.exec(decodePath(path))
  return named?.[1] ?? named?.[2]
}

/** The channel of the lineup that a path of the proxy port stands for. @throws BAD_REQUEST as findReference() */
export function channelAt(path: string, guide: Pick<Guide, 'channel'>): Channel | undefined {
  const key = channelKeyOf(path)
  if (key !== undefined) return guide.channel(key)
  const reference = findReference(path)
  return reference && guide.channel(formatReference(reference))
}

/** Made of the service's own numbers: neither a new name nor another place in the list changes it. */
export function channelId({ kind, fields, path }: Reference): string {
  const hasParent = fields.slice(7).some((field) => field !== '0')
  const numbers = (hasParent ? fields : fields.slice(0, 7)).join('-')
  if (kind === 'service') return numbers + idSuffix
  // IPTV entries and alternatives differ in their path alone.
  return `${numbers}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}${idSuffix}`
}

function referenceOf(ref: string): Reference | undefined {
  try {
    const reference = parseReference(ref)
    const { kind, fields } = reference
    const isPlayable = kind === 'service' || kind === 'alternatives' || kind === 'iptv'
    const isHidden = (Number(fields[1]) & hiddenFlag) !== 0
    return isPlayable && !isHidden && fields[0] !== hdmiInput ? reference : undefined
  } catch {
    return undefined
  }
}

// A programme on the box's own loopback cannot be had from here.
function urlOf({ path }: Reference): string | undefined {
  const url = URL.parse(path)
  return url !== null && streamable.test(url.protocol) && !loopback.test(url.hostname) ? path : undefined
}
