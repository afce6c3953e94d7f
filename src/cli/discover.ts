// `xg2g discover`: finds receivers. Asks by SSDP who is there; with --probe also asks each address of our own
// networks, a few at a time. Only private addresses are ever asked.
import { spawn } from 'node:child_process'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { privateNetworks } from '../base/network.ts'
import { probe, type Finding } from './probe.ts'

export const discoverUsage = `Usage: xg2g discover [--probe]

Looks for Enigma2 receivers on the local networks and prints their addresses.
  --probe   also ask every address of the networks that this machine is on
`

const searchSeconds = 4
const atOnce = 16 // addresses asked at the same time
const mostHosts = 1024 // of one network; a larger one is not asked address by address

export interface DiscoverOptions {
  /** Addresses of those who answer a search. */
  search?: () => Promise<readonly string[]>
  /** Addresses of our own networks. */
  neighbours?: () => readonly string[]
  /** The port of a receiver's web interface. Default 80. */
  port?: number
  probeMs?: number
}

/** The command. 0 if there is a receiver, 1 if there is none. */
export async function discover(args: string[], options: DiscoverOptions = {}): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { probe: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    process.stdout.write(discoverUsage)
    return 0
  }
  const found = await findReceivers({ ...options, isThorough: values.probe === true })
  for (const { url, name } of found)
    process.stdout.write(`${url}  ${name ?? 'wants a user name and password'}\n`)
  if (found.length > 0) {
    process.stderr.write(`\nTo use it: XG2G_OWI_BASE=${found[0]?.url ?? ''} ./xg2g serve\n`)
    return 0
  }
  const more = values.probe === true ? '' : ' Few receivers answer a search: try `xg2g discover --probe`.'
  process.stderr.write(`No receiver was found.${more}\n`)
  return 1
}

/** Receivers on the local networks. */
export async function findReceivers({
  search = searchSsdp,
  neighbours = ownNetworks,
  port = 80,
  probeMs,
  isThorough,
}: DiscoverOptions & { isThorough: boolean }): Promise<Finding[]> {
  const answered = await search()
  const all = [...answered, ...(isThorough ? neighbours() : [])]
  const addresses = [...new Set(all)].filter((address) => privateNetworks.has(address))
  const found: Finding[] = []
  const ask = async (): Promise<void> => {
    for (let address = addresses.shift(); address !== undefined; address = addresses.shift()) {
      const finding = await probe(urlOf(address, port), probeMs)
      if (finding !== undefined) found.push(finding)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, ask))
  return found
}

function urlOf(address: string, port: number): string {
  const host = address.includes(':') ? `[${address}]` : address
  return port === 80 ? `http://${host}` : `http://${host}:${port}`
}

/** Who answers a search. The child ends by itself, and is ended should it not. */
export async function searchSsdp(seconds = searchSeconds): Promise<string[]> {
  const file = import.meta.resolve(import.meta.filename.endsWith('.ts') ? './search.ts' : './search.js')
  const child = spawn(process.execPath, [new URL(file).pathname, String(seconds)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: (seconds + 5) * 1000,
  })
  const addresses = new Set<string>()
  for await (const line of createInterface({ input: child.stdout })) addresses.add(line.trim())
  return [...addresses]
}

function ownNetworks(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return interfaces.filter(({ internal, family }) => !internal && family === 'IPv4').flatMap(hostsOf)
}

/** Every other address of an interface's network. */
export function hostsOf({ address, netmask }: Pick<NetworkInterfaceInfo, 'address' | 'netmask'>): string[] {
  const mask = numberOf(netmask)
  const network = (numberOf(address) & mask) >>> 0
  const size = ~mask >>> 0
  if (size > mostHosts) return []
  const hosts = Array.from({ length: Math.max(0, size - 1) }, (_, index) => network + 1 + index)
  return hosts.map(addressOf).filter((host) => host !== address)
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, byte) => ((number << 8) | Number(byte)) >>> 0, 0)
}

function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.')
}
