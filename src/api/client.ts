// Who asks, and by which name they know us. Forwarded headers count only where a trusted proxy sent them.
import type { IncomingMessage } from 'node:http'
import { plainAddress, plainHost, privateNetworks, type Networks } from '../base/network.ts'

export interface Client {
  /** Plain IP address; '' where a proxy named none that can be read. */
  readonly address: string
  /** Of this machine or its own networks, and not by way of a proxy that nobody told us of. */
  readonly isLocal: boolean
  /** As in the client's address bar; undefined where it sent none that is sound. */
  readonly host: string | undefined
  readonly protocol: 'http' | 'https'
}

/** @param trusted  the proxies whose word counts */
export function clientOf(request: IncomingMessage, trusted: Networks): Client {
  const { headers, socket } = request
  const peer = plainAddress(socket.remoteAddress ?? '') ?? ''
  const isProxied = trusted.has(peer)
  const address = isProxied ? farthest(peer, list(headers['x-forwarded-for']), trusted) : peer
  const isForwardedByStranger =
    !isProxied && ('x-forwarded-for' in headers || 'forwarded' in headers || 'x-real-ip' in headers)
  const forwardedHost = isProxied ? list(headers['x-forwarded-host'])[0] : undefined
  const forwardedProtocol = isProxied ? list(headers['x-forwarded-proto'])[0] : undefined
  return {
    address,
    isLocal: privateNetworks.has(address) && !isForwardedByStranger,
    host: plainHost(forwardedHost) ?? plainHost(list(headers[':authority'])[0] ?? headers.host), // HTTP/2 has no Host
    protocol: (forwardedProtocol ?? protocolOf(socket)) === 'https' ? 'https' : 'http',
  }
}

function protocolOf(socket: IncomingMessage['socket']): string {
  return 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
}

// From our end of the chain: the first address that is no trusted proxy. What stands before it may be made up.
function farthest(peer: string, chain: readonly string[], trusted: Networks): string {
  let address = peer
  for (const hop of chain.toReversed()) {
    if (!trusted.has(address)) break
    address = plainAddress(hop) ?? ''
  }
  return address
}

function list(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '')
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
