// Asking the receiver again for channels and guide, and how far that is.
import type { Refresh } from '../base/answers.ts'
import { Refusal, type Client } from '../base/client.ts'
import { element, icon, setText } from '../base/element.ts'
import type { News, Progress } from '../base/news.ts'
import { count } from '../base/words.ts'

const stages: Readonly<Record<NonNullable<Refresh['stage']>, string>> = {
  channels: 'Reading the channels',
  now: 'Reading what is on',
  guide: 'Reading the guide',
  xmltv: 'Writing the XMLTV document',
}

export class RefreshCard {
  readonly root: HTMLElement
  readonly #client: Client
  readonly #bar = element('progress', {
    class: 'progress',
    'aria-label': 'Refresh',
    max: 1,
    value: 0,
    hidden: true,
  })
  readonly #text = element('p', { class: 'quiet', role: 'status' })
  readonly #button: HTMLButtonElement

  constructor(client: Client, news: News) {
    this.#client = client
    this.#button = element(
      'button',
      { type: 'button', class: 'button', on: { click: () => void this.#begin() } },
      icon('refresh'),
      'Refresh channels and guide',
    )
    this.root = element('div', { class: 'refresh' }, this.#button, this.#bar, this.#text)
    news.onProgress((progress) => this.#showProgress(progress))
    news.on('refresh', () => void this.#look())
  }

  show({ isRunning, stage, done, total, last }: Refresh): void {
    this.#button.disabled = isRunning
    this.#bar.hidden = !isRunning
    if (isRunning) this.#showProgress({ stage, done, total })
    else if (last !== undefined) setText(this.#text, outcome(last))
  }

  async #begin(): Promise<void> {
    try {
      this.show(await this.#client.post<Refresh>('api/v1/refresh', { what: 'all' }))
    } catch (error) {
      this.#say(error)
    }
  }

  async #look(): Promise<void> {
    try {
      this.show(await this.#client.get<Refresh>('api/v1/refresh'))
    } catch (error) {
      this.#say(error)
    }
  }

  #showProgress({ stage, done, total }: Progress): void {
    this.#button.disabled = true
    this.#bar.hidden = false
    if (total > 0) this.#bar.value = done / total
    else this.#bar.removeAttribute('value') // how long it takes is not known
    const what = stage === undefined ? 'Starting' : stages[stage]
    setText(this.#text, total > 0 ? `${what}: ${done} of ${total}` : `${what} …`)
  }

  #say(error: unknown): void {
    setText(this.#text, error instanceof Refusal ? error.message : String(error))
  }
}

function outcome({ isComplete, channels, fetched, failed, durationMs, error }: NonNullable<Refresh['last']>) {
  const guide = fetched === 0 ? '' : `, the guide of ${fetched}`
  const read = `${count(channels, 'channel')}${guide}, in ${(durationMs / 1000).toFixed(1)} s`
  if (isComplete && failed === 0) return `Last refresh: ${read}`
  const why = error === undefined ? '' : ` (${error})`
  return `Last refresh: ${read}, ${failed} failed${why}`
}
