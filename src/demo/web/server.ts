// The web side: an HTTP server that answers like OpenWebIF, one request at a time and not too fast, since a
// real box has one thread for it. Pages are looked up by name; `/api/` gives JSON, `/web/` XML.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Logger } from '../../base/log.ts'
import type { Ledger } from '../ledger.ts'
import { listen, shut } from '../listener.ts'

export interface Answer {
  readonly status?: number
  readonly type: string
  readonly body: Buffer
  readonly headers?: Record<string, string>
  /** To be done when the answer has left. */
  readonly after?: () => void
}

/** A page that was asked for. */
export interface Visit {
  /** `about`, `getservices` ...: dots removed. */
  readonly page: string
  readonly format: 'json' | 'xml'
  readonly query: URLSearchParams
  /** Host of the request, without its port. */
  readonly host: string
}

export type Access = 'granted' | 'unauthorised' | 'forbidden'

export interface WebServerOptions {
  readonly host: string
  readonly port: number
  /** How long the box thinks about an answer. */
  readonly delayMs: number
  readonly log: Logger
  readonly ledger: Ledger
  readonly access: (authorization: string | undefined) => Access
  /** The answer to `/api/x` and `/web/x`; undefined for a page that does not exist. */
  readonly page: (visit: Visit) => Answer | undefined
  /** The answer to any other path. */
  readonly file: (path: string, query: URLSearchParams) => Answer | undefined
  /** The door for whoever steers the demo: `/demo/...`. Not part of the box: no login, no delay. */
  readonly demo: (method: string, path: string, body: string) => Answer | undefined
}

const bodyLimitBytes = 65_536
const notFound: Answer = {
  status: 404,
  type: 'text/html',
  body: Buffer.from('<html><body>404 - Page not found</body></html>'),
}
const forbidden: Answer = {
  status: 403,
  type: 'text/html',
  body: Buffer.from('<html><body>403.6 IP address rejected</body></html>'),
}
const unauthorised: Answer = {
  status: 401,
  type: 'text/html',
  headers: { 'WWW-Authenticate': 'Basic realm="OpenWebif"' },
  body: Buffer.from('<html><body>401 Authentication required</body></html>'),
}

export class WebServer {
  private readonly options: WebServerOptions
  private server: Server | undefined
  private port: number
  /** Ends when the last request that was begun is answered. */
  private queue: Promise<unknown> = Promise.resolve()

  constructor(options: WebServerOptions) {
    this.options = options
    this.port = options.port
  }

  /** @returns the port */
  async open(): Promise<number> {
    const server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => {
        this.options.log.error({ err: error }, 'demo page failed')
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    })
    this.port = await listen(server, this.port, this.options.host)
    this.server = server
    return this.port
  }

  /** Drops every connection; `open` takes the same port again. Idempotent. */
  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server === undefined) return
    await shut(server, () => server.closeAllConnections())
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://box')
    const body = await readBody(request)
    if (url.pathname.startsWith('/demo/')) {
      this.send(request, response, this.options.demo(request.method ?? 'GET', url.pathname, body) ?? notFound)
      return
    }
    const visit = visitOf(request, url, body)
    const done = this.options.ledger.web(visit?.page ?? url.pathname)
    response.once('close', done)
    await this.turn()
    this.send(request, response, this.answer(request, url, visit))
  }

  private answer(request: IncomingMessage, url: URL, visit: Visit | undefined): Answer {
    const access = this.options.access(request.headers.authorization)
    if (access !== 'granted') this.options.ledger.unauthorised()
    if (access === 'forbidden') return forbidden
    if (access === 'unauthorised') return unauthorised
    const answer =
      visit === undefined ? this.options.file(url.pathname, url.searchParams) : this.options.page(visit)
    return answer ?? notFound
  }

  /** Waits for its place in the queue, and then for as long as the box needs. */
  private async turn(): Promise<void> {
    const before = this.queue
    const answered = before.then(() => delay(this.options.delayMs))
    this.queue = answered
    await answered
  }

  private send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const acceptsGzip = /\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '')
    const isZipped = acceptsGzip && answer.type.startsWith('application/json')
    const body = isZipped ? gzipSync(answer.body) : answer.body
    const encoding = isZipped ? { 'Content-Encoding': 'gzip' } : {}
    const headers = {
      Server: 'TwistedWeb/22.10.0',
      'Content-Type': answer.type,
      ...encoding,
      ...answer.headers,
    }
    if (answer.after !== undefined) response.once('finish', answer.after)
    response.writeHead(answer.status ?? 200, { ...headers, 'Content-Length': body.length })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

function visitOf(request: IncomingMessage, url: URL, body: string): Visit | undefined {
  const found = /^\/(api|web)\/([^/]*)\/?$/.exec(url.pathname)
  if (found === null) return undefined
  const query = new URLSearchParams(url.search)
  if (request.method === 'POST')
    for (const [key, value] of new URLSearchParams(body)) query.append(key, value)
  const host = (request.headers.host ?? 'localhost').replace(/:\d+$/, '')
  return {
    page: (found[2] ?? '').replaceAll('.', ''),
    format: found[1] === 'api' ? 'json' : 'xml',
    query,
    host,
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > bodyLimitBytes) return ''
  }
  return body
}
