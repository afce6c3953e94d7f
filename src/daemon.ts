// Wires the parts, starts them in order and stops them in reverse. Nobody imports it but main.ts.
import { join } from 'node:path'
import { createApi, createMetricsApi } from './api/app.ts'
import { EventHub } from './api/events.ts'
import { ApiServer } from './api/server.ts'
import type { Config } from './base/config.ts'
import { AppError, expectation } from './base/errors.ts'
import { proveFolder } from './base/folder.ts'
import { LiveConfig, type Reloaded } from './base/live.ts'
import { maskCredentials, type Logger } from './base/log.ts'
import { createMetrics, type Metrics } from './base/metrics.ts'
import { settingInfo } from './base/settings.ts'
import { version } from './base/version.ts'
import type { DemoReceiver } from './demo/receiver.ts'
import type { Guide, RefreshKind } from './guide/guide.ts'
import { openGuide } from './guide/keeper.ts'
import { StreamAddresses } from './receiver/address.ts'
import { Budget } from './receiver/budget.ts'
import { OpenWebIf } from './receiver/client.ts'
import { Occupancy } from './receiver/occupancy.ts'
import { decodePath, formatReference, referenceKey, type Reference } from './receiver/reference.ts'
import { findReference, urlPlace } from './receiver/service.ts'
import { passthroughEngine, poolEngine } from './stream/engine.ts'
import { Engines } from './stream/engines.ts'
import { Feeds, type CrowdLimits } from './stream/feeds.ts'
import { FfmpegEngine } from './stream/ffmpeg.ts'
import { Proxy } from './stream/proxy.ts'
import { Receivers } from './stream/receivers.ts'
import { RemoteEngine } from './stream/remote.ts'
import { fixedService, receivedService, type Service } from './stream/service.ts'
import { Spacing } from './stream/spacing.ts'
import { Tuners } from './stream/tuners.ts'
import { Pool } from './workers/pool.ts'
import { defaultProfile, parseProfile, type Profile } from './workers/profile.ts'

export interface DaemonOptions {
  log: Logger
  /** Starts the emulated receiver and uses it in place of the configured one. */
  isDemo?: boolean
  /** Reads the configuration again, for reload(); the same one unless given. */
  load?: () => Config
}

export interface Daemon {
  /** The API port. */
  readonly apiPort: number
  /** The proxy port; undefined where it is switched off. */
  readonly proxyPort: number | undefined
  readonly demo: DemoReceiver | undefined
  /** Reads the configuration again and applies what can change while streams run.
   *  @throws CONFIG_REJECTED; then nothing has changed */
  reload(): Reloaded
  /** Drains the streams, then stops everything. Each part may take a few seconds at most. */
  close(): Promise<void>
}

interface Tools {
  readonly parts: AsyncDisposableStack
  readonly live: LiveConfig
  readonly hub: EventHub
  /** What is there once it has started. */
  readonly found: {
    apiPort: number
    proxyPort?: number
    feeds?: Feeds
    guide?: Guide
    receivers?: Receivers
  }
  /** What may be asked of the first receiver, for streams and guide together. */
  readonly budget: Budget
  readonly log: Logger
  readonly metrics: Metrics
  /** What keeps the daemon from doing its work now, each looked at when somebody asks. */
  readonly checks: (() => string | undefined)[]
}

/** Starts what the configuration asks for. If a part cannot start, those before it are stopped.
 *  @throws CONFIG_INVALID, or what a port says that cannot be listened on */
export async function startDaemon(
  configured: Config,
  { log, isDemo = false, load = () => configured }: DaemonOptions,
): Promise<Daemon> {
  await using starting = new AsyncDisposableStack()
  let phase: string | undefined = 'starting'
  const live = new LiveConfig(configured, load)
  live.onChange((config) => void (log.level = config.logLevel))
  const found: Tools['found'] = { apiPort: 0 }
  const tools: Tools = {
    parts: starting,
    live,
    hub: new EventHub(),
    found,
    budget: new Budget({ streams: () => found.feeds?.size ?? 0 }),
    log,
    metrics: createMetrics({ process: true }),
    checks: [() => phase],
  }
  for (const warning of configured.warnings) log.warn(warning)
  if (!isDemo) checkSource(configured)
  if (isDemo || configured.owiBase !== undefined) checkData(configured)

  await startApi(configured, tools)
  const demo = isDemo ? await startDemo(configured, tools) : undefined
  if (demo !== undefined) {
    // Where there is no proxy, players are sent to the receiver.
    const proxyTarget = live.current.enableStreamProxy ? undefined : demo.streamUrl
    live.hold({ owiBase: demo.webUrl, proxyTarget })
  }
  if (live.current.enableStreamProxy) await startProxy(live.current, tools)
  startGuide(live.current, isDemo ? join(configured.data, 'demo-guide') : configured.data, tools)
  phase = undefined
  starting.defer(() => void (phase = 'stopping'))
  const { apiPort, proxyPort } = found
  log.info({ apiPort, proxyPort }, 'started')

  const parts = starting.move()
  return { apiPort, proxyPort, demo, reload: () => reload(tools), close: () => parts.disposeAsync() }
}

