// The addresses that we hand out: right for the client that asks, also behind a reverse proxy.
import type { Client } from './client.ts'

const receiverStreamPort = 8001 // the receivers' default

export interface AddressSettings {
  readonly publicUrl?: string | undefined
  readonly publicStreamUrl?: string | undefined
  readonly enableStreamProxy: boolean
  readonly proxyTarget?: string | undefined
  readonly owiBase?: string | undefined
}

export interface Addresses {
  /** Of the API port; no slash at the end. */
  readonly base: string
  /** Of the proxy port; of the receiver's stream port where ours is switched off. */
  readonly streams: string
  /** Are they the receiver's, which knows nothing of our queries? */
  readonly isDirect: boolean
}

export interface Ports {
  readonly api: number
  readonly proxy: number | undefined
}

/** Configured addresses, else the name by which the client has reached us. */
export function addressesFor({ host, protocol }: Client, settings: AddressSettings, ports: Ports): Addresses {
  const { publicUrl, publicStreamUrl } = settings
  const base = publicUrl ?? `${protocol}://${host ?? `localhost:${ports.api}`}`
  if (publicStreamUrl !== undefined) return { base, streams: publicStreamUrl, isDirect: false }
  const direct = settings.enableStreamProxy ? undefined : receiverOf(settings)
  if (direct !== undefined) return { base, streams: direct, isDirect: true }
  return { base, streams: `http://${new URL(base).hostname}:${ports.proxy ?? ports.api}`, isDirect: false }
}

/** The API port for who has reached another port of ours. What comes by HTTPS came through a reverse proxy, which
 *  has both ports under one name. */
export function apiBaseFor(
  { host = 'localhost', protocol }: Client,
  { publicUrl }: Pick<AddressSettings, 'publicUrl'>,
  ports: Ports,
): string {
  if (publicUrl !== undefined) return publicUrl
  return protocol === 'https'
    ? `https://${host}`
    : `http://${new URL(`http://${host}`).hostname}:${ports.api}`
}

// Its stream port, without credentials: everyone may read a playlist.
function receiverOf({ proxyTarget, owiBase }: AddressSettings): string | undefined {
  if (proxyTarget !== undefined) {
    const { origin, pathname } = new URL(proxyTarget)
    return (origin + pathname).replace(/\/$/, '')
  }
  return owiBase && `http://${new URL(owiBase).hostname}:${receiverStreamPort}`
}
