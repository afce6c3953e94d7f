// All that is being watched: finds the feed of a service or begins one, and seats clients in it, within
// limits. HTTP clients and every other kind of reader come in by this door. Main thread.
import { AppError } from '../base/errors.ts'
import { plainAddress } from '../base/network.ts'
import type { TraceContext } from '../base/trace.ts'
import type { Profile } from '../workers/profile.ts'
import type { Cursor } from './cursor.ts'
import { Feed, type FeedContext } from './feed.ts'
import type { Priority } from './lease.ts'
import type { Rendition } from './rendition.ts'
import type { Service } from './service.ts'

export interface CrowdLimits {
  /** Clients at once. */
  mostClients: number
  /** Services at once. */
  mostFeeds: number
  /** Services that one address watches at once. */
  mostFeedsPerAddress: number
  /** Bytes of streams kept in memory for those who read them. */
  mostBufferedBytes: number
}

export const crowdLimits: CrowdLimits = {
  mostClients: 512,
  mostFeeds: 128,
  mostFeedsPerAddress: 64,
  mostBufferedBytes: 1024 * 1024 * 1024,
}

/** One client's place in a stream. */
export interface Seat {
  readonly id: string
  readonly channel: string
  /** IP address; empty where it is not known. */
  readonly client: string
  readonly since: Date
  readonly feed: Feed
  readonly rendition: Rendition
  readonly cursor: Cursor
}

export interface JoinOptions {
  /** The client's, for the limits. */
  readonly address?: string | undefined
  readonly priority?: Priority
  /** The span of its request. */
  readonly trace?: TraceContext | undefined
}

/** What an administrator sees of one client's stream. */
export interface RunningStream {
  readonly id: string
  readonly channel: string
  /** IP address. */
  readonly client: string
  readonly startedAt: Date
  readonly engine: string
  /** What its sound becomes. */
  readonly audio: string
  /** From the receiver, for all who watch this channel. */
  readonly bytesIn: number
  /** Made ready to be sent; what waits in the client's connection included. */
  readonly bytesSent: number
  /** Of what the engine makes, bit/s since it began. */
  readonly bitrate: number
  /** Bytes that it is behind. */
  readonly lag: number
  /** How often it was too slow and went on at an access point. */
  readonly skips: number
  /** Clients of this rendition now, and all that have joined it. */
  readonly clients: number
  readonly joins: number
  /** Faults found in the source. */
  readonly errors: number
  /** How often the connection to the receiver was opened again. */
  readonly reconnects: number
}

/** A service that is being received. */
export interface WatchedService extends Pick<Service, 'name' | 'key'> {
  /** IP addresses; none while it lingers. */
  readonly clients: readonly string[]
  /** Of the largest that is made of it, bit/s. */
  readonly bitrate: number
}

export type FeedsOptions = FeedContext & { readonly crowd?: Partial<CrowdLimits> | undefined }

export class Feeds {
  readonly #options: FeedsOptions
  readonly #feeds = new Map<string, Feed>()
  readonly #seats = new Map<string, Seat>()
  readonly #leaving = new Set<Promise<void>>()
  #arriving = 0 // clients that do not have their seat yet
  #lastId = 0
  #isClosing = false

  constructor(options: FeedsOptions) {
    this.#options = options
  }

  /** Clients that are being sent something or wait for it. */
  get clients(): number {
    return this.#seats.size + this.#arriving
  }

  /** Services that are being received. */
  get size(): number {
    return this.#feeds.size
  }

  /** Memory that holds streams, in bytes. */
  get bufferedBytes(): number {
    return this.#renditions.reduce((all, { reel }) => all + reel.heldBytes, 0)
  }

  /** A seat for a client; it must leave it. `rendition.ready` tells whether something comes.
   *  @throws LIMIT_REACHED, NO_TUNER, POOL_FULL, SHUTTING_DOWN ... before anything is tuned */
  async join(
    service: Service,
    profile: Profile,
    { address = '', priority = 'normal', trace }: JoinOptions = {},
  ): Promise<Seat> {
    const client = plainAddress(address) ?? ''
    if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
    this.#admit(service, client)
    this.#arriving++
    try {
      for (;;) {
        const feed = this.#feed(service, priority)
        const rendition = await feed.rendition(profile, trace)
        if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
        // Given up while this client came: begun anew.
        if (rendition !== undefined)
          return this.#seat({ channel: service.name, client, feed, rendition }, priority)
      }
    } finally {
      this.#arriving--
    }
  }

