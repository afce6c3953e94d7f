// Cards of facts: a heading and lines of name and value, written again only where they differ.
import { element, setText, type Child } from '../base/element.ts'

export class Facts {
  readonly root: HTMLElement
  readonly #list = element('dl', { class: 'facts' })
  readonly #values = new Map<string, HTMLElement>()

  constructor(title: string, ...further: readonly Child[]) {
    this.root = element('section', { class: 'card' }, element('h2', {}, title), this.#list)
    this.root.append(...further.filter((child) => child instanceof Node))
  }

  /** Names and values; one that is undefined is left out. */
  show(facts: Readonly<Record<string, string | undefined>>): void {
    for (const [name, value] of Object.entries(facts)) {
      if (value === undefined) this.#remove(name)
      else setText(this.#valueOf(name), value)
    }
  }

  /** How the value of a name is to be taken: `good`, `warn` or `bad`. */
  rate(name: string, mood: 'good' | 'warn' | 'bad'): void {
    this.#values.get(name)?.setAttribute('data-mood', mood)
  }

  #valueOf(name: string): HTMLElement {
    const known = this.#values.get(name)
    if (known !== undefined) return known
    const value = element('dd')
    this.#values.set(name, value)
    this.#list.append(element('dt', {}, name), value)
    return value
  }

  #remove(name: string): void {
    const value = this.#values.get(name)
    value?.previousElementSibling?.remove()
    value?.remove()
    this.#values.delete(name)
  }
}
