// The proxy port: GET or HEAD of a service reference answers with that service as a transport stream.
// Main thread. The status is decided by the first bytes: a receiver that refuses becomes an HTTP error.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { childOf, parseTraceparent } from '../base/trace.ts'
import type { Listen } from '../base/units.ts'
import type { Profile } from '../workers/profile.ts'
import { Account } from './account.ts'
import type { Feeds } from './feeds.ts'
import { StreamPort } from './port.ts'
import { parseQuery, type StreamQuery } from './query.ts'
import { refuse } from './refusal.ts'
import type { Service } from './service.ts'
import { streamHeaders, watch, type SendLimits } from './viewing.ts'

export interface ProxyOptions {
  /** What a request's path stands for; undefined if nothing. Asks nobody. @throws BAD_REQUEST */
  find: (path: string) => Service | undefined
  /** Another address for this request, where its player cannot play a stream; undefined serves it here. */
  elsewhere?: (request: IncomingMessage) => string | undefined
  feeds: Feeds
  /** Why the sound cannot be changed, told to those who ask for it in the query. */
  refusal?: AppError | undefined
  /** What those get who ask for nothing. Looked at for each request. */
  readonly profile: Profile
  log?: Logger | undefined
  metrics?: Metrics | undefined
  limits?: Partial<SendLimits> | undefined
}

export class Proxy {
  readonly #options: ProxyOptions
  readonly #port: StreamPort
  #isClosing = false

  constructor(options: ProxyOptions) {
    this.#options = options
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response)
    this.#port = new StreamPort(answer, { log: options.log })
  }

  /** Resolves with where it listens. */
  listen(listen: Listen): Promise<AddressInfo> {
    return this.#port.listen(listen)
  }

  /** Takes no more requests; what has come is let out for `drainMs`. */
  async close(drainMs?: number): Promise<void> {
    this.#isClosing = true
    await this.#port.drain(this.#options.feeds, drainMs)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const trace = childOf(parseTraceparent(request.headers.traceparent))
    const account = new Account(request.method, { ...this.#options, trace })
    try {
      if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
      const { service, query } = this.#read(request)
      const { feeds, limits, elsewhere } = this.#options
      const address = elsewhere?.(request)
      if (address !== undefined) {
        sendElsewhere(response, address)
        return account.answered(302)
      }
      if (request.method === 'GET')
        return await watch(service, query, response, { feeds, limits, account, trace })
      response.writeHead(200, streamHeaders).end()
      account.answered(200)
    } catch (thrown) {
      const error = toAppError(thrown)
      refuse(response, error, request)
      account.refused(error, request.url)
    } finally {
      account.close()
    }
  }

  #read({ method, url = '/' }: IncomingMessage): { service: Service; query: StreamQuery } {
    if (method !== 'GET' && method !== 'HEAD') throw new AppError('METHOD_NOT_ALLOWED', { method })
    const path = url.split('?', 1)[0] ?? url
    const service = this.#options.find(path)
    if (service === undefined) throw new AppError('NOT_FOUND', { what: 'The stream' })
    const query = parseQuery(new URLSearchParams(url.slice(path.length)), this.#options.profile)
    if (query.isTransform && this.#options.refusal !== undefined) throw this.#options.refusal
    return { service, query }
  }
}

function sendElsewhere(response: ServerResponse, address: string): void {
  const headers = {
    'Cache-Control': 'no-store',
    Vary: 'User-Agent',
    'Content-Length': 0,
    Connection: 'close',
  }
  response.writeHead(302, { ...headers, Location: address }).end()
}
