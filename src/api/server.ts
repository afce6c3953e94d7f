// A port with an application on it: limits on connections, headers and time, and an end that drains.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type Koa from 'koa'
import type { Listen } from '../base/units.ts'
import { refuseSocket } from '../stream/refusal.ts'

const longestHeaderBytes = 16 * 1024
const mostHeaders = 100
const mostConnections = 4096 // players of HLS have several each

export class ApiServer {
  readonly #server: Server

  /** @param takes  is asked first whether a request is its own, and then answers it */
  constructor(
    application: Koa,
    takes: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
  ) {
    const answer = application.callback()
    this.#server = createServer(
      {
        maxHeaderSize: longestHeaderBytes,
        headersTimeout: 5000,
        requestTimeout: 15_000,
        connectionsCheckingInterval: 2000,
        keepAliveTimeout: 5000,
      },
      (request, response) => void (takes(request, response) || answer(request, response)),
    )
    this.#server.maxHeadersCount = mostHeaders
    this.#server.maxConnections = mostConnections
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
      refuseSocket(error, socket),
    )
  }

  /** Resolves with where it listens. */
  listen({ host, port }: Listen): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => resolve(this.#server.address() as AddressInfo))
    })
  }

  /** Answers what has been asked, for `drainMs` at most. */
  async close(drainMs = 1000): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const timer = setTimeout(() => this.#server.closeAllConnections(), drainMs)
    await closed
    clearTimeout(timer)
  }
}
