// Packets that are told apart by a number, and a stream server whose answers are given, for the tests here.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect, vi } from 'vitest'

export const packetBytes = 188

/** `count` packets from number `first` on, each byte following from the number. */
export function packets(count: number, first = 0): Buffer {
  const bytes = Buffer.alloc(count * packetBytes)
  for (let packet = 0; packet < count; packet++) {
    const at = packet * packetBytes
    bytes.fill((first + packet) % 71, at, at + packetBytes) // never the sync byte, 71
    bytes[at] = 0x47
    bytes.writeUInt32BE((first + packet) % 0x01000000, at + 4)
  }
  return bytes
}

export const ok =
  'HTTP/1.0 200 OK\r\nConnection: Close\r\nContent-Type: video/mpeg\r\nServer: streamserver\r\n\r\n'

/** A whole answer: with its length, so that its end is no break. */
export function answerOf(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body])
}

/** A stream server that runs `serve` for each connection once its request has come. */
export class StreamServer {
  readonly requests: string[] = []
  readonly sockets: Socket[] = []
  readonly #server: Server

  private constructor(serve: (socket: Socket, request: string) => void) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket)
      socket.on('error', () => undefined)
      socket.once('data', (request) => {
        this.requests.push(request.toString())
        serve(socket, request.toString())
      })
    })
  }

  static async start(serve: (socket: Socket, request: string) => void): Promise<StreamServer> {
    const server = new StreamServer(serve)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get target() {
    return { host: '127.0.0.1', port: this.port, path: '/1:0:19:132F:3EF:1:C00000:0:0:0:' }
  }

  /** Resolves when nothing more is taken from the first connection, since the other side does not read. */
  async stuck(): Promise<void> {
    let before = -1
    await vi.waitFor(
      () => {
        const now = (this.sockets[0]?.bytesWritten ?? 0) - (this.sockets[0]?.writableLength ?? 0)
        const isStuck = now > 0 && now === before
        before = now
        expect(isStuck).toBe(true)
      },
      { interval: 200, timeout: 10_000 },
    )
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}
