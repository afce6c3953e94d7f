// The pause between closing a stream of a receiver and opening the next one there.
// Some receivers crash or refuse when a tuner is asked for again at once.

/** Waits between a close and the next open, per receiver. Opens alone need no distance. */
export class Spacing {
  readonly #longestWaitMs: number
  readonly #closedAt = new Map<string, number>() // receiver -> performance.now()

  /** @param longestWaitMs  after this long a stream is opened all the same, however often others close */
  constructor({ longestWaitMs = 5000 }: { longestWaitMs?: number } = {}) {
    this.#longestWaitMs = longestWaitMs
  }

  /** Waits until `gapMs` have passed since the last close. False if `signal` came first. */
  async turn(receiver: string, gapMs: number, signal: AbortSignal): Promise<boolean> {
    const end = performance.now() + this.#longestWaitMs
    for (;;) {
      if (signal.aborted) return false
      const now = performance.now()
      const until = Math.min(end, (this.#closedAt.get(receiver) ?? -Infinity) + gapMs)
      if (now >= until) return true
      await sleep(until - now, signal)
    }
  }

  /** Notes that a connection to the receiver has just closed. */
  closed(receiver: string): void {
    this.#closedAt.set(receiver, performance.now())
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, Math.ceil(ms))
    signal.addEventListener('abort', finish, { once: true })
    function finish() {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
  })
}