function reload({ live, hub, log }: Tools): Reloaded {
  try {
    const { applied, restart, warnings } = live.reload()
    log.info({ applied, restart, warnings }, 'configuration reloaded')
    hub.send('config', { applied, restart })
    return { applied, restart, warnings }
  } catch (err) {
    log.error({ err }, 'configuration rejected, the one in effect stays')
    throw err
  }
}

async function startApi({ listen, metricsListen }: Config, tools: Tools): Promise<void> {
  const { parts, live, hub, found, log, metrics, checks } = tools
  const api = new ApiServer(
    createApi(
      {
        metrics,
        log,
        version,
        isReady: () => checks.flatMap((check) => check() ?? []),
        configuration: {
          get current() {
            return live.current
          },
          get masked() {
            return live.masked
          },
          reload: () => reload(tools),
        },
        guide: () => found.guide,
        receivers: () => found.receivers,
        streams: {
          list: () => found.feeds?.list() ?? [],
          end: (id) => found.feeds?.end(id) ?? false,
        },
        ports: {
          get api() {
            return found.apiPort
          },
          get proxy() {
            return found.proxyPort
          },
        },
      },
      hub,
    ),
  )
  parts.defer(() => api.close())
  parts.defer(() => hub.close()) // before the port, which waits for its listeners
  found.apiPort = (await api.listen(listen)).port
  if (metricsListen === undefined) return
  const metricsApi = new ApiServer(createMetricsApi({ metrics, log }))
  parts.defer(() => metricsApi.close())
  await metricsApi.listen(metricsListen)
}

// Loaded only here: it is 9 MB of memory that a daemon with a real receiver has no use for.
async function startDemo(config: Config, { parts, log }: Tools): Promise<DemoReceiver> {
  const { startDemoReceiver } = await import('./demo/receiver.ts')
  const demo = await startDemoReceiver({ webPort: 0, streamPort: 0, dataDir: config.data, log })
  parts.defer(() => demo.close())
  return demo
}

async function startProxy(config: Config, tools: Tools): Promise<void> {
  const { parts, live, found, log, metrics } = tools
  const addresses = addressesOf(config, config.owiBase, log)
  const receivers = receiversOf(config, addresses, tools)
  if (receivers !== undefined) {
    found.receivers = receivers
    parts.defer(() => receivers.close())
  }
  const { engines, refusal } = await startEngines(config, tools)
  const feeds = new Feeds({
    engines,
    spacing: new Spacing(),
    get slow() {
      return live.current.slowClients
    },
    get limits() {
      return { lingerMs: live.current.linger, reconnectMs: live.current.reconnect }
    },
    get crowd() {
      return crowdOf(live.current)
    },
    log,
    metrics,
  })
  const proxy = new Proxy({
    feeds,
    refusal,
    find: (path) => findStream(path, addresses, found),
    get profile() {
      return configuredProfile(live.current)
    },
    log,
    metrics,
  })
  parts.defer(() => proxy.close())
  found.feeds = feeds
  found.proxyPort = (await proxy.listen(config.proxyListen)).port
}

// What a path of the proxy port stands for: a channel of the lineup, or any service reference.
function findStream(
  path: string,
  addresses: StreamAddresses,
  { guide, receivers }: Tools['found'],
): Service | undefined {
  const named = /^(?:stream\/([^/]+)|auto\/v(\d{1,9}))$/.exec(decodePath(path))
  const channel = named === null ? undefined : guide?.channel(named[1] ?? named[2] ?? '')
  if (named !== null && channel === undefined) return undefined
  if (channel?.url !== undefined) return urlService(channel.name, channel.url)
  const reference = findReference(channel?.ref ?? path)
  if (reference === undefined) return undefined
  const name = channel?.name ?? nameOf(reference, guide)
  return receivers === undefined
    ? fixedService({
        name,
        key: keyOf(reference),
        locate: () => addresses.resolve(reference),
        forget: () => addresses.forget(reference),
      })
    : receivedService({ name, key: keyOf(reference), reference, receivers })
}

