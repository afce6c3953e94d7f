// The house of the chaos tests: everything between a receiver and its viewers in one process, with the
// limits drawn close so that much happens in little time, and an eye on what must hold all along.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BroadcastChannel } from 'node:worker_threads'
import type { Logger } from '../../src/base/log.ts'
import { createMetrics, type Metrics } from '../../src/base/metrics.ts'
import { startDemoReceiver, type DemoOptions, type DemoReceiver } from '../../src/demo/receiver.ts'
import { StreamAddresses } from '../../src/receiver/address.ts'
import { Budget } from '../../src/receiver/budget.ts'
import { OpenWebIf } from '../../src/receiver/client.ts'
import { Occupancy } from '../../src/receiver/occupancy.ts'
import { referenceKey } from '../../src/receiver/reference.ts'
import { findReference } from '../../src/receiver/service.ts'
import { passthroughEngine, poolEngine, type Engine } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Feeds } from '../../src/stream/feeds.ts'
import { FfmpegEngine } from '../../src/stream/ffmpeg.ts'
import { Proxy } from '../../src/stream/proxy.ts'
import { Receivers } from '../../src/stream/receivers.ts'
import { receivedService } from '../../src/stream/service.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import { Tuners } from '../../src/stream/tuners.ts'
import { Pool } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { collectGarbage, rssBytes } from '../workers/memory.ts'
import type { Strictness } from './judge.ts'
import { wireName, type Ending, type ThreadOrder } from './worker.ts'

export type Kind = NonNullable<DemoOptions['streams']>[number]

/** What is done to a channel: nothing of its own, its connections, or its bytes. */
export type Temper = 'calm' | 'rough' | 'damaged'

export const tempers = {
  mpeg2: 'calm',
  'radio-mp2': 'calm',
  'open-gop': 'calm',
  latm: 'rough',
  'absent-audio': 'rough',
  'radio-aac': 'rough',
  description: 'damaged',
  'mono-44k1': 'damaged',
} as const satisfies Partial<Record<Kind, Temper>>

export type ChaosKind = keyof typeof tempers
export const kinds = Object.keys(tempers) as [ChaosKind, ...ChaosKind[]]

export function kindsOf(temper: Temper): readonly ChaosKind[] {
  return kinds.filter((kind) => tempers[kind] === temper)
}

/** What the process takes when nothing is under way. */
export interface Use {
  readonly rss: number
  /** SharedArrayBuffers included */
  readonly arrayBuffers: number
  readonly heap: number
  readonly threads: number
  readonly files: number
}

export interface Failure {
  readonly who: string
  readonly what: string
  readonly timeline: readonly string[]
}

/** Waits of the house, short: what a client may have to wait for follows from them. */
export const waits = { stallMs: 4000, reconnectMs: 12_000, startMs: 15_000, hangMs: 3000, unreadMs: 6000 }

const folder = 'var/test/chaos'
const mostEvents = 300
const mostFailures = 12
const tickMs = 50
const lookMs = 100
const tuners = 5
const workers = 2
// What comes while a thread is replaced finds room.
const inputBytes = 4 * 1024 * 1024

export class House {
  readonly seed: number
  readonly demo: DemoReceiver
  readonly pool: Pool
  readonly feeds: Feeds
  readonly failures: Failure[] = []
  readonly #ffmpeg = new FfmpegEngine()
  readonly #proxy: Proxy
  readonly #receivers: Receivers
  readonly #metrics: Metrics
  readonly #wire = new BroadcastChannel(wireName)
  readonly #threads: number[] = []
  readonly #events: string[] = []
  readonly #fallen = new Map<string, number>() // channel -> its streams in other engines than the first
  readonly #onEasier = new Set<(channel: string) => void>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #counts = new Map<string, number>()
  #port = 0
  #clockMs = 0
  #troubledUntil = 0

