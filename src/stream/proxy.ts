// The proxy port: GET or HEAD of a service reference answers with that service as a transport stream.
// Main thread. The status is decided by the first bytes: a receiver that refuses becomes an HTTP error.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { childOf, parseTraceparent, type TraceContext } from '../base/trace.ts'
import type { Listen } from '../base/units.ts'
import type { Profile } from '../workers/profile.ts'
import { Account } from './account.ts'
import type { Feeds } from './feeds.ts'
import { parseQuery, type StreamQuery } from './query.ts'
import type { Service } from './service.ts'
import { streamHeaders, view, type SendLimits } from './viewing.ts'

export interface ProxyOptions {
  /** What a request's path stands for; undefined if nothing. Asks nobody. @throws BAD_REQUEST */
  find: (path: string) => Service | undefined
  feeds: Feeds
  /** Why the sound cannot be changed, told to those who ask for it in the query. */
  refusal?: AppError | undefined
  /** What those get who ask for nothing. Looked at for each request. */
  readonly profile: Profile
  log?: Logger | undefined
  metrics?: Metrics | undefined
  limits?: Partial<SendLimits> | undefined
}

const longestHeaderBytes = 8 * 1024
const mostConnections = 1024
const retryAfterS = 5
const allTunersInUse = '805 All Tuners In Use' // as HDHomeRun devices say it

export class Proxy {
  readonly #options: ProxyOptions
  readonly #server: Server
  #isClosing = false

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#server = createServer(
      {
        maxHeaderSize: longestHeaderBytes,
        headersTimeout: 5000,
        requestTimeout: 10_000,
        connectionsCheckingInterval: 2000,
        keepAlive: true, // TCP's: tells of a client whose machine is gone
        keepAliveInitialDelay: 10_000,
      },
      (request, response) => void this.#answer(request, response),
    )
    // One request a connection: a second one in the pipeline would open a tuner behind the first stream.
    this.#server.maxRequestsPerSocket = 1
    this.#server.maxConnections = mostConnections
  }

  /** Resolves with where it listens. */
  listen({ host, port }: Listen): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (err) => this.#options.log?.error({ err }, 'proxy port failed'))
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /** Takes no more requests, leaves the receivers, lets out what has come from them so far, and after
   *  `drainMs` drops the clients that have not taken it. */
  async close(drainMs = 5000): Promise<void> {
    this.#isClosing = true
    const { feeds } = this.#options
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const timer = setTimeout(() => {
      this.#server.closeAllConnections()
      feeds.abort()
    }, drainMs)
    await Promise.all([closed, feeds.close()])
    clearTimeout(timer)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const trace = childOf(parseTraceparent(request.headers.traceparent))
    const account = new Account(request.method, { ...this.#options, trace })
    try {
      if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
      const { service, query } = this.#read(request)
      if (request.method === 'GET') return await this.#stream(service, query, { response, account, trace })
      response.writeHead(200, streamHeaders).end()
      account.answered(200)
    } catch (thrown) {
      const error = toAppError(thrown)
      refuse(response, error, request.method)
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

  async #stream(
    service: Service,
    query: StreamQuery,
    { response, account, trace }: { response: ServerResponse; account: Account; trace: TraceContext },
  ): Promise<void> {
    const { name } = service
    const { feeds, limits } = this.#options
    const seat = await feeds.join(service, query.profile, {
      address: response.socket?.remoteAddress,
      priority: query.priority,
      trace,
    })
    try {
      if (response.destroyed) return account.abandoned(name) // it did not wait
      const onStart = () => account.started(name, seat.rendition.engineName)
      account.ended(name, await view(seat, response, { ...query, limits, onStart }))
    } catch (error) {
      if (response.destroyed) return account.abandoned(name)
      throw error
    } finally {
      feeds.leave(seat)
    }
  }
}

function refuse(response: ServerResponse, error: AppError, method: string | undefined): void {
  if (response.destroyed) return
  const body = `${JSON.stringify(error)}\n`
  response.setHeader('Connection', 'close')
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  if (error.status === 503) response.setHeader('Retry-After', retryAfterS)
  if (error.code === 'NO_TUNER') response.setHeader('X-HDHomeRun-Error', allTunersInUse)
  if (error.status === 405) response.setHeader('Allow', 'GET, HEAD')
  response.writeHead(error.status).end(method === 'HEAD' ? undefined : body)
}