// A channel of the lineup that lies elsewhere (IPTV).
function urlService(name: string, url: string): Service {
  const place = urlPlace(url)
  return fixedService({ name, key: url, locate: () => Promise.resolve(place), forget: () => undefined })
}

// As the request names it, else as the receiver does.
function nameOf(reference: Reference, guide: Guide | undefined): string {
  return reference.name || guide?.channel(formatReference(reference))?.name || referenceKey(reference)
}

function keyOf(reference: Reference): string {
  return reference.kind === 'service' ? referenceKey(reference) : formatReference(reference)
}

function crowdOf(config: Config): CrowdLimits {
  return {
    mostClients: config.mostClients,
    mostFeeds: config.mostStreams,
    mostFeedsPerAddress: config.mostStreamsPerClient,
    mostBufferedBytes: config.mostBufferMb * 1024 * 1024,
  }
}

function addressesOf(
  { owiUser: user, owiPass: password, owiTimeoutMs: timeoutMs, owiBase: first, proxyTarget }: Config,
  owiBase: string | undefined,
  log: Logger,
): StreamAddresses {
  const target = owiBase === first ? proxyTarget : undefined
  return new StreamAddresses({ owiBase, user, password, proxyTarget: target, timeoutMs, log })
}

// Does the stream server that is set belong to another machine than the receiver's OpenWebIF?
function isElsewhere({ owiBase, proxyTarget }: Config): boolean {
  const host = (address: string | undefined) => URL.parse(address ?? '')?.hostname
  return proxyTarget !== undefined && host(proxyTarget) !== host(owiBase)
}

// A stream port alone, without OpenWebIF, cannot be asked for its tuners.
function receiversOf(
  config: Config,
  addresses: StreamAddresses,
  { live, log, metrics, budget }: Tools,
): Receivers | undefined {
  const { owiBase: first, owiFallback, owiUser: user, owiPass: password, owiTimeoutMs: timeoutMs } = config
  if (first === undefined || isElsewhere(config)) return undefined
  const tunersOf = (owiBase: string): Tuners => {
    const shared = owiBase === first ? budget : new Budget()
    const client = new OpenWebIf({ owiBase, user, password, timeoutMs, budget: shared, log, metrics })
    return new Tuners({
      source: new Occupancy(client),
      get limit() {
        return live.current.tuners
      },
      get reserved() {
        return live.current.tunersReserved
      },
      log,
      metrics,
    })
  }
  const bases = [first, ...owiFallback.filter((base) => base !== first)]
  return new Receivers(
    bases.map((owiBase) => ({
      name: maskCredentials(owiBase),
      addresses: owiBase === first ? addresses : addressesOf(config, owiBase, log),
      tuners: tunersOf(owiBase),
    })),
  )
}

// The emulated receiver's guide is kept apart from that of a real one.
function startGuide({ owiBase, ...config }: Config, dataDir: string, tools: Tools): void {
  if (owiBase === undefined) return
  const { parts, live, hub, found, budget, log, metrics, checks } = tools
  const client = new OpenWebIf({
    owiBase,
    user: config.owiUser,
    password: config.owiPass,
    timeoutMs: config.owiTimeoutMs,
    guideTimeoutMs: config.epgTimeoutMs,
    budget,
    log,
    metrics,
  })
  const guide = openGuide({
    client,
    dataDir,
    get bouquets() {
      return live.current.bouquets
    },
    get days() {
      return live.current.epgDays
    },
    piconFolder: config.piconPath,
    schedule: { channelsEveryMs: config.channelRefresh, guideEveryMs: config.epgRefresh },
    log,
    metrics,
  })
  found.guide = guide
  parts.defer(() => {
    delete found.guide // nobody asks it any more
    return guide.close()
  })
  checks.push(() => guide.isReady()[0])
  for (const event of ['progress', 'lineup', 'receiver', 'refresh'] as const) {
    guide.on(event, (news: unknown) => hub.send(event, news))
  }
  live.onChange((_, applied) => {
    if (applied.includes('epgDays')) refreshSoon(found, 'all')
    else if (applied.includes('bouquets')) refreshSoon(found, 'channels')
  })
}

