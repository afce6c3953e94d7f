// TCP 65001: tells clients what a device is and what its tuners do, by named variables.
import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '../base/log.ts'
import { plainAddress } from '../base/network.ts'
import { serveConnection } from './connection.ts'
import type { DeviceHost } from './device.ts'
import type { Count } from './gate.ts'
import type { Limiter } from './limiter.ts'

export interface ControlOptions {
  readonly host: DeviceHost
  readonly isAllowed: (address: string) => boolean
  readonly limiter: Limiter
  readonly log: Logger
  readonly count: Count
  /** Default 60 s. */
  readonly idleMs?: number
  /** Default 5 s. */
  readonly frameMs?: number
}

const mostConnections = 64
const mostOfOne = 16 // connections of one address

export class Control {
  readonly #options: ControlOptions
  readonly #server: Server
  readonly #open = new Map<Socket, string>() // with the address at the other end

  constructor(options: ControlOptions) {
    this.#options = options
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#open.size
  }

  /** Takes connections from now on. @returns the port
   *  @throws what the system says, such as EADDRINUSE */
  async listen(port: number, address?: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.#server.once('error', reject).listen(port, address, () => resolve(undefined))
    await promise
    this.#server
      .off('error', reject)
      .on('error', (err) => this.#options.log.warn({ err, port }, 'connection for control lost'))
    const bound = this.#server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : port
  }

  /** Ends all connections and takes no more. May be called again. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#open.keys()) socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const { host, isAllowed, limiter, count, idleMs = 60_000, frameMs = 5000 } = this.#options
    const address = plainAddress(socket.remoteAddress ?? '')
    if (address === undefined || !isAllowed(address) || this.#isFull(address)) {
      count('refused')
      socket.on('error', () => undefined).destroy()
      return
    }
    this.#open.set(socket, address)
    socket.once('close', () => this.#open.delete(socket))
    serveConnection(socket, { host, idleMs, frameMs, count, take: () => limiter.take(address) })
  }

  #isFull(address: string): boolean {
    if (this.#open.size >= mostConnections) return true
    return Array.from(this.#open.values()).filter((other) => other === address).length >= mostOfOne
  }
}
