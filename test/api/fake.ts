// A guide and its surroundings in memory, and a started API in front of them.
import { EventEmitter } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { EventHub, type EventLimits } from '../../src/api/events.ts'
import { createApi } from '../../src/api/app.ts'
import { Guard } from '../../src/api/guard.ts'
import type { Parts } from '../../src/api/parts.ts'
import { takePlayers, type Players } from '../../src/api/players.ts'
import type { Route } from '../../src/api/route.ts'
import { ApiServer } from '../../src/api/server.ts'
import { loadConfig } from '../../src/base/config.ts'
import { AppError } from '../../src/base/errors.ts'
import { LiveConfig } from '../../src/base/live.ts'
import { createLog } from '../../src/base/log.ts'
import { createMetrics } from '../../src/base/metrics.ts'
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
  SearchOptions,
  XmltvDocument,
} from '../../src/guide/guide.ts'
import type { RunningStream } from '../../src/stream/feeds.ts'

export const noon = 1_760_000_400 // unix seconds

export const channels: readonly Channel[] = [
  {
    id: '1-0-19-132F-3EF-1-C00000.enigma2',
    number: 1,
    name: 'Das "Erste", HD',
    ref: '1:0:19:132F:3EF:1:C00000:0:0:0:',
    groups: ['Favourites', 'HD'],
    isRadio: false,
    isHd: true,
    picon: true,
  },
  {
    id: '1-0-2-283D-3FB-1-C00000.enigma2',
    number: 2,
    name: 'Radio',
    ref: '1:0:2:283D:3FB:1:C00000:0:0:0:',
    groups: ['Radio'],
    isRadio: true,
    isHd: false,
    picon: false,
  },
]

function programme(start: number, title: string): Programme {
  return {
    channelId: channels[0]!.id,
    id: start,
    start,
    stop: start + 3600,
    title,
    description: 'What it is about',
    categories: ['News'],
    episode: { season: 1, number: 2 },
  }
}

const programmes = [programme(noon, 'News'), programme(noon + 3600, 'Weather')]
const xml = '<?xml version="1.0" encoding="UTF-8"?><tv></tv>'
const png = Buffer.from('89504e470d0a1a0a', 'hex')

export class FakeGuide extends EventEmitter<GuideEvents> implements Guide {
  /** Why it is not ready. */
  missing: string[] = []
  hasXmltv = true
  isRefreshing = false
  readonly asked: unknown[] = []

  channels({ group, isRadio }: ChannelFilter = {}): readonly Channel[] {
    return channels.filter(
      (channel) =>
        (group === undefined || channel.groups.includes(group)) &&
        (isRadio === undefined || channel.isRadio === isRadio),
    )
  }

  channel(key: string): Channel | undefined {
    return channels.find(({ id, number, ref }) => key === id || key === String(number) || key === ref)
  }

  groups(): readonly string[] {
    return ['Favourites', 'HD', 'Radio']
  }

  invite(): void {
    // this guide has its own channels alone
  }

  programmes(channelId: string, from: number, to: number): Programme[] {
    return programmes.filter((each) => each.channelId === channelId && each.stop > from && each.start < to)
  }

  nowNext(at = noon): Map<string, NowNext> {
    const now = programmes.find(({ start, stop }) => start <= at && at < stop)
    const next = programmes.find(({ start }) => start > at)
    return new Map(channels.map(({ id, isRadio }) => [id, isRadio ? {} : { now, next }]))
  }

  search(text: string, options?: SearchOptions): Programme[] {
    this.asked.push([text, options])
    return programmes.filter(({ title }) => title.includes(text))
  }

  playlist(options: PlaylistOptions): string {
    this.asked.push(options)
    const list = this.channels(options.variant).map(({ id, ref }) => `${id} ${options.streamBaseUrl}/${ref}`)
    return ['#EXTM3U', options.xmltvUrl, options.baseUrl, ...list].join('\n')
  }

  async xmltv(): Promise<XmltvDocument | undefined> {
    if (!this.hasXmltv) return undefined
    return {
      etag: '"one"',
      lastModified: new Date(noon * 1000),
      open: (encoding) => Readable.from([encoding === 'gzip' ? gzipSync(xml) : Buffer.from(xml)]),
    }
  }

  async picon(channelId: string): Promise<Picon | undefined> {
    return channelId === channels[0]!.id ? { type: 'image/png', bytes: png, etag: '"logo"' } : undefined
  }

  refresh(kind: RefreshKind): RefreshJob {
    if (this.isRefreshing) throw new AppError('REFRESH_RUNNING', { retryAfterS: 30 })
    this.isRefreshing = true
    this.asked.push(kind)
    const result = { isComplete: true, channels: 2, fetched: 2, failed: 0, durationMs: 5 }
    return { kind, startedAt: new Date(), done: Promise.resolve(result) }
  }

