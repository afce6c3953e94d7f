// All channels that are played as HLS: finds the session of a channel or begins one, within limits, and knows who
// watches. Main thread.
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Feeds, RunningStream } from '../stream/feeds.ts'
import type { Service } from '../stream/service.ts'
import type { Container, PackageOptions, Packaging } from '../workers/packaging.ts'
import { defaultProfile, type Profile } from '../workers/profile.ts'
import type { Archives } from './archive.ts'
import type { LoreBook } from './lore.ts'
import { formatKind, type Kind, type Sound } from './names.ts'
import { ticksPerSecond } from './segment.ts'
import { Session } from './session.ts'
import { Viewers } from './viewers.ts'

/** What can change while sessions run; looked at for each new one. */
export interface SessionLimits {
  readonly mostSessions: number
  readonly mostClients: number
  readonly mostBufferedBytes: number
  readonly lingerMs: number
}

export interface SessionsOptions {
  readonly feeds: Pick<Feeds, 'join' | 'leave' | 'clients' | 'bufferedBytes'>
  /** Begins a packager. @throws POOL_FULL, ADDON_MISSING ... */
  readonly pack: (options: PackageOptions) => Packaging
  readonly lore: LoreBook
  /** What sound becomes, unless the broadcast's own is asked for. */
  readonly profile: Profile
  readonly limits: SessionLimits
  readonly slotMs: number
  /** 0: without parts */
  readonly partMs: number
  readonly listedMs: number
  /** Where segments are kept for those who go back; undefined keeps none. */
  readonly archives?: Archives | undefined
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
}

/** What is asked for of a channel. */
export interface Wanted {
  readonly channel: string
  readonly service: Service
  readonly address: string
}

export interface Run {
  readonly channel: string
  readonly session: Session
  readonly viewers: Viewers
}

/** Groups of pictures that are longer than this are cut in their midst. */
export const mostSlotMs = 12_000
/** An ended viewer is refused for so long: by then its player has given up. */
const barredMs = 60_000
const lookMs = 1000
const scoutMs = 10_000

export class Sessions {
  readonly #options: SessionsOptions
  readonly #runs = new Map<string, Run>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #barred = new Map<string, number>()
  readonly #scouted = new Set<string>() // channels that are looked at now
  readonly #timer: NodeJS.Timeout
  #lastId = 0
  #isClosing = false

