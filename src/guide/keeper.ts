// The guide at work: lineup and store in one hand, one refresh at a time, everything else answered from
// what is there. The last good state stays when the receiver is away.
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { OpenWebIf } from '../receiver/client.ts'
import { spanOf, type Span } from './filler.ts'
import type {
  Channel,
  ChannelFilter,
  Guide,
  GuideEvents,
  GuideStatus,
  NowNext,
  Picon,
  PlaylistOptions,
  Programme,
  RefreshJob,
  RefreshKind,
  RefreshProgress,
  RefreshResult,
  SearchOptions,
  XmltvDocument,
} from './guide.ts'
import { Lineup, type LineupChannel } from './lineup.ts'
import { Picons } from './picons.ts'
import { formatPlaylist } from './playlist.ts'
import { Refresh, type Listing } from './refresh.ts'
import { Schedule, type ScheduleOptions } from './schedule.ts'
import { Standing } from './standing.ts'
import { Store } from './store.ts'
import { writeInThread } from './writer.ts'
import { Xmltv, type XmltvVersion } from './xmltv.ts'

export interface GuideOptions {
  readonly client: OpenWebIf
  /** The folder of what is kept: `guide.sqlite`, `xmltv/` and `picons/` in it. */
  readonly dataDir: string
  /** Names or references, in order; all bouquets where there are none. */
  readonly bouquets?: readonly string[]
  /** How far into the future programmes are kept. Default 7. */
  readonly days?: number
  /** How long programmes stay after they have ended. Default 24. */
  readonly pastHours?: number
  /** The user's own picons. */
  readonly piconFolder?: string | undefined
  /** `false`: nothing is asked until `refresh` is called. */
  readonly schedule?: ScheduleOptions | false
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
}

const defaultLimit = 100
const defaultDays = 7
const mostFound = 1000
const buildEveryMs = 10 * 60_000 // a new document while a long pass is under way
const countsMs = 2000 // how long a count of all programmes is good enough

/** Opens the guide: what an earlier run left is there at once, then the receiver is asked. */
export function openGuide(options: GuideOptions): Guide {
  return new Keeper(options)
}

interface Running {
  readonly job: RefreshJob
  readonly refresh: Refresh
  progress: RefreshProgress
}

class Keeper extends EventEmitter<GuideEvents> implements Guide {
  readonly #options: GuideOptions
  readonly #store: Store
  readonly #xmltv: Xmltv
  readonly #picons: Picons
  readonly #standing: Standing
  readonly #schedule: Schedule | undefined
  readonly #abort = new AbortController()
  #lineup: Lineup // the receiver's
  #offered: Lineup // with guests
  #guests: readonly Channel[] = []
  #listing: Listing = { bouquets: [], missing: [], available: [] }
  #running: Running | undefined
  #last: RefreshResult | undefined
  #hasNews = false
  #isDirty = false
  #builtAt = Date.now()
  #counts: { readonly at: number; readonly programmes: number; readonly channelsWithData: number } | undefined