  /** Gives the seat back. Does nothing the second time. */
  leave(seat: Seat): void {
    if (this.#seats.delete(seat.id)) {
      seat.cursor.leave()
      this.#options.metrics?.slowClients.inc('skipped', seat.cursor.skips)
    }
    this.#report()
  }

  /** What is being received, with those who watch it. */
  get watched(): WatchedService[] {
    const seats = [...this.#seats.values()]
    return [...this.#feeds.values()].map((feed) => ({
      name: feed.service.name,
      key: feed.service.key,
      clients: seats.filter((seat) => seat.feed === feed).map(({ client }) => client),
      bitrate: Math.max(0, ...feed.renditions.map(bitrateOf)),
    }))
  }

  list(): RunningStream[] {
    return [...this.#seats.values()].map(describe)
  }

  /** Lets the client have what has come so far, and no more. False if there is none with this id. */
  end(id: string): boolean {
    const seat = this.#seats.get(id)
    seat?.cursor.end()
    return seat !== undefined
  }

  /** Begins no more streams and leaves the receivers; what has come can still be read.
   *  Resolves when the connections to them are gone. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const feed of this.#feeds.values()) feed.end()
    await Promise.all(this.#leaving)
  }

  /** Gives up what is left. */
  abort(): void {
    for (const seat of this.#seats.values()) seat.cursor.leave()
    for (const feed of this.#feeds.values()) feed.close()
  }

  #feed(service: Service, priority: Priority): Feed {
    const known = this.#feeds.get(service.key)
    if (known !== undefined && !known.isClosed) return known
    const feed = new Feed(service, this.#options, priority)
    this.#feeds.set(service.key, feed)
    const gone = feed.gone.then(() => {
      this.#leaving.delete(gone)
      if (this.#feeds.get(service.key) === feed) this.#feeds.delete(service.key)
      this.#report()
    })
    this.#leaving.add(gone)
    this.#report()
    return feed
  }

  #seat(place: Pick<Seat, 'channel' | 'client' | 'feed' | 'rendition'>, priority: Priority): Seat {
    const cursor = place.rendition.join(priority)
    const seat = { ...place, id: String(++this.#lastId), since: new Date(), cursor }
    this.#seats.set(seat.id, seat)
    this.#report()
    return seat
  }

  // Refused before anything is begun. A service that runs already takes no further feed.
  #admit({ key }: Service, client: string): void {
    const { mostClients, mostFeeds, mostFeedsPerAddress, mostBufferedBytes } = {
      ...crowdLimits,
      ...this.#options.crowd,
    }
    if (this.clients >= mostClients) throw this.#refusal('clients', mostClients, 'places for clients')
    if (this.#feeds.get(key)?.isClosed === false) return
    if (this.#feeds.size >= mostFeeds) throw this.#refusal('feeds', mostFeeds, 'places for channels')
    const own = new Set(
      [...this.#seats.values()].filter((seat) => seat.client === client).map(({ feed }) => feed),
    )
    if (client !== '' && own.size >= mostFeedsPerAddress)
      throw this.#refusal('address', mostFeedsPerAddress, 'channels for one address')
    if (this.bufferedBytes >= mostBufferedBytes)
      throw this.#refusal('memory', mostBufferedBytes, 'bytes for streams')
  }

  #refusal(limit: 'clients' | 'feeds' | 'address' | 'memory', most: number, what: string): AppError {
    this.#options.metrics?.streamsRefused.inc(limit)
    return new AppError('LIMIT_REACHED', { capacity: most, what })
  }

  #report(): void {
    const { metrics } = this.#options
    metrics?.feeds.set(this.#feeds.size)
    metrics?.clients.set(this.clients)
  }

  get #renditions(): Rendition[] {
    return [...this.#feeds.values()].flatMap(({ renditions }) => renditions)
  }
}

function describe({ id, channel, client, since, feed, rendition, cursor }: Seat): RunningStream {
  return {
    id,
    channel,
    client,
    startedAt: since,
    engine: rendition.engineName,
    audio: rendition.engineName === 'passthrough' ? 'copy' : rendition.profile.audio,
    bytesIn: feed.bytesIn,
    bytesSent: cursor.bytes,
    bitrate: bitrateOf(rendition),
    lag: cursor.lag,
    skips: cursor.skips,
    clients: rendition.readers,
    joins: rendition.joins,
    errors: rendition.errors,
    reconnects: feed.reconnects,
  }
}

function bitrateOf({ bytes, startedAt }: Rendition): number {
  const seconds = Math.max(0.001, (Date.now() - startedAt.getTime()) / 1000)
  return Math.round((bytes * 8) / seconds)
}