  private constructor(seed: number, demo: DemoReceiver) {
    this.seed = seed
    this.demo = demo
    this.#metrics = createMetrics()
    this.#wire.onmessage = (message: unknown) => {
      const { thread } = (message as { data: ThreadOrder }).data
      if (thread !== undefined) this.#threads.push(thread)
    }
    this.#wire.unref()
    const metrics = this.#metrics
    this.pool = new Pool({
      workers,
      metrics,
      taskFile: join(import.meta.dirname, 'worker.ts'),
      hangMs: waits.hangMs,
      inputBytes,
      resourceLimits: { maxOldGenerationSizeMb: 48 },
    })
    const engines = new Engines(
      [poolEngine(this.pool), this.#fallback(this.#ffmpeg), this.#fallback(passthroughEngine())],
      {
        metrics,
        breaker: { coolMs: 3000, mostCoolMs: 6000 },
        provenMs: 2000,
      },
    )
    const { startMs, reconnectMs, stallMs, unreadMs } = waits
    this.feeds = new Feeds({
      engines,
      spacing: new Spacing(),
      metrics,
      log: this.#log(),
      limits: {
        ...{ startMs, reconnectMs, stallMs, firstByteMs: stallMs, lingerMs: 1500 },
        ...{ mostBytes: 4 * 1024 * 1024, keepMs: 1000 },
      },
    })
    const client = new OpenWebIf({ owiBase: demo.webUrl, timeoutMs: 5000, budget: new Budget() })
    const tuners = new Tuners({ source: new Occupancy(client), limit: 'auto', reserved: 0, metrics })
    const addresses = new StreamAddresses({ owiBase: demo.webUrl, timeoutMs: 5000, retryMs: 200 })
    const receivers = new Receivers([{ name: 'demo', addresses, tuners }])
    this.#receivers = receivers
    this.#proxy = new Proxy({
      feeds: this.feeds,
      find(path) {
        const reference = findReference(path)
        if (reference === undefined) return undefined
        const key = referenceKey(reference)
        return receivedService({ name: key, key, reference, receivers: receivers })
      },
      profile: defaultProfile,
      metrics,
      limits: { stallMs: unreadMs },
    })
    this.#startClock()
  }

  static async open(seed: number): Promise<House> {
    const demo = await startDemoReceiver({
      webPort: 0,
      streamPort: 0,
      dataDir: 'var',
      streams: kinds,
      tuners,
      writeTimeoutMs: 5000,
    })
    const house = new House(seed, demo)
    await Promise.all([house.pool.ready(), house.#ffmpeg.ready()])
    house.#port = (await house.#proxy.listen({ host: '127.0.0.1', port: 0 })).port
    return house
  }

  get port(): number {
    return this.#port
  }

  /** Time in which this process got its turn, ms: on a busy machine it goes slower than the wall's. */
  get now(): number {
    return this.#clockMs
  }

  /** Until then every stream may have to wait: the receiver was away or threads were lost. */
  get troubledUntil(): number {
    return this.#troubledUntil
  }

  /** The last things that happened to the house. */
  get events(): readonly string[] {
    return this.#events
  }

  /** How often what was done. */
  get counts(): string {
    return [...this.#counts].map(([what, count]) => `${what} ${count}`).join(', ')
  }

  path(kind: ChaosKind, query = ''): string {
    return `/${this.demo.channels.find((channel) => channel.kind === kind)?.ref ?? ''}${query}`
  }

  note(text: string, what = text): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.#events.push(`${stamp(this.now)} house: ${text}`)
    if (this.#events.length > mostEvents) this.#events.shift()
  }

  /** Something that must not be. @param bytes  the last ones that the viewer got */
  fail(who: string, what: string, own: readonly string[] = [], bytes?: Buffer): void {
    const timeline = [...this.#events, ...own].sort().slice(-80)
    if (this.failures.push({ who, what, timeline }) > mostFailures) return
    const text = [`seed ${this.seed}`, `${who}: ${what}`, ...timeline, ''].join('\n')
    const file = join(folder, `${this.seed}-${this.failures.length}`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${file}.txt`, text)
    if (bytes !== undefined) writeFileSync(`${file}.ts`, bytes)
  }

  /** @throws what failed, for a person */
  check(): void {
    if (this.failures.length > 0) throw new Error(this.#report())
  }

  #report(): string {
    const all = this.failures.map(({ who, what }) => `${who}: ${what}`)
    const first = this.failures[0]?.timeline ?? []
    return [
      `seed ${this.seed}: ${all.length} failures; bytes and events in ${folder}`,
      ...all.slice(0, mostFailures),
      ...(first.length === 0 ? [] : ['before the first of them:', ...first.slice(-40)]),
    ].join('\n')
  }

  /** What can be asked of a viewer's stream now. */
  strictness(kind: ChaosKind): Strictness {
    const isDamaged = tempers[kind] === 'damaged'
    const label = this.#label(kind)
    if (!this.#fallen.has(label)) return isDamaged ? 'tables' : 'all'
    return isDamaged ? 'nothing' : 'tables'
  }

  /** How a channel's streams stand, in a line. */
  standing(kind: ChaosKind): string {
    const own = this.feeds.list().filter(({ channel }) => channel === this.#label(kind))
    const each = own.map(
      ({ id, engine, audio, bytesSent, lag, skips, joins, reconnects }) =>
        `${id} ${engine} ${audio}: ${bytesSent} sent, lag ${lag}, skips ${skips}, joins ${joins}, reconnects ${reconnects}`,
    )
    return each.join('; ')
  }

  /** Calls when less can be asked of a channel's streams than before. @returns takes it back */
  onEasier(kind: ChaosKind, call: () => void): () => void {
    const each = (label: string) => label === this.#label(kind) && call()
    this.#onEasier.add(each)
    return () => this.#onEasier.delete(each)
  }

  /** Every stream may have to wait for so long from now on. */
  trouble(ms: number): void {
    this.#troubledUntil = Math.max(this.#troubledUntil, this.now + ms)
  }

  /** Ends one of the worker threads. False if none is known. */
  endThread(ending: Ending, place: number): boolean {
    const [thread] = this.#threads.splice(place % Math.max(1, this.#threads.length), 1)
    if (thread === undefined) return false
    this.note(`thread ${thread}: ${ending}`, ending)
    this.trouble(waits.hangMs + 15_000)
    this.#wire.postMessage({ thread, ending } satisfies ThreadOrder)
    return true
  }

  /** The receiver goes away with all that it sends, and comes back. */
  async reboot(ms: number): Promise<void> {
    this.note(`the receiver restarts for ${ms} ms`, 'restart')
    this.trouble(ms + waits.reconnectMs + waits.stallMs)
    await this.demo.faults.reboot(ms)
    this.note('the receiver is back', 'back')
  }

  /** What is left of streams and clients; empty when all have left. */
  async leftovers(): Promise<string[]> {
    const { feeds, pool, demo } = this
    const busy = demo.tuners().filter(({ transponder }) => transponder !== undefined)
    const counts: Record<string, number> = {
      clients: feeds.clients,
      feeds: feeds.size,
      'listed streams': feeds.list().length,
      'buffered bytes': feeds.bufferedBytes,
      'streams in the pool': pool.stats().streams,
      'threads that are not up': pool.stats().perWorker.filter(({ isUp }) => !isUp).length,
      'streams of the receiver': demo.requests.streamsNow,
      'tuners in use': busy.length,
      'channels in other engines': this.#fallen.size,
    }
    for (const name of [
      'xg2g_stream_active_count',
      'xg2g_feeds',
      'xg2g_stream_clients',
      'xg2g_pool_streams',
    ]) {
      counts[name] = await this.metric(name)
    }
    return Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]))
  }

  async metric(name: string): Promise<number> {
    const metric = await this.#metrics.registry.getSingleMetric(name)?.get()
    return (metric?.values ?? []).reduce((all, { value }) => all + value, 0)
  }

  async use(): Promise<Use> {
    this.#wire.postMessage({} satisfies ThreadOrder)
    await collectGarbage()
    const count = (name: string) => readdirSync(`/proc/self/${name}`).length
    const { arrayBuffers, heapUsed: heap } = process.memoryUsage()
    return { rss: rssBytes(), arrayBuffers, heap, threads: count('task'), files: count('fd') }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#proxy.close(0)
    this.#receivers.close()
    await Promise.all([this.pool.close(), this.#ffmpeg.close()])
    this.#wire.close()
    await this.demo.close()
  }

  #label(kind: ChaosKind): string {
    // A service without a name is told by its key: the reference without its last colon.
    return this.path(kind).slice(1).replace(/:$/, '')
  }

  // An engine behind the first; remembers whose streams it has.
  #fallback(engine: Engine): Engine {
    return {
      name: engine.name,
      open: (profile, options) => {
        const label = options?.label ?? ''
        const stream = engine.open(profile, options)
        this.note(`${label} goes through ${engine.name} now`, engine.name)
        this.#fallen.set(label, (this.#fallen.get(label) ?? 0) + 1)
        this.#tell(label)
        const leave = () => {
          const left = (this.#fallen.get(label) ?? 1) - 1
          if (left > 0) this.#fallen.set(label, left)
          else this.#fallen.delete(label)
        }
        stream.done.then(leave, leave)
        return stream
      },
    }
  }

  // Feeds say in their log when a connection broke, before anything of the next one comes.
  #log(): Logger {
    const warn = ({ channel }: { channel: string }, text: string) => {
      this.note(`${channel}: ${text}`, text)
      this.#tell(channel)
    }
    return {
      warn,
      info: () => undefined,
      debug: () => undefined,
      error: () => undefined,
    } as unknown as Logger
  }

  #tell(label: string): void {
    for (const call of this.#onEasier) call(label)
  }

  #startClock(): void {
    let last = performance.now()
    const tick = () => {
      const now = performance.now()
      this.#clockMs += Math.min(2 * tickMs, now - last)
      last = now
    }
    this.#timers.push(
      setInterval(tick, tickMs),
      setInterval(() => this.#look(), lookMs),
    )
  }

  // What must hold at every moment.
  #look(): void {
    for (const { name, users } of this.demo.tuners()) {
      const twice = users.find((user, place) => users.indexOf(user) !== place)
      if (twice !== undefined) this.fail(name, `${twice} is received twice at once`)
    }
    const { streamsNow } = this.demo.requests
    if (streamsNow > this.feeds.size + kinds.length)
      this.fail('receiver', `${streamsNow} connections for ${this.feeds.size} channels`)
  }
}

export function stamp(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(9)
}
