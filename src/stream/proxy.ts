// The proxy port: GET or HEAD of a service reference answers with that service as a transport stream.
// Main thread. The status is decided by the first bytes: a receiver that refuses becomes an HTTP error.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Listen } from '../base/units.ts'
import type { Profile } from '../workers/profile.ts'
import { Account } from './account.ts'
import type { Engine } from './engine.ts'
import { Feed, type FeedLimits } from './feed.ts'
import { parseQuery, type StreamQuery } from './query.ts'
import { Roster } from './roster.ts'
import type { SendLimits } from './sender.ts'
import { Spacing } from './spacing.ts'
import type { Target, UpstreamLimits } from './upstream.ts'
import { streamHeaders, view } from './viewing.ts'

/** Something that can be streamed. */
export interface Service {
  /** For logs. */
  readonly name: string
  /** Where it is and which programme of the PAT it is (0: the one that flows). Opens no stream. */
  locate(): Promise<Target & { readonly program: number }>
  /** Drops what is remembered of its place, after a stream of it could not be had. */
  forget(): void
}

export interface ProxyOptions {
  /** What a request's path stands for; undefined if nothing. Asks nobody. @throws BAD_REQUEST */
  find: (path: string) => Service | undefined
  engine: Engine
  /** Why the sound cannot be changed, told to those who ask for it in the query. */
  refusal?: AppError | undefined
  /** What those get who ask for nothing. Looked at for each request. */
  readonly profile: Profile
  log?: Logger | undefined
  metrics?: Metrics | undefined
  limits?: Partial<UpstreamLimits & FeedLimits & SendLimits> | undefined
}

const longestHeaderBytes = 8 * 1024
const mostConnections = 1024
const retryAfterS = 5

export class Proxy {
  /** The streams that have started. */
  readonly streams = new Roster()
  readonly #options: ProxyOptions
  readonly #server: Server
  readonly #spacing = new Spacing()
  readonly #feeds = new Set<Feed>()
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
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const gone = [...this.#feeds].map((feed) => feed.gone)
    for (const feed of this.#feeds) feed.end()
    const timer = setTimeout(() => this.#server.closeAllConnections(), drainMs)
    await Promise.all([closed, ...gone])
    clearTimeout(timer)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const account = new Account(request.method, this.#options)
    try {
      if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
      const { service, query } = this.#read(request)
      if (request.method === 'GET') return await this.#stream(service, query, response, account)
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
    response: ServerResponse,
    account: Account,
  ): Promise<void> {
    const { name } = service
    const { program, ...target } = await service.locate()
    if (response.destroyed) return account.abandoned(name) // it did not wait
    if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
    const feed = this.#open(target, { ...query.profile, program }, name)
    let leave: (() => void) | undefined
    const onStart = () => {
      const engine = this.#options.engine.name
      const client = response.socket?.remoteAddress
      const audio = engine === 'passthrough' ? 'copy' : query.profile.audio
      leave = this.streams.add(feed, { channel: name, client, engine, audio })
      account.started(name, engine)
    }
    try {
      account.ended(name, await view(feed, response, { ...query, limits: this.#options.limits, onStart }))
    } catch (error) {
      if (response.destroyed) return account.abandoned(name)
      service.forget()
      throw error
    } finally {
      leave?.()
    }
  }

  #open(target: Target, profile: Profile, label: string): Feed {
    const { engine, metrics, limits } = this.#options
    const feed = new Feed({ target, profile, engine, label, metrics, limits, spacing: this.#spacing })
    this.#feeds.add(feed)
    void feed.gone.then(() => this.#feeds.delete(feed))
    return feed
  }
}

function refuse(response: ServerResponse, error: AppError, method: string | undefined): void {
  if (response.destroyed) return
  const body = `${JSON.stringify(error)}\n`
  response.setHeader('Connection', 'close')
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  if (error.status === 503) response.setHeader('Retry-After', retryAfterS)
  if (error.status === 405) response.setHeader('Allow', 'GET, HEAD')
  response.writeHead(error.status).end(method === 'HEAD' ? undefined : body)
}
