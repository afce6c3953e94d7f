// One channel on its way into segments, for all who play it: a seat in a feed like any viewer's, a packager, and
// what can be fetched of its tracks. Main thread. Begun by the first request, given up some time after the last.
import { setTimeout as delay } from 'node:timers/promises'
import { toAppError, type AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Cursor } from '../stream/cursor.ts'
import type { Feeds, Seat } from '../stream/feeds.ts'
import { fill } from '../stream/pour.ts'
import { Pulse } from '../stream/pulse.ts'
import type { Service } from '../stream/service.ts'
import type {
  PackagedPart,
  PackagedRecord,
  PackagedTrack,
  PackageOptions,
  Packaging,
} from '../workers/packaging.ts'
import type { Profile } from '../workers/profile.ts'
import type { RingWriter } from '../workers/ring.ts'
import type { Archive, Archives } from './archive.ts'
import { Holds, type HoldOptions } from './holds.ts'
import { Lateness } from './lateness.ts'
import type { Kind } from './names.ts'
import { ticksPerSecond } from './segment.ts'
import { Track } from './track.ts'

export interface SessionOptions {
  readonly service: Service
  readonly profile: Profile
  readonly kind: Kind
  readonly feeds: Pick<Feeds, 'join' | 'leave'>
  /** Begins a packager. @throws POOL_FULL, ADDON_MISSING ... */
  readonly pack: (options: PackageOptions) => Packaging
  /** How much a playlist lists. */
  readonly listedMs: number
  /** How long it goes on after the last request. */
  readonly lingerMs: number
  /** Of the client that it is begun for. */
  readonly address?: string | undefined
  /** Where segments are kept for those who go back; undefined keeps none. */
  readonly archives?: Archives | undefined
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
}

// Between two looks at what the feed has: a few wakes of the packager's thread for each part.
const pulse = new Pulse(40)
/** A packager that ends like this again and again is given up: so often without a segment in between. */
const mostRestarts = 5
const restartMs = 200
/** Without parts the packager's own are not seen by anybody: as long as any segment. */
const slotsPerHiddenPart = 2

export class Session {
  readonly kind: Kind
  /** Resolves when its seat is given back. */
  readonly gone: Promise<void>
  readonly #options: SessionOptions
  readonly #tracks = new Map<number, Track>()
  readonly #holds = new Holds()
  readonly #lateness: Lateness
  readonly #archive: Archive | undefined
  #seat: Seat | undefined
  #packaging: Packaging | undefined
  #error: AppError | undefined
  #restarts = 0
  #hasBegun = false // its first segment has come
  #firstShared: number | undefined // of a further variant: the first that it lists
  #isEnded = false
  #isClosed = false
  #usedAt = performance.now()
  #linger: NodeJS.Timeout

  constructor(options: SessionOptions) {
    this.#options = options
    this.kind = options.kind
    this.#lateness = new Lateness(options.metrics)
    this.#archive = options.archives?.open(() => this.#holds.wake())
    this.#linger = setTimeout(() => this.#look(), options.lingerMs)
    this.gone = this.#run()
  }

  /** By number, as far as they are known. */
  get tracks(): ReadonlyMap<number, Track> {
    return this.#tracks
  }

  /** What can be gone back to; undefined where nothing is kept. */
  get archive(): Archive | undefined {
    return this.#archive
  }

  /** Its place among the viewers of the feed. */
  get seat(): Seat | undefined {
    return this.#seat
  }

  get slotTicks(): number {
    return (this.kind.slotMs * ticksPerSecond) / 1000
  }

  get partTicks(): number {
    return (this.kind.partMs * ticksPerSecond) / 1000
  }

  /** Nothing more comes. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Given up by us. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Why it ended before its time. */
  get error(): AppError | undefined {
    return this.#error
  }

