// From the path of a request to what can be streamed.
import { expected } from '../base/errors.ts'
import type { StreamAddress } from './address.ts'
import {
  decodePath,
  isReferenceLike,
  parseReference,
  type Reference,
  type ReferenceKind,
} from './reference.ts'

const playable: readonly ReferenceKind[] = ['service', 'alternatives']

/** The service or alternatives that the path names, percent-encoded or not; undefined if it holds no reference at all.
 *  @throws BAD_REQUEST for a reference that is broken or no channel of the receiver. URLs (IPTV) are none:
 *          whoever may ask for a stream could otherwise make this host fetch anything. */
export function findReference(path: string): Reference | undefined {
  const text = decodePath(path)
  if (!isReferenceLike(text)) return undefined
  const reference = parseReference(text)
  if (!playable.includes(reference.kind)) throw expected("a channel's service reference", 'path', text)
  return reference
}

/** Where a channel is that lies elsewhere (IPTV). @throws BAD_REQUEST where it is not plain HTTP */
export function urlPlace(address: string): StreamAddress {
  const url = URL.parse(address)
  if (url?.protocol !== 'http:') throw expected('a channel at an http:// address', 'channel', address)
  const { username, password, hostname, port, pathname, search } = url
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    path: `${pathname}${search}`,
    program: 0,
    ...(username !== '' && { authorization: `Basic ${credentials.toString('base64')}` }),
  }
}
