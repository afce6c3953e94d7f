// What the guide has for the words that were typed: programmes to come, below the channels.
import type { Programme } from '../base/answers.ts'
import type { Client } from '../base/client.ts'
import { element } from '../base/element.ts'
import { clock, day } from '../base/words.ts'
import { showDetails } from '../guide/details.ts'
import type { Lineups } from './lineup.ts'

const pauseMs = 250 // after the last key
const shortestWord = 2
const mostFound = 30

export class Found {
  readonly root = element('section', { class: 'found', 'aria-label': 'Found in the guide', hidden: true })
  readonly #client: Client
  readonly #lineups: Lineups
  #timer: number | undefined
  #search = new AbortController()

  constructor(client: Client, lineups: Lineups) {
    this.#client = client
    this.#lineups = lineups
  }

  /** Looks for them, a moment later. */
  look(text: string): void {
    clearTimeout(this.#timer)
    this.#search.abort()
    if (text.length < shortestWord) this.#show([])
    else this.#timer = window.setTimeout(() => void this.#ask(text), pauseMs)
  }

  async #ask(text: string): Promise<void> {
    this.#search = new AbortController()
    const query = new URLSearchParams({ q: text, limit: String(mostFound) })
    try {
      const path = `api/v1/epg/search?${query.toString()}`
      const { programmes } = await this.#client.get<{ programmes: Programme[] }>(path, this.#search.signal)
      this.#show(programmes)
    } catch {
      this.#show([]) // the channels have been searched all the same
    }
  }

  #show(programmes: readonly Programme[]): void {
    this.root.hidden = programmes.length === 0
    this.root.replaceChildren(
      element('h2', {}, 'In the guide'),
      element('ul', {}, ...programmes.map((programme) => element('li', {}, this.#button(programme)))),
    )
  }

  #button(programme: Programme): HTMLElement {
    const channel = this.#lineups.channel(programme.channelId)
    const when = `${day(programme.start)}, ${clock(programme.start)}`
    return element(
      'button',
      { type: 'button', on: { click: () => showDetails(programme, channel) } },
      element('span', {}, programme.title),
      element('small', {}, `${when} · ${channel?.name ?? ''}`),
    )
  }
}
