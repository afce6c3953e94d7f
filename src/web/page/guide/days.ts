// Which day the guide shows, and the ways to another.
import { element, iconButton, setText } from '../base/element.ts'
import { day, midnight, now } from '../base/words.ts'

const noonS = 12 * 3600
const dayS = 86_400

export class Days {
  readonly root: HTMLElement
  /** Called with the day that is wanted. */
  onChange: (at: number) => void = () => undefined
  readonly #label = element('span', { class: 'days-label', 'aria-live': 'polite' })
  readonly #back: HTMLButtonElement
  /** A moment of the day, in its middle, so that changes of the clock do no harm. */
  #at = midnight(now()) + noonS

  constructor() {
    this.#back = iconButton('left', 'The day before', () => this.step(-1))
    this.root = element(
      'div',
      { class: 'days', role: 'group', 'aria-label': 'Day' },
      this.#back,
      this.#label,
      iconButton('right', 'The day after', () => this.step(1)),
    )
    this.#show()
  }

  /** Back to the day that it is. */
  today(): void {
    this.#at = midnight(now()) + noonS
    this.#show()
  }

  /** To the next day or the one before; false where there is none. */
  step(days: 1 | -1): boolean {
    if (days === -1 && this.#back.disabled) return false
    this.#at = midnight(this.#at + days * dayS) + noonS
    this.#show()
    this.onChange(this.#at)
    return true
  }

  #show(): void {
    setText(this.#label, day(this.#at))
    this.#back.disabled = midnight(this.#at) < midnight(now())
  }
}
