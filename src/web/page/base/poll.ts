// Asks again and again while somebody looks: not in other views, not in a tab behind others, never twice at once.

export class Poll {
  readonly #ask: () => Promise<void>
  readonly #everyMs: number
  #timer: number | undefined
  #isWanted = false
  #isAsking = false

  /** @param ask  handles its own failures */
  constructor(ask: () => Promise<void>, everyMs: number) {
    this.#ask = ask
    this.#everyMs = everyMs
    document.addEventListener('visibilitychange', () => this.#follow())
  }

  start(): void {
    this.#isWanted = true
    this.#follow()
  }

  stop(): void {
    this.#isWanted = false
    this.#follow()
  }

  /** Asks now. */
  async now(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      await this.#ask()
    } finally {
      this.#isAsking = false
    }
  }

  #follow(): void {
    clearInterval(this.#timer)
    if (!this.#isWanted || document.hidden) return
    void this.now()
    this.#timer = window.setInterval(() => void this.now(), this.#everyMs)
  }
}
