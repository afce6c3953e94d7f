// Requests that are held until something has come. Each wait ends: by what it waits for, by its time, or with its
// client.
import { AppError } from '../base/errors.ts'

export interface HoldOptions {
  /** How long at most. */
  readonly mostMs: number
  /** Given a way to end the wait early, for when the client goes. */
  readonly onGone?: ((end: () => void) => void) | undefined
}

/** Requests that one track holds at once, whoever they are from. */
export const mostHolds = 10_000

export class Holds {
  readonly #held = new Set<() => void>()

  /** Requests that wait now. */
  get size(): number {
    return this.#held.size
  }

  /** Resolves with what is so then: as soon as it is so, or when the time is up or the client gone.
   *  @throws LIMIT_REACHED */
  async until(isSo: () => boolean, { mostMs, onGone }: HoldOptions): Promise<boolean> {
    if (isSo()) return true
    if (this.#held.size >= mostHolds)
      throw new AppError('LIMIT_REACHED', { capacity: mostHolds, what: 'places to wait' })
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#held.delete(look)
        resolve()
      }
      const look = () => {
        if (isSo()) end()
      }
      const timer = setTimeout(end, mostMs)
      this.#held.add(look)
      onGone?.(end)
    })
    return isSo()
  }

  /** Something has come, or nothing more will: all look again. */
  wake(): void {
    for (const look of this.#held) look()
  }
}
