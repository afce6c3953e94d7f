// What is open for the networks as they are now, and is opened anew when they have changed: sockets of an
// interface that is gone cannot be asked to leave what they joined there.
import type { Logger } from '../base/log.ts'
import type { Links } from './links.ts'

export interface Opened {
  /** @param isLast  nothing follows in its place */
  close(isLast: boolean): Promise<void>
}

export class Renewal {
  readonly #open: () => Promise<Opened>
  readonly #log: Logger
  #current: Opened | undefined
  #work = Promise.resolve() // one step after the other
  #isClosed = false

  constructor(links: Links, open: () => Promise<Opened>, log: Logger) {
    this.#open = open
    this.#log = log
    links.onChange(() => void this.renew())
  }

  /** Opens, or closes and opens again. Resolves when that is done. */
  renew(): Promise<void> {
    return this.#then(async () => {
      if (this.#isClosed) return
      await this.#end(false)
      this.#current = await this.#open()
    })
  }

  /** Closes for good. May be called again. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#then(() => this.#end(true))
  }

  async #end(isLast: boolean): Promise<void> {
    const ending = this.#current
    this.#current = undefined
    await ending?.close(isLast)
  }

  #then(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(step).catch((err: unknown) => this.#log.error({ err }, 'discovery failed'))
    return this.#work
  }
}