// Right away, or when the refresh that is running has ended.
function refreshSoon(found: Tools['found'], what: RefreshKind): void {
  const { guide } = found
  if (guide?.status().refresh.isRunning === true) {
    guide.once('refresh', () => setImmediate(refreshSoon, found, what))
  } else guide?.refresh(what)
}

// What streams go through: all engines in order, and beside them the first that works now. Without the addon
// and without ffmpeg the daemon still runs: streams pass through, and who asks for other sound is refused.
async function startEngines(config: Config, tools: Tools): Promise<{ engines: Engines; refusal?: AppError }> {
  const { enableAudioTranscoding, useNativeRemuxer } = config
  const { log, metrics } = tools
  const last = passthroughEngine()
  if (!enableAudioTranscoding) {
    const reason = 'Audio transcoding is switched off here: only audio=copy can be had'
    const refusal = new AppError('BAD_REQUEST', { reason })
    return { engines: new Engines([last], { log, metrics }), refusal }
  }
  const [remote, pool, ffmpeg] = await Promise.all([
    startRemote(config, tools),
    useNativeRemuxer ? startPool(config, tools) : undefined,
    startFfmpeg(config, tools),
  ])
  const candidates = [
    ...(pool === undefined ? [] : [{ made: poolEngine(pool), problem: pool.problem }]),
    { made: ffmpeg, problem: ffmpeg.problem },
  ]
  // Threads that do not start are tried again; what is not installed stays away until the next start.
  const list = candidates.filter(({ problem }) => problem === undefined || problem.code === 'NO_WORKER')
  const engines = new Engines([...remote, ...list.map(({ made }) => made), last], { log, metrics })
  if (remote.length > 0) return { engines } // it comes back by itself
  const working = list.find(({ problem }) => problem === undefined)
  const refusal = candidates[0]?.problem
  if (refusal !== undefined)
    log.error({ err: refusal, engine: (working?.made ?? last).name }, 'streams begin with another engine')
  return working === undefined && refusal !== undefined ? { engines, refusal } : { engines }
}

// None, or the one that is set. The pool here starts all the same: it takes over at once when that one is away.
async function startRemote(
  { transcoderUrl }: Config,
  { parts, log, metrics }: Tools,
): Promise<RemoteEngine[]> {
  if (transcoderUrl === undefined) return []
  const remote = new RemoteEngine(transcoderUrl, { log, metrics })
  parts.defer(() => remote.close())
  await remote.ready()
  return [remote]
}

async function startPool(config: Config, { parts, log, metrics, checks }: Tools): Promise<Pool> {
  const { workers, streamsPerWorker, audioChannels, audioBitrate } = config
  const pool = new Pool({ workers, streamsPerWorker, log, metrics })
  parts.defer(() => pool.close())
  await pool.ready()
  if (pool.problem !== undefined) return pool
  checks.push(() => pool.problem && 'workers')
  const { capacity } = pool.stats()
  log.info(
    { sample_rate: sampleRate, channels: audioChannels, bitrate: audioBitrate, workers, capacity },
    'native remuxer initialized',
  )
  return pool
}

async function startFfmpeg({ ffmpeg: program }: Config, { parts, log }: Tools): Promise<FfmpegEngine> {
  const ffmpeg = new FfmpegEngine({ program, log })
  parts.defer(() => ffmpeg.close())
  await ffmpeg.ready()
  return ffmpeg
}

const sampleRate = 48_000 // of broadcast sound; the remuxer keeps the source's

function configuredProfile(config: Config): Profile {
  const { audioCodec: audio, audioBitrate: bitrate, audioChannels: channels } = config
  const { audioLanguage: language, audioTracks: tracks } = config
  return parseProfile({ audio, bitrate, channels, language, tracks }, defaultProfile)
}

// Before anything is opened that would fail in its own words.
function checkData({ data }: Config): void {
  try {
    proveFolder(data)
  } catch (cause) {
    const { env } = settingInfo('data')
    const expected = expectation('a folder that can be written to', env, data)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('CONFIG_INVALID', { cause, reason: `${expected}: ${why}` })
  }
}

function checkSource({ owiBase, proxyTarget, enableStreamProxy }: Config): void {
  if (!enableStreamProxy || owiBase !== undefined || proxyTarget !== undefined) return
  const reason =
    "Expected the receiver's address for XG2G_OWI_BASE, such as http://192.168.1.20, but received none\n" +
    'Without a receiver: ./xg2g serve --demo'
  throw new AppError('CONFIG_INVALID', { reason })
}