  get heldBytes(): number {
    return [...this.#tracks.values()].reduce((all, { window }) => all + window.heldBytes, 0)
  }

  /** Requests that wait for what comes. */
  get holds(): number {
    return this.#holds.size
  }

  /** Somebody asks for something of it. */
  touch(): void {
    this.#usedAt = performance.now()
  }

  /** Holds a request until something is so or nothing more comes; false if neither came in time. */
  async until(isSo: () => boolean, options: HoldOptions): Promise<boolean> {
    this.touch()
    const isOver = () => this.#isEnded || isSo()
    return this.#holds.until(isOver, options)
  }

  /** Says whether anybody watches now: while nobody does, a tuner goes to who asks for it. */
  weigh(isWatched: boolean): void {
    if (this.#seat !== undefined) this.#seat.cursor.priority = isWatched ? 'normal' : 'low'
  }

  /** Gives everything up at once. Resolves when nothing of it is left on disk. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#linger)
    this.#packaging?.close()
    this.#seat?.cursor.leave()
    this.#end()
    await this.#archive?.close()
  }

  async #run(): Promise<void> {
    const { feeds, service, profile, address, log } = this.#options
    try {
      const seat = await feeds.join(service, profile, { address })
      this.#seat = seat
      await seat.rendition.ready
      while (!this.#isClosed && (await this.#package(seat.cursor)));
      this.#error ??= seat.cursor.error
    } catch (thrown) {
      this.#error ??= toAppError(thrown)
      log?.warn({ channel: service.name, err: this.#error }, 'hls session failed')
    } finally {
      if (this.#seat !== undefined) feeds.leave(this.#seat)
      this.#end()
    }
  }

  // One packager's part. Returns whether another one is to go on.
  async #package(cursor: Cursor): Promise<boolean> {
    let pumping: Promise<void> | undefined
    try {
      const packaging = this.#pack()
      this.#packaging = packaging
      pumping = pump(cursor, packaging.input)
      await this.#collect(packaging)
      await packaging.done
      return false
    } catch (thrown) {
      return await this.#restart(thrown)
    } finally {
      this.#packaging?.close()
      await pumping
    }
  }

  #pack(): Packaging {
    const { pack, service, kind } = this.#options
    return pack({
      label: service.name,
      container: kind.container,
      slotTicks: this.slotTicks,
      partTicks: this.partTicks || slotsPerHiddenPart * this.slotTicks,
      nowMs: Date.now(),
    })
  }

  // A thread that is lost needs a moment until there is another. One that cannot be had at first is a refusal.
  async #restart(thrown: unknown): Promise<boolean> {
    if (this.#isClosed) return false
    if (this.#packaging === undefined || ++this.#restarts > mostRestarts) throw thrown
    const { service, log } = this.#options
    log?.warn({ channel: service.name, err: thrown }, 'packager begun anew')
    for (const { window } of this.#tracks.values()) window.break()
    await delay(restartMs)
    return true
  }

  async #collect(packaging: Packaging): Promise<void> {
    let isOver = false
    const over = () => void (isOver = true)
    packaging.done.then(over, over)
    for (;;) {
      const wasOver = isOver
      const hasTaken = this.#takeAll(packaging.records())
      if (wasOver) return
      if (!hasTaken) await packaging.whenReadable()
      // What is closed is always readable, and done a moment later.
      if (!hasTaken && !this.#takeAll(packaging.records())) await beat()
    }
  }

  #takeAll(records: readonly PackagedRecord[]): boolean {
    for (const record of records) this.#take(record)
    if (records.length > 0) this.#holds.wake()
    return records.length > 0
  }

  #take(record: PackagedRecord): void {
    if (record.kind === 'tracks') return this.#announce(record.tracks)
    const track = this.#tracks.get(record.track)
    if (track === undefined) return // announced first, by contract
    if (record.kind === 'init') return track.window.init(record.bytes)
    if (!this.#isShared(record)) return
    track.push(record)
    if (record.isLast) this.#restarts = 0
    if (record.track === 0) this.#lateness.part(record)
  }

  // Some players begin a further variant together with the main one, at a number that both have: so it has none that
  // begins with no access point, as the first ones of a session may.
  #isShared({ track, msn, part, isIndependent }: PackagedPart): boolean {
    if (this.kind.sound === 'main') return true
    if (track === 0 && part === 0) {
      this.#firstShared ??= this.#hasBegun && isIndependent ? msn : undefined
      this.#hasBegun = true
    }
    return this.#firstShared !== undefined && msn >= this.#firstShared
  }

  #announce(tracks: readonly PackagedTrack[]): void {
    for (const [number, { window }] of this.#tracks)
      if (tracks.some(({ track }) => track === number)) window.break()
      else window.end()
    for (const about of tracks) {
      const known = this.#tracks.get(about.track)
      if (known === undefined || known.window.isEnded) this.#tracks.set(about.track, this.#track(about))
      else known.about = about
    }
  }

  #track(about: PackagedTrack): Track {
    return new Track(about, {
      slotTicks: this.slotTicks,
      listedTicks: (this.#options.listedMs * ticksPerSecond) / 1000,
      onListed: (listing) => this.#archive?.add(about.track, listing),
    })
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const { window } of this.#tracks.values()) window.end()
    this.#holds.wake()
  }

  // Nobody has asked for so long?
  #look(): void {
    const leftMs = this.#usedAt + this.#options.lingerMs - performance.now()
    if (leftMs <= 0 && this.#holds.size === 0) void this.close()
    else this.#linger = setTimeout(() => this.#look(), Math.max(leftMs, this.#options.lingerMs / 4))
  }
}

// The feed's bytes into the packager, until either has ended.
async function pump(cursor: Cursor, input: RingWriter): Promise<void> {
  while (!input.isClosed) {
    const piece = cursor.next()
    if (piece !== undefined) {
      await fill(input, piece.bytes)
      piece.release()
    } else if (cursor.isDone) input.close('end')
    else await beat()
  }
}

function beat(): Promise<void> {
  return new Promise((resolve) => pulse.next(resolve))
}
