// Server-sent events: what changes, told to those who listen. Few listeners, each with a small buffer: one
// that does not read is let go, since it can connect again.
import { PassThrough, type Readable } from 'node:stream'
import { AppError } from '../base/errors.ts'

export interface EventLimits {
  readonly listeners: number
  /** Of them, from one address. */
  readonly fromOne: number
  /** Bytes that may wait for one listener. */
  readonly bufferBytes: number
  readonly heartbeatMs: number
}

const defaults: EventLimits = { listeners: 64, fromOne: 16, bufferBytes: 64 * 1024, heartbeatMs: 15_000 }
const reconnectMs = 5000

export class EventHub {
  readonly #limits: EventLimits
  /** With the address of each. */
  readonly #listeners = new Map<PassThrough, string>()
  readonly #heartbeat: NodeJS.Timeout
  #lastId = 0

  constructor(limits: Partial<EventLimits> = {}) {
    this.#limits = { ...defaults, ...limits }
    this.#heartbeat = setInterval(() => this.#write(': still here\n\n'), this.#limits.heartbeatMs)
    this.#heartbeat.unref()
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** A stream of what happens from now on, beginning with `first`. It ends with the hub.
   *  @throws TOO_MANY_LISTENERS */
  open(first: { event: string; data: unknown }, address = ''): Readable {
    const { listeners: capacity, fromOne } = this.#limits
    const same = [...this.#listeners.values()].filter((other) => other === address).length
    if (same >= fromOne) throw new AppError('TOO_MANY_LISTENERS', { capacity: fromOne })
    if (this.#listeners.size >= capacity) throw new AppError('TOO_MANY_LISTENERS', { capacity })
    const listener = new PassThrough()
    this.#listeners.set(listener, address)
    listener.once('close', () => this.#listeners.delete(listener))
    listener.write(`retry: ${reconnectMs}\n${format(this.#lastId, first.event, first.data)}`)
    return listener
  }

  /** Tells everyone. */
  send(event: string, data: unknown): void {
    if (this.#listeners.size > 0) this.#write(format(++this.#lastId, event, data))
  }

  close(): void {
    clearInterval(this.#heartbeat)
    for (const listener of this.#listeners.keys()) listener.end()
  }

  #write(text: string): void {
    for (const listener of this.#listeners.keys()) {
      if (listener.writableLength + listener.readableLength > this.#limits.bufferBytes) listener.destroy()
      else listener.write(text)
    }
  }
}

// JSON has no raw line break, so one data line is enough.
function format(id: number, event: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
