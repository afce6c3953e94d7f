// The port of the virtual devices: their pages and their streams, for those whose networks may use them.
// Main thread. Asked without a login, since clients have none.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { plainAddress, plainHost } from '../base/network.ts'
import { childOf, parseTraceparent, type TraceContext } from '../base/trace.ts'
import type { Listen } from '../base/units.ts'
import { Account } from '../stream/account.ts'
import type { Feeds, Seat } from '../stream/feeds.ts'
import { StreamPort } from '../stream/port.ts'
import { parseQuery, type StreamQuery } from '../stream/query.ts'
import { refuse } from '../stream/refusal.ts'
import type { Service } from '../stream/service.ts'
import { streamHeaders, watch, type SendLimits } from '../stream/viewing.ts'
import type { Profile } from '../workers/profile.ts'
import type { Access } from './access.ts'
import { faultHeaders } from './fault.ts'
import type { Host } from './host.ts'
import { pageHeaders, type Pages } from './pages.ts'

export interface DevicePortOptions {
  readonly host: Host
  readonly pages: Pages
  readonly access: Access
  readonly feeds: Feeds
  /** The channel with a number; undefined if there is none. Asks nobody. */
  readonly find: (number: string) => Service | undefined
  /** Why the sound cannot be changed, told to those who ask for it in the query. */
  readonly refusal?: AppError | undefined
  /** What those get who ask for nothing. Looked at for each request. */
  readonly profile: () => Profile
  /** Where clients find the port, when they cannot tell from their own requests. */
  readonly origin: () => string | undefined
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
  readonly limits?: Partial<SendLimits> | undefined
}

/** A request, taken apart. */
interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly account: Account
  readonly trace: TraceContext
  /** The device's id; undefined for the first one. */
  readonly id: string | undefined
  /** The rest of the path, without a slash in front. */
  readonly name: string
  readonly query: URLSearchParams
}

/** What a path of a stream says. */
interface Wanted {
  /** Undefined for any. */
  readonly tuner: number | undefined
  readonly number: string
}

const streamRoute = '/auto/:channel'

export class DevicePort {
  readonly #options: DevicePortOptions
  readonly #port: StreamPort
  #isClosing = false

  constructor(options: DevicePortOptions) {
    this.#options = options
    this.#port = new StreamPort((request, response) => this.#answer(request, response), { log: options.log })
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
    const { method, url = '/' } = request
    const [path = '/'] = url.split('?', 1)
    const { id, name = '' } = /^(?:\/(?<id>[\da-f]{8}))?\/(?<name>.*)$/i.exec(path)?.groups ?? {}
    const isStream = /^(?:auto|tuner\d+)\//.test(name)
    const route = isStream ? streamRoute : this.#options.pages.names.includes(name) ? `/${name}` : 'other'
    const trace = childOf(parseTraceparent(request.headers.traceparent))
    const account = new Account(method, { ...this.#options, route, trace })
    const asked = {
      request,
      response,
      account,
      trace,
      id,
      name,
      query: new URLSearchParams(url.slice(path.length)),
    }
    try {
      if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
      this.#options.access.admit(plainAddress(request.socket.remoteAddress ?? ''))
      await (isStream ? this.#stream(asked) : this.#page(asked))
    } catch (thrown) {
      const error = toAppError(thrown)
      const isOfChannel = isStream || error.code !== 'NOT_FOUND'
      refuse(response, error, { method, headers: isOfChannel ? faultHeaders(error) : {} })
      if (isStream) account.refused(error, url)
      else this.#refused(error, asked)
    } finally {
      account.close()
    }
  }

  #refused(error: AppError, { request: { url }, account }: Asked): void {
    account.answered(error.status)
    this.#options.log?.[error.expose ? 'debug' : 'error']({ path: url, err: error }, 'request failed')
  }

  async #page({ request, response, account, id, name, query }: Asked): Promise<void> {
    const { host, pages } = this.#options
    const device = host.find(id)
    if (device === undefined) throw new AppError('NOT_FOUND', { what: 'The device' })
    const { type, body } = await pages.answer({
      method: request.method,
      name,
      query,
      device,
      origin: this.#origin(request),
    })
    const length = Buffer.byteLength(body)
    const headers = { 'Content-Type': type, 'Content-Length': length, Connection: 'close' }
    response.writeHead(200, { ...pageHeaders, ...headers })
    response.end(request.method === 'HEAD' ? undefined : body)
    account.answered(200)
  }

  async #stream({ request, response, account, trace, name, query }: Asked): Promise<void> {
    const { feeds, host, limits } = this.#options
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') throw new AppError('METHOD_NOT_ALLOWED', { method })
    const wanted = parseWanted(name)
    const service = this.#service(wanted)
    const streamQuery = this.#query(query)
    if (method === 'HEAD') {
      response.writeHead(200, streamHeaders).end()
      return account.answered(200)
    }
    host.rack.admit(service.key, wanted?.tuner)
    const onSeat = ({ feed }: Seat) => {
      const tuner = host.rack.seat(feed.service.key, wanted?.tuner)
      return tuner === undefined ? {} : { 'X-HDHomeRun-Resource': `tuner${tuner}` }
    }
    await watch(service, streamQuery, response, { feeds, limits, account, trace, onSeat })
  }

  #service(wanted: Wanted | undefined): Service {
    const service = wanted === undefined ? undefined : this.#options.find(wanted.number)
    if (service !== undefined) return service
    this.#options.host.checkReady()
    throw new AppError('NOT_FOUND', { what: 'The channel' })
  }

  // Of the profiles that real devices encode to there is none: the picture always passes unchanged.
  #query(query: URLSearchParams): StreamQuery {
    const transcode = query.get('transcode') ?? 'none'
    if (transcode !== 'none' && transcode !== '') throw new AppError('UNKNOWN_PROFILE', { transcode })
    const { profile, refusal } = this.#options
    const read = parseQuery(query, profile())
    if (read.isTransform && refusal !== undefined) throw refusal
    return read
  }

  // As the client has reached us, unless we are told.
  #origin({ headers, socket }: IncomingMessage): string {
    const { localAddress = '127.0.0.1', localPort = 0 } = socket
    const address = plainAddress(localAddress) ?? '127.0.0.1'
    const own = `${address.includes(':') ? `[${address}]` : address}:${localPort}`
    return this.#options.origin() ?? `http://${plainHost(headers.host) ?? own}`
  }
}

function parseWanted(name: string): Wanted | undefined {
  const match = /^(?:auto|tuner(\d{1,3}))\/v(\d{1,9})$/.exec(name)
  if (match === null) return undefined
  const [, tuner, number = ''] = match
  return { tuner: tuner === undefined ? undefined : Number(tuner), number: String(Number(number)) }
}