  constructor(options: SessionsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), lookMs).unref()
  }

  get size(): number {
    return this.#runs.size
  }

  get viewers(): number {
    return [...this.#runs.values()].reduce((all, { viewers }) => all + viewers.size, 0)
  }

  /** Can one go back in a channel? */
  get hasArchives(): boolean {
    return this.#options.archives !== undefined
  }

  /** Requests that wait for what comes. */
  get waiting(): number {
    return [...this.#runs.values()].reduce((all, { session }) => all + session.holds, 0)
  }

  get heldBytes(): number {
    return [...this.#runs.values()].reduce((all, { session }) => all + session.heldBytes, 0)
  }

  /** The session of a sound, begun where there is none, cut as is best for the channel.
   *  @throws LIMIT_REACHED, SHUTTING_DOWN; FORBIDDEN for a viewer that was ended */
  choose(wanted: Wanted, sound: Sound, container?: Container): Run {
    const best = container ?? this.#options.lore.get(wanted.channel).container ?? 'ts'
    const run = this.#running(wanted.channel, sound, best)
    return this.#admit(run ?? this.#begin(wanted, this.#kind(wanted.channel, sound, best)), wanted)
  }

  /** Finds out which sounds the broadcast itself has, once in a while for each channel: a few seconds of another
   *  session, which nobody plays. */
  async scout(wanted: Wanted, container: Container): Promise<void> {
    const { lore, log } = this.#options
    const { channel } = wanted
    if (this.#scouted.has(channel) || !lore.lacksOriginal(channel)) return
    this.#scouted.add(channel)
    try {
      const run =
        this.#running(channel, 'original', container) ??
        this.#begin(wanted, this.#kind(channel, 'original', container))
      await run.session.until(() => run.session.tracks.size > 0, { mostMs: scoutMs })
      const original = [...run.session.tracks.values()].map(({ about }) => about)
      if (original.length > 0) lore.note(channel, { original })
      if (run.viewers.size === 0) await run.session.close()
    } catch (err) {
      log?.debug({ channel: wanted.service.name, err }, 'the original sound was not looked at')
    } finally {
      this.#scouted.delete(channel)
    }
  }

  /** The session of an address that was handed out, begun where there is none. One that has ended by itself says
   *  so to those who play it.
   *  @throws as choose(); NOT_FOUND for one that was not handed out */
  at(wanted: Wanted, kind: Kind): Run {
    const { slotMs, partMs } = this.#options
    if (kind.partMs !== partMs || kind.slotMs % slotMs !== 0 || kind.slotMs !== this.#slot(kind.slotMs))
      throw new AppError('NOT_FOUND', { what: 'The playlist' })
    const running = this.find(wanted.channel, kind)
    const isThere = running !== undefined && !running.session.isClosed && running.session.tracks.size > 0
    return this.#admit(
      isThere || running?.session.isEnded === false ? running : this.#begin(wanted, kind),
      wanted,
    )
  }

  /** The session of an address, if it runs. */
  find(channel: string, kind: Kind): Run | undefined {
    return this.#runs.get(keyOf(channel, kind))
  }

  /** Notes that a viewer is there, and what it is sent. @throws FORBIDDEN */
  seen({ channel, viewers, session }: Run, address: string, bytes = 0): void {
    this.#refuseBarred(channel, address)
    session.touch()
    viewers.seen(address).bytes += bytes
  }

  /** What is running, our viewers in place of our own seats. */
  expand(streams: readonly RunningStream[]): RunningStream[] {
    const bySeat = new Map([...this.#runs.values()].map((run) => [run.session.seat?.id, run]))
    return streams.flatMap((stream) => {
      const run = bySeat.get(stream.id)
      return run === undefined ? [stream] : viewersOf(run, stream)
    })
  }

  /** Refuses a viewer from now on, for as long as its player may go on asking. False if there is none. */
  end(id: string): boolean {
    for (const { channel, viewers } of this.#runs.values()) {
      const viewer = viewers.remove(id)
      if (viewer === undefined) continue
      this.#barred.set(barKey(channel, viewer.client), performance.now() + barredMs)
      return true
    }
    return false
  }

  /** Gives all up. Resolves when their seats are given back. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    await Promise.all([...this.#runs.values()].map(({ session }) => session.close()))
    await Promise.all(this.#leaving)
  }

  #running(channel: string, sound: Sound, container: Container): Run | undefined {
    return [...this.#runs.values()].find(
      ({ channel: own, session: { kind, isEnded } }) =>
        own === channel && kind.sound === sound && kind.container === container && !isEnded,
    )
  }

  #kind(channel: string, sound: Sound, container: Container): Kind {
    const { lore, slotMs, partMs } = this.#options
    const longest = Math.ceil((lore.get(channel).longestGroupMs ?? 0) / slotMs) * slotMs
    return { sound, container, slotMs: this.#slot(longest), partMs }
  }

  #slot(ms: number): number {
    const { slotMs } = this.#options
    return Math.min(Math.max(ms, slotMs), Math.floor(mostSlotMs / slotMs) * slotMs)
  }

  #begin(wanted: Wanted, kind: Kind): Run {
    const { channel, service, address } = wanted
    const { limits, feeds, pack, profile, listedMs, archives, log, metrics } = this.#options
    if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
    this.#refuseBarred(channel, address)
    this.#checkRoom()
    const session = new Session({
      service,
      kind,
      feeds,
      pack,
      profile: kind.sound === 'main' ? profile : originalOf(profile),
      listedMs,
      archives,
      lingerMs: limits.lingerMs,
      address,
      log,
      metrics,
    })
    const viewers = new Viewers(`hls${++this.#lastId}`, 4 * kind.slotMs)
    const run = { channel, session, viewers }
    const key = keyOf(channel, kind)
    this.#runs.set(key, run)
    const gone = session.gone.then(() => {
      this.#leaving.delete(gone)
      this.#learn(run)
    })
    this.#leaving.add(gone)
    log?.info({ channel: service.name, kind: formatKind(kind) }, 'hls session started')
    return run
  }

  #admit(run: Run, { channel, address }: Wanted): Run {
    this.#refuseBarred(channel, address)
    const { feeds, limits } = this.#options
    const isNew = !run.viewers.has(address)
    if (isNew && this.viewers + feeds.clients >= limits.mostClients)
      throw new AppError('LIMIT_REACHED', { capacity: limits.mostClients, what: 'places for clients' })
    run.viewers.seen(address)
    run.session.weigh(true)
    run.session.touch()
    return run
  }

  #checkRoom(): void {
    const { mostSessions, mostBufferedBytes } = this.#options.limits
    const running = [...this.#runs.values()].filter(({ session }) => !session.isEnded)
    if (running.length >= mostSessions)
      throw new AppError('LIMIT_REACHED', { capacity: mostSessions, what: 'places for HLS channels' })
    if (this.heldBytes + this.#options.feeds.bufferedBytes >= mostBufferedBytes)
      throw new AppError('LIMIT_REACHED', { capacity: mostBufferedBytes, what: 'bytes for streams' })
  }

  #refuseBarred(channel: string, address: string): void {
    const until = this.#barred.get(barKey(channel, address))
    if (until !== undefined && until > performance.now())
      throw new AppError('FORBIDDEN', { reason: 'This stream was ended on request' })
  }

  // Each second: who has left, what was learned, what has ended.
  #look(): void {
    const now = performance.now()
    for (const [key, until] of this.#barred) if (until <= now) this.#barred.delete(key)
    for (const [key, run] of this.#runs) {
      run.viewers.prune(now)
      run.session.weigh(run.viewers.size > 0)
      this.#learn(run)
      if (!run.session.isEnded || (run.viewers.size > 0 && run.session.tracks.size > 0)) continue
      this.#runs.delete(key)
      void run.session.close()
    }
    this.#report()
  }

  #learn({ channel, session: { tracks } }: Run): void {
    const main = tracks.get(0)
    if (main === undefined) return
    this.#options.lore.note(channel, {
      longestGroupMs: (main.longestGroupTicks * 1000) / ticksPerSecond,
      peak: main.rates.peak,
    })
  }

  #report(): void {
    const { metrics } = this.#options
    metrics?.hlsSessions.set(this.#runs.size)
    metrics?.hlsViewers.set(this.viewers)
    metrics?.hlsWaiting.set(this.waiting)
  }
}

// All tracks, as they were broadcast.
function originalOf(profile: Profile): Profile {
  return { ...defaultProfile, audio: 'copy', language: profile.language }
}

function viewersOf({ viewers, session }: Run, stream: RunningStream): RunningStream[] {
  const { size: clients, joins } = viewers
  const audio = session.kind.sound === 'original' ? 'copy' : stream.audio
  return viewers.list().map(({ id, client, since, bytes }) => ({
    ...stream,
    id,
    client,
    startedAt: since,
    bytesSent: bytes,
    audio,
    clients,
    joins,
  }))
}

function keyOf(channel: string, kind: Kind): string {
  return `${channel}/${formatKind(kind)}`
}

function barKey(channel: string, address: string): string {
  return `${channel} ${address}`
}
