// One refresh from its first question to the receiver to the new XMLTV document: bouquets, then what is on
// now where nothing is known, then channel after channel. Trouble ends it; what came until then stays.
import { setImmediate as turn } from 'node:timers/promises'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { OpenWebIf } from '../receiver/client.ts'
import type { EventRow } from '../receiver/event.ts'
import { parseReference } from '../receiver/reference.ts'
import { channelId } from './channel.ts'
import type { RefreshKind, RefreshProgress, RefreshResult, RefreshStage } from './guide.ts'
import {
  buildLineup,
  chooseBouquets,
  type Bouquet,
  type FilledBouquet,
  type LineupChannel,
} from './lineup.ts'
import { arrange, type StoredProgramme } from './programme.ts'
import type { Store } from './store.ts'

export interface RefreshOptions {
  readonly client: OpenWebIf
  readonly store: Store
  /** Names or references; all bouquets where there are none. */
  readonly bouquets: readonly string[]
  /** How far into the future programmes are kept. */
  readonly days: number
  /** How long programmes stay after they have ended. */
  readonly pastHours: number
  readonly log?: Logger | undefined
}

/** What a refresh tells while it runs. */
export interface RefreshWatcher {
  progress(progress: RefreshProgress): void
  lineup(channels: readonly LineupChannel[], found: Listing): void
  /** Programmes are others than before. */
  updated(): void
  /** Makes a new document if it is time for one. */
  build(isLast: boolean): Promise<void>
}

export interface Listing {
  readonly bouquets: readonly Bouquet[]
  readonly missing: readonly string[]
  readonly available: readonly string[]
}

export interface RefreshOrder {
  readonly kind: RefreshKind
  /** Channels that were fetched later than this, unix seconds, are left out. */
  readonly staleBefore: number
}

const mostFailuresInRow = 5
const daySec = 86_400
const perTurn = 50 // programmes that are stored at once: some milliseconds

export class Refresh {
  readonly #options: RefreshOptions
  readonly #watcher: RefreshWatcher
  readonly #signal: AbortSignal
  #stage: RefreshStage = 'channels'
  #fetched = 0
  #failed = 0

  constructor(options: RefreshOptions, watcher: RefreshWatcher, signal: AbortSignal) {
    this.#options = options
    this.#watcher = watcher
    this.#signal = signal
  }

  get stage(): RefreshStage {
    return this.#stage
  }

