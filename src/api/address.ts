// The addresses that we hand out: right for the client that asks, also behind a reverse proxy.
import type { Client } from './client.ts'

export interface AddressSettings {
  readonly publicUrl?: string | undefined
  readonly publicStreamUrl?: string | undefined
}

export interface Addresses {
  /** Of the API port; no slash at the end. */
  readonly base: string
  /** Of the proxy port. */
  readonly streams: string
}

export interface Ports {
  readonly api: number
  readonly proxy: number | undefined
}

/** Configured addresses, else the name by which the client has reached us. */
export function addressesFor(
  { host, protocol }: Client,
  { publicUrl, publicStreamUrl }: AddressSettings,
  ports: Ports,
): Addresses {
  const base = publicUrl ?? `${protocol}://${host ?? `localhost:${ports.api}`}`
  const streams = publicStreamUrl ?? `http://${new URL(base).hostname}:${ports.proxy ?? ports.api}`
  return { base, streams }
}
