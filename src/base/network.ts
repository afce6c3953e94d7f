// IP addresses and networks: who is meant by `192.168.0.0/16`, and which addresses are one's own.
import { BlockList, isIP } from 'node:net'

/** A list of networks to look addresses up in. */
export class Networks {
  readonly #list = new BlockList()

  /** @param networks  addresses or networks as parseNetwork() gives them */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (prefix === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(prefix), family)
    }
  }

  /** Is this address in one of the networks? False for what is no address. */
  has(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** This machine, and networks that are not routed on the internet.
 *  @source RFC 1122, RFC 1918, RFC 3927, RFC 4193, RFC 4291 */
export const privateNetworks = new Networks([
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
])

/** `192.168.0.0/16`, `192.168.1.5`, `fd00::/8`; undefined if it is none. */
export function parseNetwork(text: string): string | undefined {
  const [address = '', prefix, ...more] = text.trim().toLowerCase().split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0 || address.includes('%')) return undefined
  if (prefix === undefined) return address
  const most = family === 6 ? 128 : 32
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= most ? `${address}/${Number(prefix)}` : undefined
}

/** An address as a socket or a proxy gives it, made plain: no zone, no brackets, no port, IPv4 where it is
 *  mapped into IPv6; undefined if it is no address. */
export function plainAddress(text: string): string | undefined {
  const trimmed = text.trim()
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? trimmed.replace(/^([\d.]+):\d+$/, '$1')
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
  return isIP(address) === 0 ? undefined : address.toLowerCase()
}

/** Who shares a limit: an IPv4 address, or the /64 of an IPv6 address, since one household has a whole one. */
export function householdOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail === undefined ? [] : tail.split(':').filter((group) => group !== '')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...new Array<string>(zeros).fill('0'), ...after]
  return `${groups.slice(0, 4).join(':')}::/64`
}