  constructor(options: GuideOptions) {
    super()
    this.#options = options
    const { client, dataDir, log, piconFolder: folder } = options
    const database = join(dataDir, 'guide.sqlite')
    this.#store = Store.open(database, log)
    this.#lineup = this.#offered = this.#arrange(this.#store.lineup())
    this.#xmltv = new Xmltv(
      join(dataDir, 'xmltv'),
      (path, channels, signal) => writeInThread({ database, path, channels, span: this.#span() }, signal),
      this.#store.state('xmltv') as XmltvVersion | undefined,
    )
    this.#picons = new Picons({ client, cache: join(dataDir, 'picons'), folder })
    this.#standing = new Standing(client)
    if (options.schedule === false) return
    this.#schedule = new Schedule(options.schedule ?? {}, (kind) => this.#startPlanned(kind))
    this.#plan()
  }

  channels(filter?: ChannelFilter): readonly Channel[] {
    return this.#offered.list(filter)
  }

  channel(idOrNumberOrRef: string): Channel | undefined {
    return this.#offered.find(idOrNumberOrRef)
  }

  groups(): readonly string[] {
    return this.#offered.groups
  }

  programmes(channelId: string, from: number, to: number): Programme[] {
    return this.#store.programmes(channelId, from, to)
  }

  nowNext(at = unixNow()): Map<string, NowNext> {
    return new Map(this.#lineup.channels.map(({ id }) => [id, this.#store.nowNext(id, at)]))
  }

  search(text: string, { limit = defaultLimit, from = unixNow() }: SearchOptions = {}): Programme[] {
    return this.#store.search(text, from, Math.min(Math.max(1, limit), mostFound))
  }

  playlist(options: PlaylistOptions): string {
    return formatPlaylist(this.#offered.list(options.variant), options)
  }

  xmltv(baseUrl?: string): Promise<XmltvDocument | undefined> {
    return this.#xmltv.open(baseUrl)
  }

  picon(channelId: string): Promise<Picon | undefined> {
    const channel = this.#lineup.find(channelId)
    return channel === undefined ? Promise.resolve(undefined) : this.#picons.get(channel)
  }

  invite(guests: readonly Channel[]): void {
    this.#guests = guests
    this.#offer()
    this.emit('lineup', { channels: this.#offered.channels.length })
  }

  refresh(kind: RefreshKind): RefreshJob {
    return this.#start(kind, Infinity)
  }

  status(): GuideStatus {
    const now = unixNow()
    const { programmes, channelsWithData } = this.#count(now)
    const progress = this.#running?.progress
    return {
      receiver: this.#standing.read(),
      lineup: {
        channels: this.#lineup.channels.length,
        loadedAt: dateOf(this.#store.state('channelsAt')),
        missingBouquets: this.#listing.missing,
        availableBouquets: this.#listing.available,
      },
      guide: {
        programmes,
        channelsWithData,
        oldestS: this.#oldest(now),
        nextRefresh: this.#schedule?.nextAt,
      },
      refresh: {
        isRunning: progress !== undefined,
        stage: progress?.stage,
        done: progress?.done ?? 0,
        total: progress?.total ?? 0,
        last: this.#last,
      },
    }
  }

  isReady(): string[] {
    if (this.#lineup.channels.length > 0) return []
    const { lastError } = this.#standing.read()
    return [lastError === undefined ? 'no channels yet' : `no channels yet: ${lastError.message}`]
  }

  async close(): Promise<void> {
    this.#schedule?.close()
    this.#abort.abort()
    await this.#running?.job.done
    this.#store.close()
  }

  #startPlanned(kind: RefreshKind): void {
    if (this.#running === undefined) this.#start(kind, unixNow() - (this.#schedule?.staleMs ?? 0) / 1000)
  }

  #start(kind: RefreshKind, staleBefore: number): RefreshJob {
    if (this.#abort.signal.aborted) throw new AppError('SHUTTING_DOWN')
    if (this.#running !== undefined)
      throw new AppError('REFRESH_RUNNING', { retryAfterS: remainingS(this.#running) })
    const { client, bouquets = [], days = defaultDays, pastHours = 24, log } = this.#options
    const refresh = new Refresh(
      { client, store: this.#store, bouquets, days, pastHours, log },
      {
        progress: (progress) => this.#progress(progress),
        lineup: (channels, listing) => this.#loaded(channels, listing),
        updated: () => (this.#isDirty = true),
        build: (isLast) => this.#build(isLast),
      },
      this.#abort.signal,
    )
    const done = refresh.run({ kind, staleBefore }).then((result) => this.#ended(kind, refresh, result))
    const job: RefreshJob = { kind, startedAt: new Date(), done }
    this.#running = { job, refresh, progress: { stage: refresh.stage, done: 0, total: 0 } }
    return job
  }

  #progress(progress: RefreshProgress): void {
    if (this.#running !== undefined) this.#running.progress = progress
    this.emit('progress', progress)
    this.#tellStanding()
  }

  #loaded(channels: readonly LineupChannel[], listing: Listing): void {
    const { log } = this.#options
    const before = this.#lineup
    this.#lineup = this.#arrange(channels)
    this.#offer()
    this.#listing = listing
    this.#store.setState('channelsAt', Date.now())
    if (listing.missing.length > 0) {
      const { missing, available } = listing
      log?.error({ missing, available }, 'bouquets not found')
    }
    if (JSON.stringify(before.channels) === JSON.stringify(this.#lineup.channels)) return
    this.#isDirty = true
    this.#hasNews ||= channels.some(({ id }) => before.find(id) === undefined)
    log?.info({ channels: channels.length, before: before.channels.length }, 'lineup changed')
    this.emit('lineup', { channels: channels.length })
  }

  // Many small changes make one document. Until the first pass is through there is none: half a guide
  // would make clients forget the rest of theirs.
  async #build(isLast: boolean): Promise<void> {
    if (this.#isDirty) this.#counts = undefined
    const isDue = isLast || Date.now() - this.#builtAt > buildEveryMs
    const { from } = this.#span()
    const isWanted =
      this.#isDirty || this.#xmltv.version === undefined || this.#store.state('filledFrom') !== from
    const isPossible =
      this.#lineup.channels.length > 0 && (isLast || this.#store.state('guideAt') !== undefined)
    if (!isDue || !isWanted || !isPossible) return
    this.#isDirty = false
    await this.#xmltv.build(
      this.#lineup.channels,
      (version) => {
        this.#store.setState('xmltv', version)
        this.#store.setState('filledFrom', from)
      },
      this.#abort.signal,
    )
    this.#builtAt = Date.now()
  }

  // Where the user has a folder of logos, the receiver is not the one to know that there is none.
  #arrange(channels: readonly LineupChannel[]): Lineup {
    if (this.#options.piconFolder === undefined) return new Lineup(channels)
    return new Lineup(channels.map((channel) => ({ ...channel, picon: true })))
  }

  #offer(): void {
    this.#offered =
      this.#guests.length === 0 ? this.#lineup : new Lineup([...this.#lineup.channels, ...this.#guests])
  }

  #span(): Span {
    return spanOf(unixNow(), this.#options.days ?? defaultDays)
  }

  #ended(kind: RefreshKind, refresh: Refresh, result: RefreshResult): RefreshResult {
    this.#running = undefined
    this.#last = result
    this.#counts = undefined
    if (this.#abort.signal.aborted) return result
    if (kind !== 'channels') this.#hasNews = false // asked for, also where the answer was none
    if (result.isComplete && kind !== 'channels') this.#store.setState('guideAt', Date.now())
    this.#measure(refresh, result)
    this.#schedule?.ended(result.isComplete)
    this.#plan()
    this.emit('refresh', result)
    this.#tellStanding()
    this.#standing.introduce(this.#abort.signal)
    return result
  }

  #plan(): void {
    this.#schedule?.plan({
      channelsAt: Number(this.#store.state('channelsAt') ?? 0),
      guideAt: Number(this.#store.state('guideAt') ?? 0),
      hasNews: this.#hasNews,
    })
  }

  #tellStanding(): void {
    const changed = this.#standing.changed()
    if (changed !== undefined) this.emit('receiver', changed)
  }

  #measure({ stage }: Refresh, { isComplete, durationMs }: RefreshResult): void {
    const { metrics } = this.#options
    if (metrics === undefined) return
    const now = unixNow()
    const { programmes, channelsWithData } = this.#count(now)
    if (!isComplete) metrics.refreshFailures.inc(stage)
    metrics.refreshSeconds.observe(durationMs / 1000)
    metrics.channels.set(this.#lineup.channels.length)
    metrics.programmes.set(programmes)
    metrics.channelsWithGuide.set(channelsWithData)
    metrics.guideAgeSeconds.set(this.#oldest(now) ?? 0)
  }

  #count(now: number): { programmes: number; channelsWithData: number } {
    const isGood = this.#counts !== undefined && performance.now() - this.#counts.at < countsMs
    if (isGood && this.#counts !== undefined) return this.#counts
    this.#counts = { at: performance.now(), ...this.#store.counts(now) }
    return this.#counts
  }

  #oldest(now: number): number | undefined {
    const ages = this.#store.ages()
    const fetched = this.#lineup.channels.map(({ id }) => ages.get(id) ?? 0).filter((at) => at > 0)
    return fetched.length === 0 ? undefined : now - Math.min(...fetched)
  }
}

function remainingS({ job, progress: { done, total } }: Running): number {
  const elapsedS = (Date.now() - job.startedAt.getTime()) / 1000
  const remaining = done === 0 ? 10 : (elapsedS / done) * (total - done)
  return Math.min(600, Math.max(1, Math.ceil(remaining)))
}

function dateOf(unixMs: unknown): Date | undefined {
  return typeof unixMs === 'number' ? new Date(unixMs) : undefined
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
