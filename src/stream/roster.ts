// Who is being sent what now, for those who ask. Main thread.
import { plainAddress } from '../base/network.ts'
import type { Feed } from './feed.ts'

/** One stream that a client is being sent. */
export interface RunningStream {
  readonly id: string
  readonly channel: string
  /** IP address. */
  readonly client: string
  readonly startedAt: Date
  readonly engine: string
  /** What its sound becomes. */
  readonly audio: string
  readonly bytesIn: number
  /** Made ready to be sent; what waits in the client's connection included. */
  readonly bytesSent: number
}

interface Entry extends Omit<RunningStream, 'bytesIn' | 'bytesSent'> {
  readonly feed: Feed
}

export class Roster {
  readonly #entries = new Map<string, Entry>()
  #lastId = 0

  /** @returns takes it off again */
  add(
    feed: Feed,
    about: { channel: string; client: string | undefined; engine: string; audio: string },
  ): () => void {
    const id = String(++this.#lastId)
    const client = plainAddress(about.client ?? '') ?? ''
    this.#entries.set(id, { ...about, id, client, startedAt: new Date(), feed })
    return () => void this.#entries.delete(id)
  }

  get size(): number {
    return this.#entries.size
  }

  list(): RunningStream[] {
    return [...this.#entries.values()].map(({ feed, ...entry }) => ({
      ...entry,
      bytesIn: feed.bytesIn,
      bytesSent: feed.output.total,
    }))
  }

  /** Leaves the receiver; the client still gets what has come so far. False if there is none with this id. */
  end(id: string): boolean {
    const entry = this.#entries.get(id)
    entry?.feed.end()
    return entry !== undefined
  }
}
