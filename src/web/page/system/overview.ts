// How receiver, tuners, guide and pool are; what can be done about it; settings.
import type { Pool, Receiver, Status } from '../base/answers.ts'
import { withToken, type Client } from '../base/client.ts'
import { element, icon, setText } from '../base/element.ts'
import type { News } from '../base/news.ts'
import { PolledView } from '../base/polled.ts'
import { ago, count, duration } from '../base/words.ts'
import { browserCard } from './browser.ts'
import { Facts } from './facts.ts'
import { RefreshCard } from './refresh.ts'
import { SettingsCard } from './settings.ts'
import { drawTuners } from './tuners.ts'

const everyMs = 5000

const states: Readonly<Record<Receiver['state'], readonly [string, 'good' | 'warn' | 'bad']>> = {
  unknown: ['Not asked yet', 'warn'],
  ok: ['Answers', 'good'],
  unreachable: ['Not reachable', 'bad'],
  slow: ['Slow', 'warn'],
  refused: ['Refuses us: check user and password', 'bad'],
  broken: ['Sends answers that make no sense', 'bad'],
}

export class System extends PolledView {
  readonly root: HTMLElement
  readonly #client: Client
  readonly #receivers = element('div', { class: 'receivers' })
  readonly #known = new Map<string, { facts: Facts; tuners: HTMLElement }>()
  readonly #refresh: RefreshCard
  readonly #guide: Facts
  readonly #pool = new Facts('Remuxer')
  readonly #daemon = new Facts('xg2g')
  readonly #problem = element('p', { class: 'problem', role: 'status', hidden: true })

  constructor(client: Client, news: News) {
    super(everyMs)
    this.#client = client
    this.#refresh = new RefreshCard(client, news)
    this.#guide = new Facts('Guide', this.#refresh.root)
    this.root = element(
      'section',
      { class: 'view page-view', 'aria-label': 'System' },
      element('h1', {}, 'System'),
      this.#problem,
      element(
        'div',
        { class: 'columns' },
        this.#receivers,
        this.#guide.root,
        this.#pool.root,
        this.#daemon.root,
        addressCard(),
        browserCard(),
      ),
      new SettingsCard(client).root,
    )
    news.onStatus((status) => this.#showStatus(status))
  }

  protected async ask(): Promise<void> {
    const [status, { receivers }] = await Promise.all([
      this.#client.get<Status>('api/v1/status'),
      this.#client.get<{ receivers: Receiver[] }>('api/v1/receivers'),
    ])
    this.#showStatus(status)
    for (const receiver of receivers) this.#showReceiver(receiver)
  }

  protected complain(text: string): void {
    this.#problem.hidden = text === ''
    setText(this.#problem, text)
  }

  #showStatus(status: Status): void {
    const { guide, refresh, pool, missing, missingBouquets } = status
    this.complain(missing.length === 0 ? '' : `Not ready: ${missing.join(', ')}`)
    this.#guide.show({
      Channels: `${count(status.channels, 'channel')}, ${guide.channelsWithData} with a guide`,
      Programmes: guide.programmes.toLocaleString(),
      'Channels read': status.lastRun && ago(status.lastRun),
      'Next refresh': guide.nextRefresh && ago(guide.nextRefresh),
      'Bouquets missing': missingBouquets.length === 0 ? undefined : missingBouquets.join(', '),
    })
    this.#refresh.show(refresh)
    this.#pool.root.hidden = pool === undefined
    if (pool !== undefined) this.#showPool(pool)
    this.#daemon.show({
      Version: status.version,
      Running: duration(status.uptimeS),
      Viewers: status.streams.toLocaleString(),
    })
  }

  #showPool({ workers, workersUp, capacity, streams, jobs, refused, restarts }: Pool): void {
    this.#pool.show({
      Threads: workersUp === workers ? `${workers} running` : `${workersUp} of ${workers} running`,
      Places: `${streams} of ${capacity} taken`,
      Jobs: jobs === 0 ? undefined : String(jobs),
      Refused: refused === 0 ? undefined : String(refused),
      Restarts: restarts === 0 ? undefined : String(restarts),
    })
    this.#pool.rate('Threads', workersUp === workers ? 'good' : 'bad')
  }

  #showReceiver(receiver: Receiver): void {
    const { facts, tuners } = this.#receiverCard(receiver.address)
    const [words, mood] = states[receiver.state]
    const { lastError, lastAnswerAt, model, image, webif, tunerUse } = receiver
    facts.show({
      State: words,
      Address: receiver.address,
      Model: model,
      Image: image === undefined ? undefined : `${image}, OpenWebIF ${webif ?? ''}`.trim(),
      'Last answer': lastAnswerAt && ago(lastAnswerAt),
      'Last error': receiver.state === 'ok' || lastError === undefined ? undefined : lastError.message,
    })
    facts.rate('State', mood)
    tuners.replaceChildren(...(tunerUse === undefined ? [] : [drawTuners(tunerUse)]))
  }

  #receiverCard(address: string): { facts: Facts; tuners: HTMLElement } {
    const known = this.#known.get(address)
    if (known !== undefined) return known
    const tuners = element('div')
    const made = {
      facts: new Facts(this.#known.size === 0 ? 'Receiver' : 'Further receiver', tuners),
      tuners,
    }
    this.#known.set(address, made)
    this.#receivers.append(made.facts.root)
    return made
  }
}

// What other programs are given.
function addressCard(): HTMLElement {
  const link = (name: string, path: string, what: string) =>
    element(
      'li',
      {},
      element('a', { href: withToken(new URL(path, document.baseURI).href) }, icon('outside'), name),
      element('span', { class: 'quiet' }, what),
    )
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'For other programs'),
    element(
      'ul',
      { class: 'links' },
      link('Playlist', 'playlist.m3u', 'Kodi, VLC, Jellyfin, TiviMate'),
      link('Guide', 'xmltv.xml', 'XMLTV, with the same channel ids'),
      link('API', 'api/v1/openapi.json', 'OpenAPI document'),
      link('Metrics', 'metrics', 'Prometheus'),
    ),
  )
}
