// HTTP below /hls: what a request is for, how long it is held, and how it is answered. Who may ask is decided before.
// Main thread. Thousands of requests a second come here when many play in low latency.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError, expected, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { refuse } from '../stream/refusal.ts'
import type { Service } from '../stream/service.ts'
import { containers, type Container } from '../workers/packaging.ts'
import type { HoldOptions } from './holds.ts'
import { archiveList, liveList, type List } from './list.ts'
import type { LoreBook } from './lore.ts'
import { multivariantPlaylist } from './multivariant.ts'
import { parsePath, type Kind, type Place, type Target } from './names.ts'
import { mediaPlaylist, targetDuration } from './playlist.ts'
import { keptQuery, parseReload, parseStart, type Reload } from './reload.ts'
import { Reply } from './reply.ts'
import { mediaTypes, sendFile, sendMedia, sendText, sendTextHead } from './sending.ts'
import { ticksPerSecond } from './segment.ts'
import type { Run, Sessions, Wanted } from './sessions.ts'
import type { Session } from './session.ts'
import { variantsOf } from './variants.ts'

export interface DoorOptions {
  /** What a channel stands for; undefined if nothing. Asks nobody. */
  readonly find: (channel: string) => Service | undefined
  readonly sessions: Sessions
  readonly lore: LoreBook
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
}

/** Who asks. */
export interface Client {
  /** IP address; '' where it is not known. */
  readonly address: string
}

/** How long the first segment of a channel is waited for: until the receiver has tuned, and a group of pictures more. */
const firstSegmentMs = 15_000
/** How far ahead of the newest segment a player may wait. */
const mostAhead = 2
const indexCache = 'public, max-age=30'
/** Of a playlist with parts that is not asked for by number: a cache asks for it once a second, not for each player.
 *  Players go on by number from there, and get to the live edge with their next request. */
const edgeCache = 'public, max-age=1, stale-while-revalidate=1'

type Of<What extends Target['what']> = Extract<Target, { what: What }>

