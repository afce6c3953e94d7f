// Who plays a session, by address: HLS has no connection that lasts, so a viewer is who asks again and again.

/** Viewers of one session at once, whoever they are. */
const mostViewers = 100_000

export interface Viewer {
  readonly id: string
  /** IP address. */
  readonly client: string
  readonly since: Date
  /** When it asked last, performance.now(). */
  lastAt: number
  bytes: number
}

export class Viewers {
  readonly #prefix: string
  readonly #activeMs: number
  readonly #viewers = new Map<string, Viewer>()
  #joins = 0

  /** @param activeMs  who has not asked for so long is gone */
  constructor(prefix: string, activeMs: number) {
    this.#prefix = prefix
    this.#activeMs = activeMs
  }

  get size(): number {
    return this.#viewers.size
  }

  /** Viewers that have ever come. */
  get joins(): number {
    return this.#joins
  }

  has(client: string): boolean {
    return this.#viewers.has(client)
  }

  /** It has asked for something. */
  seen(client: string, now = performance.now()): Viewer {
    const known = this.#viewers.get(client)
    if (known !== undefined) {
      known.lastAt = now
      return known
    }
    const id = `${this.#prefix}-${++this.#joins}`
    const viewer: Viewer = { id, client, since: new Date(), lastAt: now, bytes: 0 }
    if (this.#viewers.size < mostViewers) this.#viewers.set(client, viewer)
    return viewer
  }

  list(): Viewer[] {
    return [...this.#viewers.values()]
  }

  /** Forgets those who have not asked for a while. */
  prune(now = performance.now()): void {
    for (const [client, { lastAt }] of this.#viewers)
      if (now - lastAt > this.#activeMs) this.#viewers.delete(client)
  }

  remove(id: string): Viewer | undefined {
    const viewer = this.list().find((each) => each.id === id)
    if (viewer !== undefined) this.#viewers.delete(viewer.client)
    return viewer
  }
}
