// The configuration in effect: every setting with its value and its meaning; reading it again.
import type { Reloaded, Setting } from '../base/answers.ts'
import { Refusal, type Client } from '../base/client.ts'
import { element, icon, setText } from '../base/element.ts'
import { plain } from '../live/choice.ts'

interface Answer {
  readonly config: Readonly<Record<string, unknown>>
  readonly settings: readonly Setting[]
}

export class SettingsCard {
  readonly root: HTMLElement
  readonly #client: Client
  readonly #rows = element('tbody')
  readonly #search: HTMLInputElement
  readonly #text = element('p', { class: 'quiet', role: 'status' })
  readonly #open: HTMLButtonElement
  readonly #body: HTMLElement

  constructor(client: Client) {
    this.#client = client
    this.#search = element('input', {
      type: 'search',
      class: 'field',
      placeholder: 'Search settings',
      'aria-label': 'Search settings',
      on: { input: () => this.#filter() },
    })
    this.#open = button('Show all settings', 'down', () => void this.#load())
    this.#body = element(
      'div',
      { class: 'settings', hidden: true },
      this.#search,
      element(
        'div',
        { class: 'table-frame' },
        element(
          'table',
          {},
          element(
            'thead',
            {},
            element(
              'tr',
              {},
              ...['Setting', 'Value', 'Meaning'].map((name) => element('th', { scope: 'col' }, name)),
            ),
          ),
          this.#rows,
        ),
      ),
    )
    this.root = element(
      'section',
      { class: 'card is-wide' },
      element('h2', {}, 'Configuration'),
      element(
        'p',
        { class: 'quiet' },
        'Set in the configuration file or the environment of the daemon. Reading it again changes what can change without a restart; streams go on.',
      ),
      element(
        'div',
        { class: 'actions' },
        button('Read it again', 'refresh', () => void this.#reload()),
        this.#open,
      ),
      this.#text,
      this.#body,
    )
  }

  async #load(): Promise<void> {
    try {
      const { config, settings } = await this.#client.get<Answer>('api/v1/config')
      this.#rows.replaceChildren(...settings.map((setting) => row(setting, config[setting.key])))
      this.#open.hidden = true
      this.#body.hidden = false
      this.#filter()
    } catch (error) {
      this.#say(error)
    }
  }

  async #reload(): Promise<void> {
    try {
      setText(this.#text, words(await this.#client.post<Reloaded>('api/v1/config/reload')))
      if (!this.#body.hidden) await this.#load()
    } catch (error) {
      this.#say(error)
    }
  }

  #filter(): void {
    const wanted = plain(this.#search.value.trim())
    for (const each of this.#rows.rows) each.hidden = !plain(each.textContent).includes(wanted)
  }

  #say(error: unknown): void {
    setText(this.#text, error instanceof Refusal ? error.message : String(error))
  }
}

function button(text: string, name: string, click: () => unknown): HTMLButtonElement {
  return element('button', { type: 'button', class: 'button', on: { click } }, icon(name), text)
}

function row({ key, env, meaning, isLive }: Setting, value: unknown): HTMLTableRowElement {
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, element('code', {}, key), element('small', {}, env)),
    element('td', {}, value === undefined ? element('span', { class: 'quiet' }, 'not set') : shown(value)),
    element('td', { class: 'quiet' }, isLive ? meaning : `${meaning}. Needs a restart.`),
  )
}

function shown(value: unknown): HTMLElement {
  const text =
    typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : JSON.stringify(value)
  return element('code', {}, text === '' ? 'none' : text)
}

function words({ applied, restart, warnings }: Reloaded): string {
  const parts = [
    applied.length > 0 && `Changed: ${applied.join(', ')}`,
    restart.length > 0 && `Waiting for a restart: ${restart.join(', ')}`,
    ...warnings,
  ].filter((part) => part !== false)
  return parts.length === 0 ? 'Nothing has changed.' : `${parts.join('. ')}.`
}