export class Door {
  readonly #options: DoorOptions

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** Answers a GET or HEAD.
   *  @param url  what follows /hls/, with the query */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    asked: Client & { url: string },
  ): Promise<void> {
    const { metrics, log } = this.#options
    const startedAt = performance.now()
    const at = asked.url.indexOf('?')
    const place = parsePath(at < 0 ? asked.url : asked.url.slice(0, at))
    try {
      if (place === undefined) throw new AppError('NOT_FOUND', { what: 'The playlist or segment' })
      const query = new URLSearchParams(at < 0 ? '' : asked.url.slice(at + 1))
      await this.#serve(new Visit(request, response, { query, place, address: asked.address }))
    } catch (thrown) {
      const error = toAppError(thrown)
      if (error.status >= 500) log?.[error.expose ? 'debug' : 'error']({ err: error }, 'hls request failed')
      if (!response.headersSent) response.setHeader('Cache-Control', 'no-store')
      refuse(response, error, request)
    } finally {
      const seconds = (performance.now() - startedAt) / 1000
      metrics?.request(request.method ?? '', routeOf(place?.target), response.statusCode, seconds)
    }
  }

  async #serve(visit: Visit): Promise<void> {
    const { target } = visit.place
    switch (target.what) {
      case 'index':
      case 'archive':
        return this.#index(visit)
      case 'playlist':
        return this.#playlist(visit, target)
      case 'init':
        return this.#init(visit, target)
      case 'media':
        return this.#media(visit, target)
    }
  }

  async #index(visit: Visit): Promise<void> {
    const { request, response, query, place } = visit
    const container = parseContainer(query.get('container'))
    const hasAllSounds = parseSound(query.get('sound'))
    const kept = keptQuery(query, ['container', 'sound'])
    const wanted = this.#wanted(visit)
    const isArchive = place.target.what === 'archive'
    if (isArchive) this.#checkArchive()
    if (request.method === 'HEAD') return sendTextHead(response)
    const run = await this.#chosen(wanted, container, visit)
    if (run === undefined) return
    const { lore, sessions } = this.#options
    if (hasAllSounds) await sessions.scout(wanted, run.session.kind.container)
    if (visit.isGone) return
    const { original, ...known } = lore.get(wanted.channel)
    const variants = variantsOf(run.session, hasAllSounds ? { ...known, original } : known)
    const reply = new Reply(multivariantPlaylist(variants, { query: kept, isArchive }))
    this.#sent(run, visit, 'playlist', sendText(request, response, { reply, cache: indexCache }))
  }

  // The session with its first segment. HEVC is for fMP4 alone, which is known only then. Undefined: the client left.
  async #chosen(wanted: Wanted, container: Container | undefined, visit: Visit): Promise<Run | undefined> {
    const { sessions, lore } = this.#options
    const run = sessions.choose(wanted, 'main', container)
    if (!(await this.#begun(run.session, 0, visit))) return undefined
    const isHevc = run.session.tracks.get(0)?.about.codecs.startsWith('hvc1') === true
    if (!isHevc || container !== undefined || run.session.kind.container === 'mp4') return run
    lore.note(wanted.channel, { container: 'mp4' })
    if (run.viewers.size <= 1) void run.session.close() // nobody else has asked for it
    const better = sessions.choose(wanted, 'main', 'mp4')
    return (await this.#begun(better.session, 0, visit)) ? better : undefined
  }

  // Waits for a track's first segment. False: the client left. @throws what keeps it from coming, NOT_READY
  async #begun(session: Session, number: number, visit: Visit): Promise<boolean> {
    return (await this.#listed(session, number, () => liveList(session, number), visit)) !== undefined
  }

  // Waits until a track has something to list. Undefined: the client left.
  async #listed(
    session: Session,
    number: number,
    find: () => List | undefined,
    visit: Visit,
  ): Promise<List | undefined> {
    const isUnknown = () => session.tracks.size > 0 && !session.tracks.has(number)
    await session.until(() => find() !== undefined || isUnknown(), visit.holdFor(firstSegmentMs))
    if (visit.isGone) return undefined
    const list = find()
    if (list !== undefined) return list
    if (isUnknown()) throw new AppError('NOT_FOUND', { what: 'The track' })
    throw session.error ?? new AppError('NOT_READY', { what: 'The first segment' })
  }

  async #playlist(visit: Visit, { kind, track: number, isArchive }: Of<'playlist'>): Promise<void> {
    const { request, response, query } = visit
    const reload = parseReload(query)
    const kept = keptQuery(query)
    const startS = isArchive ? parseStart(query) : undefined
    const wanted = this.#wanted(visit)
    if (isArchive) this.#checkArchive()
    if (request.method === 'HEAD') return sendTextHead(response)
    const run = this.#options.sessions.at(wanted, kind)
    const { session } = run
    const find = () => (isArchive ? archiveList(session, number, startS) : liveList(session, number))
    const first = await this.#listed(session, number, find, visit)
    if (first === undefined || !(await waited(session, first, reload, visit))) return
    const list = find() ?? first
    const { isDelta } = reload
    const form = `${isDelta ? 'delta' : 'full'} ${kept}`
    const make = () => mediaPlaylist(list.view(), { query: kept, isDelta })
    const reply = list.replies.get(list.version, form, make)
    const cache = playlistCache(session, list, reload)
    this.#sent(run, visit, 'playlist', sendText(request, response, { reply, cache }))
  }

  #init(visit: Visit, { kind, track, name }: Of<'init'>): void {
    const run = this.#running(visit, kind)
    const bytes = run.session.tracks.get(track)?.window.initBytes(name)
    if (bytes === undefined) throw new AppError('NOT_FOUND', { what: 'The head of the track' })
    this.#sent(run, visit, 'init', sendMedia(visit.response, mediaTypes[kind.container], [bytes]))
  }

  async #media(visit: Visit, { kind, track, msn, part }: Of<'media'>): Promise<void> {
    const { response } = visit
    const run = this.#running(visit, kind)
    const { session } = run
    const window = session.tracks.get(track)?.window
    if (window === undefined) throw new AppError('NOT_FOUND', { what: 'The track' })
    // What was hinted at is waited for; nothing that comes after it.
    const { next } = window
    const isHinted = next?.msn === msn && (part === undefined ? next.part > 0 : next.part === part)
    if (isHinted && !window.isEnded) {
      await session.until(() => window.hasReached(msn, part), visit.holdFor(holdMs(session)))
      if (visit.isGone) return
    }
    const type = mediaTypes[kind.container]
    const segment = window.segment(msn)
    const pieces = segment?.pieces(part)
    if (segment !== undefined && pieces !== undefined) {
      response.once('close', segment.hold())
      const sent = sendMedia(response, type, pieces)
      return this.#sent(run, visit, part === undefined ? 'segment' : 'part', sent)
    }
    const kept = part === undefined ? await session.archive?.read(track, msn) : undefined
    if (kept === undefined)
      throw new AppError('NOT_FOUND', { what: part === undefined ? 'The segment' : 'The part' })
    this.#sent(run, visit, 'segment', await sendFile(response, type, kept))
  }

  #checkArchive(): void {
    if (!this.#options.sessions.hasArchives)
      throw new AppError('NOT_FOUND', { what: 'A list to go back in (XG2G_HLS_DVR is off)' })
  }

  #wanted({ place: { channel }, address }: Visit): Wanted {
    const service = this.#options.find(channel)
    if (service === undefined) throw new AppError('NOT_FOUND', { what: 'The channel' })
    return { channel, service, address }
  }

  // Segments begin nothing.
  #running({ place: { channel }, address }: Visit, kind: Kind): Run {
    const { sessions } = this.#options
    const run = sessions.find(channel, kind)
    if (run === undefined) throw new AppError('NOT_FOUND', { what: 'The segment' })
    sessions.seen(run, address)
    return run
  }

  #sent(run: Run, { address }: Visit, kind: 'playlist' | 'segment' | 'part' | 'init', bytes: number): void {
    this.#options.sessions.seen(run, address, bytes)
    this.#options.metrics?.hlsBytes.inc(kind, bytes)
  }
}

