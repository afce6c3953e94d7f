// From the path of a request to a service of the receiver that can be streamed.
import { expected } from '../base/errors.ts'
import type { StreamAddress, StreamAddresses } from './address.ts'
import {
  decodePath,
  formatReference,
  isReferenceLike,
  parseReference,
  referenceKey,
  type Reference,
  type ReferenceKind,
} from './reference.ts'

export interface ReceiverService {
  /** As the request named it, else the reference without a name. */
  readonly name: string
  /** Equal for the same service, however it is named. */
  readonly key: string
  /** Where it is. Opens no stream. */
  locate(): Promise<StreamAddress>
  /** Drops what is remembered of its place. */
  forget(): void
}

const playable: readonly ReferenceKind[] = ['service', 'alternatives']

/** The service that the path names, percent-encoded or not; undefined if it holds no reference at all.
 *  @throws BAD_REQUEST for a reference that is broken or no channel of the receiver. URLs (IPTV) are none:
 *          whoever may ask for a stream could otherwise make this host fetch anything. */
export function findService(path: string, addresses: StreamAddresses): ReceiverService | undefined {
  const text = decodePath(path)
  if (!isReferenceLike(text)) return undefined
  const reference = parseReference(text)
  if (!playable.includes(reference.kind)) throw expected("a channel's service reference", 'path', text)
  return serviceOf(reference, addresses)
}

function serviceOf(reference: Reference, addresses: StreamAddresses): ReceiverService {
  return {
    name: reference.name || referenceKey(reference),
    key: reference.kind === 'service' ? referenceKey(reference) : formatReference(reference),
    locate: () => addresses.resolve(reference),
    forget: () => addresses.forget(reference),
  }
}

/** A channel of the lineup that lies elsewhere (IPTV). @throws BAD_REQUEST where it is not plain HTTP */
export function urlService(address: string): ReceiverService {
  const url = URL.parse(address)
  if (url?.protocol !== 'http:') throw expected('a channel at an http:// address', 'channel', address)
  const { username, password, hostname, port, pathname, search } = url
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const place = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    path: `${pathname}${search}`,
    program: 0,
    ...(username !== '' && { authorization: `Basic ${credentials.toString('base64')}` }),
  }
  return { name: address, key: address, locate: () => Promise.resolve(place), forget: () => undefined }
}
