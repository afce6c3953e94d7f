// A stream server in this process that can be unplugged: what it sent on each connection is known.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { pace } from './pace.ts'
import { Recording } from './stream.ts'

const head = 'HTTP/1.0 200 OK\r\nContent-Type: video/mpeg\r\nConnection: close\r\n\r\n'

/** What went over one connection. */
export interface Connection {
  /** When its first byte was sent, ms. */
  readonly startedAt: number
  /** Where in the bytes it began. */
  readonly from: number
  readonly sent: Recording
}

export class Source implements AsyncDisposable {
  readonly connections: Connection[] = []
  readonly #bytes: Uint8Array
  readonly #bytesPerMs: number
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0
  #from = 0
  #next = Promise.withResolvers<Connection>()

  constructor(bytes: Uint8Array, bytesPerMs: number) {
    this.#bytes = bytes
    this.#bytesPerMs = bytesPerMs
  }

  get port(): number {
    return this.#port
  }

  /** Takes connections, always at the same port. @param from  where the next one begins
   *  @returns resolves with the next connection, when it begins */
  async plugIn(from: number): Promise<{ begun: Promise<Connection> }> {
    this.#from = from
    this.#next = Promise.withResolvers<Connection>()
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    this.#server = server
    return { begun: this.#next.promise }
  }

  /** Drops what it has and refuses connections. */
  async unplug(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unplug()
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    const gone = new AbortController()
    socket.on('error', () => undefined)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      gone.abort()
    })
    // The request; whatever it asks for.
    socket.once('data', () => {
      socket.write(head)
      const sent = new Recording()
      const connection = { startedAt: performance.now(), from: this.#from, sent }
      this.connections.push(connection)
      this.#next.resolve(connection)
      const how = { bytes: this.#bytes, from: this.#from, bytesPerMs: this.#bytesPerMs, signal: gone.signal }
      void pace(how, (group) => {
        sent.add(group)
        socket.write(group)
      })
    })
  }
}
