// A port with an application on it: limits on connections, headers and time, and an end that drains. With a
// certificate it speaks HTTPS: HTTP/2 to those who can, HTTP/1.1 to the others.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { Certificate } from '../base/certificate.ts'
import type { Listen } from '../base/units.ts'
import { refuseSocket } from '../stream/refusal.ts'

const longestHeaderBytes = 16 * 1024
const mostHeaders = 100
const mostConnections = 4096 // players of HLS have several each
const limits = {
  maxHeaderSize: longestHeaderBytes,
  headersTimeout: 5000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 2000,
  keepAliveTimeout: 5000,
}
const handshakeMs = 5000
const mostRequestsAtOnce = 100 // on one connection of HTTP/2
const quietSessionMs = 60_000 // longer than any answer is held back, and than events are silent

/** What answers requests: an application. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

export class ApiServer {
  readonly #server: Server | Http2SecureServer
  readonly #sockets = new Set<Socket>()

  /** @param certificate  of HTTPS; plain HTTP without one */
  constructor(answer: Answer, certificate?: Certificate) {
    this.#server = certificate === undefined ? plainServer(answer) : secureServer(answer, certificate)
    this.#server.maxConnections = mostConnections
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
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

  /** Shows another certificate to those who connect from now on; who is connected stays. */
  renew(certificate: Certificate): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(contextOf(certificate))
  }

  /** Answers what has been asked, for `drainMs` at most. */
  async close(drainMs = 1000): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    const timer = setTimeout(() => this.#abort(), drainMs)
    await closed
    clearTimeout(timer)
  }

  #abort(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function plainServer(answer: Answer): Server {
  const server = createServer(limits, (request, response) => void answer(request, response))
  server.maxHeadersCount = mostHeaders
  return server
}

function secureServer(answer: Answer, certificate: Certificate): Http2SecureServer {
  const options = {
    ...limits, // of HTTP/1.1
    ...contextOf(certificate),
    allowHTTP1: true,
    handshakeTimeout: handshakeMs,
    maxHeaderListPairs: mostHeaders,
    settings: { maxConcurrentStreams: mostRequestsAtOnce, maxHeaderListSize: longestHeaderBytes },
  }
  // Node's compatibility layer: what an answer uses of them is alike.
  const either = answer as (request: unknown, response: unknown) => unknown
  const server = createSecureServer(options, (request, response) => void either(request, response))
  server.on('session', (session) => {
    session.setTimeout(quietSessionMs, () => session.destroy())
  })
  return Object.assign(server, { maxHeadersCount: mostHeaders })
}

function contextOf({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2' }
}
