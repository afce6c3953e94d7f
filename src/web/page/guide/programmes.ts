// Programmes by channel and day, asked for when they are looked at, few at a time, the latest wish first.
import type { Programme } from '../base/answers.ts'
import type { Client } from '../base/client.ts'
import type { Axis } from './axis.ts'

const atOnce = 4
const mostKept = 600 // answers; a day of a channel each

interface Wish {
  readonly path: string
  readonly resolve: (programmes: Programme[]) => void
  readonly reject: (error: unknown) => void
}

export class Programmes {
  readonly #client: Client
  readonly #kept = new Map<string, Promise<Programme[]>>()
  readonly #wishes: Wish[] = []
  #running = 0

  constructor(client: Client) {
    this.#client = client
  }

  /** What the channel sends that day. @throws Refusal; then it may be asked for again */
  of(channelId: string, { from, to }: Pick<Axis, 'from' | 'to'>): Promise<Programme[]> {
    const path = `api/v1/epg/${encodeURIComponent(channelId)}?from=${from}&to=${to}`
    const kept = this.#kept.get(path)
    if (kept !== undefined) return kept
    const { promise, resolve, reject } = Promise.withResolvers<Programme[]>()
    this.#keep(path, promise)
    this.#wishes.push({ path, resolve, reject })
    this.#next()
    return promise
  }

  /** After a refresh everything may be different. */
  forget(): void {
    this.#kept.clear()
  }

  #keep(path: string, promise: Promise<Programme[]>): void {
    this.#kept.set(path, promise)
    promise.catch(() => this.#kept.delete(path))
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest)
  }

  #next(): void {
    if (this.#running >= atOnce) return
    const wish = this.#wishes.pop()
    if (wish === undefined) return
    this.#running++
    this.#client
      .get<{ programmes: Programme[] }>(wish.path)
      .then(({ programmes }) => wish.resolve(programmes), wish.reject)
      .finally(() => {
        this.#running--
        this.#next()
      })
  }
}
