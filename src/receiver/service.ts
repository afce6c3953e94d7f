// From the path of a request to a service of the receiver that can be streamed.
import { expected } from '../base/errors.ts'
import type { StreamAddress, StreamAddresses } from './address.ts'
import {
  decodePath,
  isReferenceLike,
  parseReference,
  referenceKey,
  type Reference,
  type ReferenceKind,
} from './reference.ts'

export interface ReceiverService {
  /** As the request named it, else the reference without a name. */
  readonly name: string
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
    locate: () => addresses.resolve(reference),
    forget: () => addresses.forget(reference),
  }
}
