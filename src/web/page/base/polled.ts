// A view that asks the daemon again and again while it is shown, and says what keeps it from an answer.
import { Refusal } from './client.ts'
import { Poll } from './poll.ts'
import type { View } from './view.ts'

export abstract class PolledView implements View {
  abstract readonly root: HTMLElement
  readonly #poll: Poll

  constructor(everyMs: number) {
    this.#poll = new Poll(() => this.attempt(() => this.ask()), everyMs)
  }

  show(): void {
    this.root.classList.add('is-shown')
    this.#poll.start()
  }

  hide(): void {
    this.root.classList.remove('is-shown')
    this.#poll.stop()
  }

  protected abstract ask(): Promise<void>

  /** Shows what went wrong. */
  protected abstract complain(text: string): void

  /** Asks now. */
  protected async askNow(): Promise<void> {
    await this.#poll.now()
  }

  /** Does something that may be refused, and says so. */
  protected async attempt(deed: () => Promise<void>): Promise<void> {
    try {
      await deed()
    } catch (error) {
      this.complain(error instanceof Refusal ? error.message : String(error))
    }
  }
}
