// Who may use the virtual devices. Their clients cannot log in, so it is decided by address alone.
import { AppError } from '../base/errors.ts'
import { Networks, privateNetworks } from '../base/network.ts'

export class Access {
  readonly #list: () => readonly string[]
  #known: { list: readonly string[]; networks: Networks } = { list: [], networks: new Networks([]) }

  /** @param list  networks as parseNetwork() gives them, or `private`; looked at for each request */
  constructor(list: () => readonly string[]) {
    this.#list = list
  }

  /** @param address  plain; '' or undefined is nobody's */
  allows(address: string | undefined): boolean {
    const list = this.#list()
    if (list !== this.#known.list) {
      const networks = new Networks(list.filter((network) => network !== 'private'))
      this.#known = { list, networks }
    }
    if (address === undefined) return false
    return this.#known.networks.has(address) || (list.includes('private') && privateNetworks.has(address))
  }

  /** @throws FORBIDDEN */
  admit(address: string | undefined): void {
    if (this.allows(address)) return
    const reason = `${address ?? 'This address'} is in none of the networks of XG2G_HDHR_NETWORKS`
    throw new AppError('FORBIDDEN', { reason })
  }
}
