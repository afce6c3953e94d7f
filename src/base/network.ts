// IP addresses and networks: who is meant by `192.168.0.0/16`, which addresses are one's own, and which no
// machine on a network has.
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

// This machine, this link, nobody, everybody, and where clouds tell their machines secrets.
const special4 = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16', // with 169.254.169.254, where most clouds answer
  '100.100.100.200/32', // Alibaba
  '168.63.129.16/32', // Azure
  '192.0.0.0/24', // with Oracle's 192.0.0.192
  '224.0.0.0/4',
  '240.0.0.0/4', // with the broadcast address
]

/** Addresses that stand for no machine on a network: loopback, link-local, multicast, unspecified, the
 *  metadata services of clouds; and the IPv6 addresses that stand for such IPv4 ones. Of the ways to write
 *  IPv4 in IPv6 only NAT64 is in use; the others are special as a whole.
 *  @source RFC 6890, RFC 4291, RFC 6052, RFC 3056, RFC 4380 */
export const specialNetworks = new Networks([
  ...special4, // found in their mapped form too, `::ffff:127.0.0.1`
  ...special4.map((network) => {
    const [address = '', prefix] = network.split('/')
    return `64:ff9b::${address}/${96 + Number(prefix)}`
  }),
  '64:ff9b:1::/48', // NAT64 of one's own
  '::/96', // unspecified, loopback, IPv4-compatible
  '::ffff:0:0:0/96', // IPv4-translated
  '2001::/32', // Teredo
  '2002::/16', // 6to4
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  'fd00:ec2::254', // Amazon
  'fd20:ce::254', // Google
])

/** Whom a list means: a host by its name, or an address or network; one port there, or all of them. */
export interface Destination {
  readonly name: string | undefined
  readonly network: string | undefined
  readonly port: number | undefined
}

/** `box.lan`, `box.lan:8001`, `192.168.1.5:8001`, `192.168.0.0/16`, `[fd00::5]:8001`; undefined if it is none. */
export function parseDestination(text: string): Destination | undefined {
  const bare = parseNetwork(text)
  if (bare !== undefined) return { name: undefined, network: bare, port: undefined }
  const match = /^(?:\[([^\]]+)\]|([^\s:/?#@%[\]\\]+(?:\/\d+)?))(?::(\d{1,5}))?$/.exec(text.trim())
  if (match === null) return undefined
  const [, bracketed, plain = '', digits] = match
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && (port < 1 || port > 65535)) return undefined
  const network = parseNetwork(bracketed ?? plain)
  const name = bracketed === undefined && network === undefined ? hostName(plain) : undefined
  return network === undefined && name === undefined ? undefined : { name, network, port }
}

// As a URL has it: lower case, `xn--` for other letters. None that a URL takes for an address.
function hostName(text: string): string | undefined {
  const name = text.includes('/') ? '' : (URL.parse(`http://${text}`)?.hostname.replace(/\.$/, '') ?? '')
  return /^[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?$/.test(name) && isIP(name) === 0 ? name : undefined
}

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

const hostAndPort = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]{0,252}))(?::\d{1,5})?$/i

/** A Host header as it may go into an address; undefined where it is none that is sound. */
export function plainHost(host: string | undefined): string | undefined {
  return host !== undefined && hostAndPort.test(host) && URL.canParse(`http://${host}`) ? host : undefined
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