  status(): GuideStatus {
    return {
      receiver: {
        state: 'ok',
        isReachable: true,
        lastAnswerAt: new Date(),
        lastError: { code: 'RECEIVER_TIMEOUT', message: 'The receiver gave no answer', at: new Date() },
        about: { model: 'Demo', image: 'openATV', webif: '2.0', tuners: 4 },
      },
      lineup: {
        channels: channels.length,
        loadedAt: new Date(),
        missingBouquets: ['Nothing'],
        availableBouquets: ['Favourites'],
      },
      guide: { programmes: 2, channelsWithData: 1, oldestS: 60, nextRefresh: new Date() },
      refresh: { isRunning: this.isRefreshing, stage: 'guide', done: 1, total: 2 },
    }
  }

  isReady(): string[] {
    return this.missing
  }

  async close(): Promise<void> {
    this.removeAllListeners()
  }
}

export interface Fake {
  readonly guide: FakeGuide
  readonly live: LiveConfig
  readonly hub: EventHub
  readonly port: number
  /** The environment that a reload reads. */
  readonly env: Record<string, string>
  /** Log lines so far. */
  readonly lines: readonly string[]
  readonly ended: readonly string[]
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>
  close(): Promise<void>
}

const running: RunningStream = {
  id: 's1',
  channel: 'Das Erste',
  client: '192.0.2.7',
  startedAt: new Date(),
  engine: 'native',
  audio: 'aac',
  bytesIn: 376,
  bitrate: 10_000_000,
  lag: 0,
  skips: 0,
  clients: 1,
  joins: 1,
  errors: 0,
  reconnects: 0,
  bytesSent: 188,
}

const tunerUse = {
  total: 4,
  byReceiver: 1,
  reserved: 1,
  free: 1,
  used: [{ transponder: '3EF:1:C00000', channels: ['Das Erste'], isLingering: true }],
}

/** Requests with `from` seem to come from that address: a proxy on the loopback says so. */
export async function startFake(
  settings: Record<string, string> = {},
  {
    guide = new FakeGuide(),
    events = {},
    hasHls = true,
    further = [],
    players,
  }: {
    guide?: FakeGuide
    events?: Partial<EventLimits>
    hasHls?: boolean
    further?: readonly Route[]
    players?: Players
  } = {},
): Promise<Fake> {
  const env: Record<string, string> = { XG2G_OWI_BASE: 'http://root:geheim@192.0.2.1', ...settings }
  const load = () => loadConfig({ env })
  const live = new LiveConfig(load(), load)
  const lines: string[] = []
  const destination = new PassThrough().setEncoding('utf8')
  destination.on('data', (text: string) => void lines.push(text))
  const log = createLog('debug', destination)
  const hub = new EventHub(events)
  const ended: string[] = []
  const ports = { api: 8080, proxy: 8001 }
  const parts: Parts = {
    metrics: createMetrics(),
    isReady: () => guide.missing,
    configuration: live,
    guide: () => guide,
    streams: {
      list: () => [running],
      end: (id) => id === running.id && ended.push(id) > 0,
    },
    receivers: () => ({
      look: async () => undefined,
      list: () => [
        { name: 'http://192.0.2.1', isReachable: true, tuners: tunerUse },
        { name: 'http://192.0.2.2', isReachable: undefined, tuners: { ...tunerUse, used: [] } },
      ],
    }),
    devices: () => undefined,
    pool: () => ({
      workers: 2,
      capacity: 256,
      streams: 3,
      jobs: 1,
      packages: 0,
      refused: 0,
      restarts: 1,
      failures: { died: 1, exit: 0, memory: 0, hung: 0 },
      perWorker: [
        { isUp: true, streams: 3, restarts: 0, problem: '' },
        { isUp: false, streams: 0, restarts: 1, problem: 'No worker thread starts' },
      ],
    }),
    further,
    ports,
    hasHls: () => hasHls,
    version: '1.2.3',
    log,
  }
  const guard = new Guard(live)
  const takes = takePlayers({ players: () => players, guard, configuration: live })
  const answer = createApi(parts, hub, guard).callback()
  const server = new ApiServer((request, response) => {
    if (!takes(request, response)) void answer(request, response)
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    guide,
    live,
    hub,
    port,
    env,
    lines,
    ended,
    ask: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }),
    async close() {
      hub.close()
      await server.close(0)
    },
  }
}

/** Settings and headers of a request that comes through a proxy. */
export const behindProxy = { XG2G_TRUSTED_PROXIES: '127.0.0.1' }

export function from(
  address: string,
  headers: Record<string, string> = {},
): { headers: Record<string, string> } {
  return { headers: { 'X-Forwarded-For': address, ...headers } }
}