// One request, and whether its client still waits for the answer.
class Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly place: Place
  readonly address: string
  #isGone = false

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { query, place, address }: { query: URLSearchParams; place: Place; address: string },
  ) {
    this.request = request
    this.response = response
    this.query = query
    this.place = place
    this.address = address
    response.once('close', () => (this.#isGone = true))
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** So long at most, and not after the client has gone. */
  holdFor(mostMs: number): HoldOptions {
    return { mostMs, onGone: (end) => this.response.once('close', end) }
  }
}

// Holds the request for what it waits for. False: the client left. @throws BAD_REQUEST, NOT_READY
async function waited(
  session: Session,
  { last, isEnded, hasReached }: List,
  { msn, part }: Reload,
  visit: Visit,
): Promise<boolean> {
  if (msn === undefined) return true
  if (last !== undefined && !isEnded) {
    if (msn > last.msn + mostAhead) throw expected(`at most ${last.msn + mostAhead}`, '_HLS_msn', msn)
    const mostPart = (msn === last.msn ? last.part : 0) + advanceLimit(session)
    if (part !== undefined && msn >= last.msn && part > mostPart)
      throw expected(`at most ${mostPart}`, '_HLS_part', part)
  }
  const hasCome = await session.until(() => hasReached(msn, part), visit.holdFor(holdMs(session)))
  if (visit.isGone) return false
  if (!hasCome) throw new AppError('NOT_READY', { what: 'The segment' })
  return true
}

// In parts.
function advanceLimit({ partTicks }: Session): number {
  return partTicks > 0 && partTicks < ticksPerSecond ? Math.ceil((3 * ticksPerSecond) / partTicks) : 3
}

// Three target durations.
function holdMs({ slotTicks }: Session): number {
  return 3000 * targetDuration(slotTicks)
}

function playlistCache({ slotTicks }: Session, { hasParts }: List, { msn }: Reload): string {
  const targetS = targetDuration(slotTicks)
  if (msn !== undefined) return `public, max-age=${6 * targetS}`
  return hasParts ? edgeCache : `public, max-age=${Math.floor(targetS / 2)}`
}

// Only who asks for it is told of the broadcast's own sound: players of the ffmpeg kind begin all that they are told of.
function parseSound(text: string | null): boolean {
  if (text !== null && text !== 'main' && text !== 'all') throw expected('main or all', 'sound', text)
  return text === 'all'
}

function parseContainer(text: string | null): Container | undefined {
  if (text === null) return undefined
  const container = containers.find((each) => each === text)
  if (container === undefined) throw expected(`one of ${containers.join(', ')}`, 'container', text)
  return container
}

// For the metrics: never what was asked for.
function routeOf(target: Target | undefined): string {
  switch (target?.what) {
    case 'index':
    case 'archive':
      return '/hls/:channel/index.m3u8'
    case 'playlist':
      return '/hls/:channel/:kind/:playlist'
    case 'init':
    case 'media':
      return '/hls/:channel/:kind/:track/:segment'
    case undefined:
      return 'other'
  }
}