  /** Never rejects: what ended it early is in the result. */
  async run({ kind, staleBefore }: RefreshOrder): Promise<RefreshResult> {
    const startedAt = performance.now()
    const { store, log } = this.#options
    let error: AppError | undefined
    try {
      if (kind !== 'guide' || store.lineup().length === 0) await this.#channels()
      if (kind !== 'channels') await this.#guide(staleBefore)
      this.#enter('xmltv', 0, 1)
      await this.#expire()
      await this.#watcher.build(true)
    } catch (thrown) {
      error = toAppError(thrown)
      if (!this.#signal.aborted) log?.warn({ stage: this.#stage, err: error }, 'refresh ended early')
    }
    const durationMs = Math.round(performance.now() - startedAt)
    const counts = { channels: store.lineup().length, fetched: this.#fetched, failed: this.#failed }
    const result = { isComplete: error === undefined, ...counts, durationMs, error: error?.code }
    if (!this.#signal.aborted) log?.info({ kind, ...result }, 'refresh ended')
    return result
  }

  async #channels(): Promise<void> {
    this.#enter('channels', 0, 1)
    const { client, store, bouquets: wanted } = this.#options
    const available = await this.#bouquets()
    const { chosen, missing } = chooseBouquets(available, wanted)
    const listing = { bouquets: chosen, missing, available: available.map(({ name }) => name) }
    const filled: FilledBouquet[] = []
    for (const bouquet of chosen) {
      filled.push({ ...bouquet, rows: await client.services(bouquet.ref, this.#signal) })
      this.#enter('channels', filled.length, chosen.length)
    }
    const channels = buildLineup(filled, store.numbers())
    // A box that is still starting knows its bouquets, but not yet what is in them.
    if (channels.length === 0 && store.lineup().length > 0)
      throw new AppError('RECEIVER_BROKEN', { reason: 'it lists no channels any more' })
    store.setLineup(channels)
    store.setState('bouquets', chosen)
    this.#watcher.lineup(channels, listing)
  }

  async #bouquets(): Promise<Bouquet[]> {
    const { client } = this.#options
    const tv = await client.bouquets('tv', this.#signal)
    const radio = await client.bouquets('radio', this.#signal)
    const found = new Map<string, Bouquet>()
    for (const row of tv) found.set(row.ref, { ...row, isRadio: false })
    // Boxes that do not know the parameter list the same ones again.
    for (const row of radio) if (!found.has(row.ref)) found.set(row.ref, { ...row, isRadio: true })
    return [...found.values()]
  }

  async #guide(staleBefore: number): Promise<void> {
    const { store } = this.#options
    await this.#now()
    const ages = store.ages()
    const age = ({ id }: LineupChannel): number => ages.get(id) ?? 0
    const due = store
      .lineup()
      .filter((channel) => hasGuide(channel) && age(channel) < staleBefore)
      .sort((a, b) => age(a) - age(b))
    let failuresInRow = 0
    for (const [index, channel] of due.entries()) {
      this.#enter('guide', index, due.length)
      try {
        await this.#channel(channel)
        failuresInRow = 0
      } catch (thrown) {
        const error = toAppError(thrown)
        this.#failed++
        if (error.code !== 'RECEIVER_BROKEN' || ++failuresInRow >= mostFailuresInRow) throw error
      }
      await this.#watcher.build(false)
    }
    this.#enter('guide', due.length, due.length)
  }

  // One question per bouquet fills what a new viewer looks at first; asked only where nothing is known.
  async #now(): Promise<void> {
    const { client, store } = this.#options
    const lineup = store.lineup()
    const ages = store.ages()
    const isUnknown = (channel: LineupChannel): boolean => hasGuide(channel) && ages.get(channel.id) === 0
    const bouquets = ((store.state('bouquets') as Bouquet[] | undefined) ?? []).filter(({ name }) =>
      lineup.some((channel) => channel.groups.includes(name) && isUnknown(channel)),
    )
    for (const [index, { ref }] of bouquets.entries()) {
      this.#enter('now', index, bouquets.length)
      for (const [id, events] of byChannel(await this.#nowNext(client, ref))) {
        if (ages.get(id) === 0) await this.#store(id, arrange(events))
      }
    }
  }

  async #nowNext(client: OpenWebIf, ref: string): Promise<EventRow[]> {
    try {
      return await client.nowNext(ref, this.#signal)
    } catch (thrown) {
      const { code } = toAppError(thrown)
      if (code === 'RECEIVER_BROKEN' || code === 'RECEIVER_REFUSED') return [] // an image without that page
      throw thrown
    }
  }

  async #channel({ id, ref }: LineupChannel): Promise<void> {
    const { client, store, days } = this.#options
    const now = unixNow()
    const events = await client.events(ref, now, this.#signal)
    const until = now + days * daySec
    const programmes = arrange(events.filter(({ start }) => start < until))
    await this.#store(id, programmes)
    store.setAge(id, now)
    this.#fetched++
  }

  // Some at a time: streams share this thread.
  async #store(id: string, programmes: readonly StoredProgramme[]): Promise<void> {
    for (let index = 0; index < programmes.length; index += perTurn) {
      const until = programmes[index + perTurn]?.start
      const piece = programmes.slice(index, index + perTurn)
      if (this.#options.store.update(id, piece, until)) this.#watcher.updated()
      await turn()
      this.#signal.throwIfAborted()
    }
  }

  async #expire(): Promise<void> {
    const { store, pastHours } = this.#options
    while (store.expire(unixNow() - pastHours * 3600)) {
      await turn() // streams first
      this.#signal.throwIfAborted()
    }
  }

  #enter(stage: RefreshStage, done: number, total: number): void {
    this.#stage = stage
    this.#watcher.progress({ stage, done, total })
  }
}

// An IPTV entry without a service id has no guide on the box.
function hasGuide({ url, ref }: LineupChannel): boolean {
  return url === undefined || ref.split(':', 4)[3] !== '0'
}

function byChannel(events: readonly EventRow[]): Map<string, EventRow[]> {
  const found = new Map<string, EventRow[]>()
  for (const event of events) {
    const id = idOf(event.ref)
    if (id === undefined) continue
    const list = found.get(id)
    if (list === undefined) found.set(id, [event])
    else list.push(event)
  }
  return found
}

function idOf(ref: string): string | undefined {
  try {
    return channelId(parseReference(ref))
  } catch {
    return undefined
  }
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
