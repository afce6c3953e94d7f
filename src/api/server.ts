// A port with an application on it: limits on connections, headers and time, and an end that drains.
import { createServer, STATUS_CODES, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type Koa from 'koa'
import { AppError } from '../base/errors.ts'
import type { Listen } from '../base/units.ts'

const longestHeaderBytes = 16 * 1024
const mostHeaders = 100
const mostConnections = 512

export class ApiServer {
  readonly #server: Server

  constructor(application: Koa) {
    const answer = application.callback()
    this.#server = createServer(
      {
        maxHeaderSize: longestHeaderBytes,
        headersTimeout: 5000,
        requestTimeout: 15_000,
        connectionsCheckingInterval: 2000,
        keepAliveTimeout: 5000,
      },
      (request, response) => void answer(request, response),
    )
    this.#server.maxHeadersCount = mostHeaders
    this.#server.maxConnections = mostConnections
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => refuse(error, socket))
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

// What came is no request that an application could answer.
function refuse({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const error =
    code === 'HPE_HEADER_OVERFLOW' ? new AppError('HEADERS_TOO_LARGE') : new AppError('BAD_REQUEST')
  const body = JSON.stringify(error)
  socket.end(
    [
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
