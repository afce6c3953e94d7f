// One client's stream: what it watches, by which way, how fast, and what went wrong.
import type { Channel, Stream } from '../base/answers.ts'
import { element, iconButton, setText } from '../base/element.ts'
import { count, duration, rate, size } from '../base/words.ts'
import { logo } from '../live/logo.ts'
import { Chart } from './chart.ts'
import { Flow } from './flow.ts'

const chartPixels = 40

export class Card {
  readonly root: HTMLElement
  readonly #flow = new Flow()
  readonly #rate = element('span', { class: 'card-rate' })
  readonly #about = element('p', { class: 'card-about quiet' })
  readonly #faults = element('ul', { class: 'marks' })
  readonly #chart: Chart

  constructor(stream: Stream, channel: Channel | undefined, end: () => void) {
    this.#chart = new Chart(`Bit rate of ${stream.channel} to ${stream.client}`, chartPixels, false)
    this.root = element(
      'li',
      { class: 'card stream-card' },
      logo(channel ?? { id: '', name: stream.channel, picon: undefined }),
      element('div', { class: 'card-text' }, element('h3', {}, stream.channel), this.#about),
      this.#faults,
      this.#chart.root,
      this.#rate,
      iconButton('close', `End ${stream.channel} to ${stream.client}`, end),
    )
  }

  /** bit/s; undefined until it is known. */
  get rate(): number | undefined {
    return this.#flow.rate
  }

  /** @param at  unix seconds */
  show(stream: Stream, at: number): void {
    this.#flow.count(at, stream.bytesSent)
    this.#chart.draw(this.#flow.curve)
    setText(this.#rate, this.#flow.rate === undefined ? '' : rate(this.#flow.rate))
    const { client, startedAt, clients, bytesSent } = stream
    const since = duration(at - Date.parse(startedAt) / 1000)
    const shared = clients > 1 ? ` · shared by ${clients}` : ''
    setText(this.#about, `${client} · for ${since} · ${size(bytesSent)}${shared}`)
    const marks = [stream.engine, stream.audio, ...faultsOf(stream)]
    if (marks.join() === [...this.#faults.children].map(({ textContent }) => textContent).join()) return
    this.#faults.replaceChildren(
      ...marks.map((mark, at) => element('li', { class: at < 2 ? 'badge' : 'badge is-bad' }, mark)),
    )
  }
}

function faultsOf({ errors, reconnects, skips, lag }: Stream): string[] {
  return [
    errors > 0 && count(errors, 'fault'),
    reconnects > 0 && count(reconnects, 'reconnect'),
    skips > 0 && count(skips, 'skip'),
    lag > 4_000_000 && `${size(lag)} behind`,
  ].filter((mark) => mark !== false)
}
