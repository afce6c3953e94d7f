// What is being streamed now: to whom, how fast, from which tuners. Asked for while somebody looks.
import type { Receiver, Stream } from '../base/answers.ts'
import type { Client } from '../base/client.ts'
import { confirmed } from '../base/dialog.ts'
import { element, setText } from '../base/element.ts'
import { PolledView } from '../base/polled.ts'
import { rate } from '../base/words.ts'
import type { Lineups } from '../live/lineup.ts'
import { Card } from './card.ts'
import { Chart } from './chart.ts'
import { Flow } from './flow.ts'

const everyMs = 2000
const chartPixels = 180

export class Activity extends PolledView {
  readonly root: HTMLElement
  readonly #client: Client
  readonly #lineups: Lineups
  readonly #cards = new Map<string, Card>()
  readonly #total = new Flow()
  readonly #chart = new Chart('Bit rate of all streams, the last five minutes', chartPixels, true)
  readonly #list = element('ul', { class: 'cards' })
  readonly #state = element('p', { class: 'empty', role: 'status' })
  readonly #viewers = tile('Viewers')
  readonly #channels = tile('Channels')
  readonly #rate = tile('Sent')
  readonly #tuners = tile('Tuners in use')

  constructor(client: Client, lineups: Lineups) {
    super(everyMs)
    this.#client = client
    this.#lineups = lineups
    this.root = element(
      'section',
      { class: 'view page-view', 'aria-label': 'Activity' },
      element('h1', {}, 'Activity'),
      element(
        'div',
        { class: 'tiles' },
        ...[this.#viewers, this.#channels, this.#rate, this.#tuners].map(({ root }) => root),
      ),
      element(
        'div',
        { class: 'card chart-card' },
        element('h2', {}, 'Sent to all viewers'),
        this.#chart.root,
      ),
      element('h2', {}, 'Streams'),
      this.#list,
      this.#state,
    )
    setText(this.#state, 'Looking …')
    lineups.lineup.watch(() => this.#forget())
  }

  protected async ask(): Promise<void> {
    const [{ streams }, { receivers }] = await Promise.all([
      this.#client.get<{ streams: Stream[] }>('api/v1/streams'),
      this.#client.get<{ receivers: Receiver[] }>('api/v1/receivers'),
    ])
    this.#show(streams)
    this.#tuners.say(tunersOf(receivers))
  }

  protected complain(text: string): void {
    setText(this.#state, text)
  }

  #show(streams: readonly Stream[]): void {
    const at = Date.now() / 1000
    for (const [id, card] of this.#cards) {
      if (streams.some((stream) => stream.id === id)) continue
      card.root.remove()
      this.#cards.delete(id)
    }
    for (const stream of streams) this.#card(stream).show(stream, at)
    this.#showRate(at)
    this.#viewers.say(String(streams.length))
    this.#channels.say(String(new Set(streams.map(({ channel }) => channel)).size))
    setText(
      this.#state,
      streams.length === 0 ? 'Nobody is watching now. Streams appear here as they begin.' : '',
    )
  }

  // Of streams that have been looked at twice; a sum without one of them would look like a drop.
  #showRate(at: number): void {
    const rates = [...this.#cards.values()].map((card) => card.rate)
    const known = rates.filter((each) => each !== undefined)
    if (known.length < rates.length) return
    const sum = known.reduce((all, each) => all + each, 0)
    this.#total.add(at, sum)
    this.#chart.draw(this.#total.curve)
    this.#rate.say(rate(sum))
  }

  // Their logos may be others, or known now.
  #forget(): void {
    this.#cards.clear()
    this.#list.replaceChildren()
  }

  #card(stream: Stream): Card {
    const known = this.#cards.get(stream.id)
    if (known !== undefined) return known
    const channel = this.#lineups.lineup.value?.channels.find(({ name }) => name === stream.channel)
    const card = new Card(stream, channel, () => void this.#end(stream))
    this.#cards.set(stream.id, card)
    this.#list.append(card.root)
    return card
  }

  async #end({ id, channel, client }: Stream): Promise<void> {
    const text = `${channel} to ${client} stops at once.`
    if (!(await confirmed('End this stream?', text, 'End it'))) return
    await this.attempt(() => this.#client.delete(`api/v1/streams/${encodeURIComponent(id)}`))
    await this.askNow()
  }
}

function tile(name: string): { root: HTMLElement; say: (text: string) => void } {
  const value = element('span', { class: 'tile-value' }, '–')
  const root = element('div', { class: 'card tile' }, element('span', { class: 'quiet' }, name), value)
  return { root, say: (text) => setText(value, text) }
}

function tunersOf(receivers: readonly Receiver[]): string {
  const uses = receivers.map(({ tunerUse }) => tunerUse).filter((use) => use !== undefined)
  const used = uses.reduce((all, use) => all + use.used.length + use.byReceiver, 0)
  const totals = uses.map(({ total }) => total)
  if (uses.length === 0) return '–'
  if (totals.some((total) => total === undefined)) return String(used)
  return `${used} of ${totals.reduce<number>((all, total) => all + (total ?? 0), 0)}`
}
