// Who asks, whether he may, and how often. Settings are looked at for each request, since they can change.
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { Networks } from '../base/network.ts'
import { authorize, WrongToken, type Scope } from './auth.ts'
import { clientOf, type Client } from './client.ts'
import { Limits } from './limits.ts'
import type { Configuration } from './parts.ts'

export class Guard {
  readonly #configuration: Configuration
  readonly #limits: Limits
  #trusted: { list: readonly string[]; networks: Networks } = { list: [], networks: new Networks([]) }
  readonly #clients = new WeakMap<IncomingMessage, Client>()

  constructor(configuration: Configuration) {
    this.#configuration = configuration
    this.#limits = new Limits(configuration.current)
  }

  readonly admit: Middleware = async ({ req }, next) => {
    const { address } = this.look(req)
    this.#limits.set(this.#configuration.current)
    await this.#limits.request(address)
    await next()
  }

  /** Who asks, by the proxies that are trusted now. */
  look(request: IncomingMessage): Client {
    const { trustedProxies } = this.#configuration.current
    if (trustedProxies !== this.#trusted.list)
      this.#trusted = { list: trustedProxies, networks: new Networks(trustedProxies) }
    const client = clientOf(request, this.#trusted.networks)
    this.#clients.set(request, client)
    return client
  }

  client({ req }: Context): Client {
    return this.#clients.get(req) ?? { address: '', isLocal: false, host: undefined, protocol: 'http' }
  }

  /** @throws UNAUTHORIZED, FORBIDDEN, TOO_MANY_REQUESTS */
  async authorize(scope: Scope, request: IncomingMessage, client: Client): Promise<void> {
    await this.#limits.beforeToken(client.address)
    try {
      authorize(scope, request, client, this.#configuration.current)
    } catch (error) {
      if (error instanceof WrongToken) await this.#limits.wrongToken(client.address)
      throw error
    }
  }
}
