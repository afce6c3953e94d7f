// The networks that this machine is on, by its addresses; looked at again and again, since networks come and
// go. Who sends from one of them is a neighbour, and reaches us at our address there.
import { isIP } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { Networks, plainAddress } from '../base/network.ts'

/** As `networkInterfaces()` of node:os tells them. */
export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>

/** One address of this machine and the network it belongs to. */
export interface Link {
  /** Of the interface. */
  readonly name: string
  readonly address: string
  readonly family: 4 | 6
}

interface Network extends Link {
  readonly neighbours: Networks
  readonly prefix: number
  readonly key: string // differs when the interface is another one of the same name
}

const linkLocal = new Networks(['fe80::/10'])

export class Links {
  readonly #read: Interfaces
  readonly #timer: NodeJS.Timeout
  readonly #listeners = new Set<() => void>()
  #networks: readonly Network[]

  /** @param pollMs  how often it is looked whether they have changed */
  constructor({ read = networkInterfaces, pollMs }: { read?: Interfaces | undefined; pollMs: number }) {
    this.#read = read
    this.#networks = networksOf(read())
    this.#timer = setInterval(() => this.#refresh(), pollMs).unref()
  }

  /** One address of each interface that has some of this family. */
  of(family: 4 | 6): readonly Link[] {
    const all = this.#networks.filter((network) => network.family === family)
    return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index)
  }

  /** Our address as this neighbour reaches it; undefined for who is on none of our networks.
   *  @param sender  as a socket gives it, `fe80::1%eth0` for one that only the link knows */
  reachedBy(sender: string): string | undefined {
    const address = plainAddress(sender)
    if (address === undefined) return undefined
    const zone = sender.split('%')[1]
    const near = this.#networks.filter(
      ({ name, neighbours }) => neighbours.has(address) && (zone === undefined || name === zone),
    )
    const nearest = near.reduce<Network | undefined>(
      (best, one) => (best !== undefined && best.prefix >= one.prefix ? best : one),
      undefined,
    )
    return nearest && this.#reachable(nearest)
  }

  /** Calls after each change, until close(). */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#listeners.clear()
  }

  // A URL cannot say by which interface a link-local address is reached, so another one of it is preferred.
  #reachable({ name, address, family }: Network): string {
    if (family === 4 || !linkLocal.has(address)) return address
    const other = this.#networks.find(
      (one) => one.name === name && one.family === 6 && !linkLocal.has(one.address),
    )
    return other?.address ?? address
  }

  #refresh(): void {
    const before = this.#networks
    this.#networks = networksOf(this.#read())
    if (keysOf(before) === keysOf(this.#networks)) return
    for (const listener of this.#listeners) listener()
  }
}

function networksOf(interfaces: ReturnType<Interfaces>): Network[] {
  return Object.entries(interfaces).flatMap(([name, list = []]) =>
    list.flatMap(({ address, cidr, mac }) => {
      const plain = plainAddress(address)
      if (plain === undefined || cidr === null) return []
      const family = isIP(plain) === 6 ? 6 : 4
      const prefix = Number(cidr.split('/')[1])
      const neighbours = new Networks([`${plain}/${prefix}`])
      return [{ name, address: plain, family, prefix, neighbours, key: `${name} ${mac} ${cidr}` } as const]
    }),
  )
}

function keysOf(networks: readonly Network[]): string {
  return networks.map(({ key }) => key).join()
}
