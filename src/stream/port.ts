// A port on which streams are served: limits on what comes before an answer.
// Main thread. Node's own server, since Koa would be in the way of every write.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Logger } from '../base/log.ts'
import type { Listen } from '../base/units.ts'
import type { Feeds } from './feeds.ts'
import { refuseSocket } from './refusal.ts'

export interface PortOptions {
  readonly log?: Logger | undefined
  /** For a whole request; 0 where bodies are streams. Default 10000. */
  readonly requestMs?: number
  /** May a connection bring one request after the other? Else one alone: a second one in the pipeline would open a
   *  tuner behind the first stream. */
  readonly isReusable?: boolean
}

const longestHeaderBytes = 8 * 1024
const mostConnections = 1024

export class StreamPort {
  readonly #server: Server
  readonly #log: Logger | undefined
  #isClosing = false

  /** @param answer  of each request; a client that waits for 100 Continue gets it from there */
  constructor(
    answer: (request: IncomingMessage, response: ServerResponse) => unknown,
    { log, requestMs = 10_000, isReusable = false }: PortOptions = {},
  ) {
    this.#log = log
    // Once the port closes, a connection that is kept gets no further request than this one.
    const serve = (request: IncomingMessage, response: ServerResponse) => {
      if (this.#isClosing) response.setHeader('Connection', 'close')
      answer(request, response)
    }
    this.#server = createServer(
      {
        maxHeaderSize: longestHeaderBytes,
        headersTimeout: 5000,
        requestTimeout: requestMs,
        connectionsCheckingInterval: 2000,
        keepAlive: true, // TCP's: tells of a client whose machine is gone
        keepAliveInitialDelay: 10_000,
      },
      serve,
    )
    this.#server.on('checkContinue', serve)
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
      refuseSocket(error, socket),
    )
    this.#server.maxRequestsPerSocket = isReusable ? 0 : 1
    this.#server.maxConnections = mostConnections
  }

  /** Resolves with where it listens. */
  listen({ host, port }: Listen): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (err) => this.#log?.error({ err }, 'port of streams failed'))
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /** Takes no more connections. Resolves when the last one is gone. */
  close(): Promise<void> {
    this.#isClosing = true
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  /** Takes no more requests, leaves the receivers, lets out what has come from them so far, and after
   *  `drainMs` drops the clients that have not taken it. */
  async drain(feeds: Pick<Feeds, 'close' | 'abort'>, drainMs = 5000): Promise<void> {
    const closed = this.close()
    const timer = setTimeout(() => {
      this.abort()
      feeds.abort()
    }, drainMs)
    await Promise.all([closed, feeds.close()])
    clearTimeout(timer)
  }

  /** Ends the connections that are left. */
  abort(): void {
    this.#server.closeAllConnections()
  }
}
