// Wires the parts, starts them in order and stops them in reverse. Nobody imports it but main.ts.
import { join } from 'node:path'
import type { Ports } from './api/address.ts'
import { createApi, createMetricsApi } from './api/app.ts'
import { hlsAddressFor } from './api/apple.ts'
import { EventHub } from './api/events.ts'
import { Guard } from './api/guard.ts'
import { takePlayers } from './api/players.ts'
import { ApiServer, type Answer } from './api/server.ts'
import { readCertificate, type Certificate } from './base/certificate.ts'
import type { Config } from './base/config.ts'
import { AppError, expectation, toAppError } from './base/errors.ts'
import { proveFolder } from './base/folder.ts'
import { LiveConfig, reloadLogged, type Reloaded } from './base/live.ts'
import { maskCredentials, type Logger } from './base/log.ts'
import { createMetrics, type Metrics } from './base/metrics.ts'
import { settingInfo } from './base/settings.ts'
import { version } from './base/version.ts'
import type { DemoReceiver } from './demo/receiver.ts'
import { channelKeyOf } from './guide/channel.ts'
import type { Channel, Guide, RefreshKind } from './guide/guide.ts'
import { openGuide } from './guide/keeper.ts'
import { VirtualTuner } from './hdhomerun/tuner.ts'
import { Archives } from './hls/archive.ts'
import { Door } from './hls/door.ts'
import { LoreBook } from './hls/lore.ts'
import { Sessions } from './hls/sessions.ts'
import { configuredProfile, createFeeds, startEngines, type Made } from './plant.ts'
import { StreamAddresses } from './receiver/address.ts'
import { Budget } from './receiver/budget.ts'
import { JobListener } from './jobs/listener.ts'
import type { PublishedChannel } from './jobs/publication.ts'
import { Published } from './jobs/published.ts'
import { OpenWebIf } from './receiver/client.ts'
import { Occupancy } from './receiver/occupancy.ts'
import { formatReference, referenceKey, type Reference } from './receiver/reference.ts'
import { findReference, urlPlace } from './receiver/service.ts'
import { Reception } from './receiver/signal.ts'
import type { Engines } from './stream/engines.ts'
import type { Feeds, RunningStream } from './stream/feeds.ts'
import { Proxy } from './stream/proxy.ts'
import { Receivers } from './stream/receivers.ts'
import { fixedService, receivedService, type Service } from './stream/service.ts'
import { Tuners } from './stream/tuners.ts'
import { pageRoutes } from './web/routes.ts'
import type { Pool } from './workers/pool.ts'

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
  /** Its HTTPS; undefined without a certificate. */
  readonly tlsPort: number | undefined
  /** The proxy port; undefined where it is switched off. */
  readonly proxyPort: number | undefined
  /** The HDHomeRun tuner's port; undefined where there is none. */
  readonly tunerPort: number | undefined
  readonly demo: DemoReceiver | undefined
  /** Reads the configuration again and applies what can change while streams run.
   *  @throws CONFIG_REJECTED; then nothing has changed */
  reload(): Reloaded
  /** Drains the streams, then stops everything. Each part may take a few seconds at most. */
  close(): Promise<void>
}

/** What streams are served from, on whichever port. */
interface Streams {
  readonly feeds: Feeds
  /** What a path of the proxy port stands for. */
  readonly find: (path: string) => Service | undefined
  readonly receivers: Receivers | undefined
  readonly refusal: AppError | undefined
}

interface Tools {
  readonly parts: AsyncDisposableStack
  readonly live: LiveConfig
  readonly hub: EventHub
  /** Channels of programs on this machine. */
  readonly published: Published
  /** What is there once it has started. */
  readonly found: {
    apiPort: number
    proxyPort?: number
    tlsPort?: number
    tls?: ApiServer
    feeds?: Feeds
    guide?: Guide
    receivers?: Receivers
    hls?: { readonly sessions: Sessions; readonly door: Door }
    /** Of the first receiver. */
    reception?: Reception
    tuner?: VirtualTuner
    pool?: Pool | undefined
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
    published: new Published(),
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
  const made = await startEngines(live.current, tools)
  found.pool = made.pool
  const folder = isDemo ? join(configured.data, 'demo-guide') : configured.data
  const { enableStreamProxy, hdhrEnabled } = live.current
  const streams = enableStreamProxy || hdhrEnabled ? openStreams(live.current, made, tools) : undefined
  if (streams !== undefined && enableStreamProxy) await startProxy(live.current, streams, tools)
  if (streams !== undefined) startHls(live.current, made, streams, tools)
  await startJobs(live.current, made.engines, tools)
  startGuide(live.current, folder, tools)
  if (streams !== undefined && hdhrEnabled) await startTuner(streams, folder, tools)
  phase = undefined
  starting.defer(() => void (phase = 'stopping'))
  const { apiPort, tlsPort, proxyPort } = found
  const tunerPort = found.tuner?.port
  log.info({ apiPort, tlsPort, proxyPort, tunerPort }, 'started')

  const parts = starting.move()
  return {
    apiPort,
    tlsPort,
    proxyPort,
    tunerPort,
    demo,
    reload: () => reload(tools),
    close: () => parts.disposeAsync(),
  }
}

function reload(tools: Tools): Reloaded {
  const reloaded = reloadLogged(() => reloadAll(tools), tools.log)
  const { applied, restart } = reloaded
  tools.hub.send('config', { applied, restart })
  return reloaded
}

function reloadAll({ live, found }: Tools): Reloaded {
  const certificate = renewedCertificate(live.current)
  const reloaded = live.reload()
  if (certificate === undefined) return reloaded
  found.tls?.renew(certificate)
  return { ...reloaded, warnings: [...reloaded.warnings, ...certificate.warnings] }
}

// The files may hold another one since the start.
function renewedCertificate(config: Config): Certificate | undefined {
  try {
    return readCertificate(config)
  } catch (thrown) {
    throw new AppError('CONFIG_REJECTED', { cause: thrown, reason: toAppError(thrown).message })
  }
}

async function startApi(config: Config, tools: Tools): Promise<void> {
  const { parts, hub, found, log, metrics } = tools
  const answer = apiOf(tools)
  const api = new ApiServer(answer)
  parts.defer(() => api.close())
  await startTls(answer, config, tools)
  parts.defer(() => hub.close()) // before the ports, which wait for its listeners
  found.apiPort = (await api.listen(config.listen)).port
  if (config.metricsListen === undefined) return
  const metricsApi = new ApiServer(createMetricsApi({ metrics, log }).callback())
  parts.defer(() => metricsApi.close())
  await metricsApi.listen(config.metricsListen)
}

// Beside the plain port, which players stay with that know nothing of certificates.
async function startTls(answer: Answer, config: Config, { parts, found, log }: Tools): Promise<void> {
  const certificate = readCertificate(config)
  if (certificate === undefined) return
  for (const warning of certificate.warnings) log.warn(warning)
  const tls = new ApiServer(answer, certificate)
  parts.defer(() => tls.close())
  found.tlsPort = (await tls.listen(config.tlsListen)).port
  found.tls = tls
}

function apiOf(tools: Tools): Answer {
  const { live, hub, found, log, metrics, checks } = tools
  const configuration = {
    get current() {
      return live.current
    },
    get masked() {
      return live.masked
    },
    reload: () => reload(tools),
  }
  const guard = new Guard(configuration)
  const parts = {
    metrics,
    log,
    version,
    isReady: () => checks.flatMap((check) => check() ?? []),
    configuration,
    guide: () => found.guide,
    receivers: () => found.receivers,
    streams: {
      list: () => listStreams(found),
      end: (id: string) => found.hls?.sessions.end(id) === true || found.feeds?.end(id) === true,
    },
    devices: () => found.tuner,
    pool: () => found.pool?.stats(),
    further: pageRoutes(),
    ports: portsOf(tools),
    hasHls: () => found.hls !== undefined,
  }
  const application = createApi(parts, hub, guard).callback()
  const takes = takePlayers({ players: () => found.hls?.door, guard, configuration })
  return (request, response) => takes(request, response) || application(request, response)
}

function portsOf({ found }: Tools): Ports {
  return {
    get api() {
      return found.apiPort
    },
    get proxy() {
      return found.proxyPort
    },
  }
}

// Loaded only here: it is 9 MB of memory that a daemon with a real receiver has no use for.
async function startDemo(config: Config, { parts, log }: Tools): Promise<DemoReceiver> {
  const { startDemoReceiver } = await import('./demo/receiver.ts')
  const demo = await startDemoReceiver({ webPort: 0, streamPort: 0, dataDir: config.data, log })
  parts.defer(() => demo.close())
  return demo
}

function openStreams(config: Config, { engines, refusal }: Made, tools: Tools): Streams {
  const { parts, live, found, log } = tools
  const addresses = addressesOf(config, config.owiBase, log)
  const receivers = receiversOf(config, addresses, tools)
  if (receivers !== undefined) {
    found.receivers = receivers
    parts.defer(() => receivers.close())
  }
  const feeds = createFeeds(engines, live, tools)
  found.feeds = feeds
  return { feeds, find: (path) => findStream(path, addresses, tools), receivers, refusal }
}

async function startProxy(config: Config, { feeds, find, refusal }: Streams, tools: Tools): Promise<void> {
  const { parts, live, found, log, metrics } = tools
  const proxy = new Proxy({
    feeds,
    refusal,
    find,
    elsewhere: (request) =>
      found.hls !== undefined
        ? hlsAddressFor(request, { settings: live.current, guide: found.guide, ports: portsOf(tools) })
        : undefined,
    get profile() {
      return configuredProfile(live.current)
    },
    log,
    metrics,
  })
  parts.defer(() => proxy.close())
  found.proxyPort = (await proxy.listen(config.proxyListen)).port
}

// The channels in segments, for players that want HLS.
function startHls(config: Config, { pool }: Made, { feeds, find }: Streams, tools: Tools): void {
  const { parts, live, found, log, metrics } = tools
  if (!config.hlsEnabled || pool === undefined) return
  const archives =
    config.hlsDvr === 0
      ? undefined
      : new Archives(
          join(config.data, 'hls', 'dvr'),
          { mostMs: config.hlsDvr, mostBytes: config.hlsDvrMb * 1024 * 1024 },
          log,
        )
  const lore = new LoreBook(join(config.data, 'hls', 'channels.json'), log)
  const sessions = new Sessions({
    feeds,
    lore,
    pack: (options) => pool.package(options),
    get profile() {
      return configuredProfile(live.current)
    },
    get limits() {
      const { mostHls: mostSessions, mostClients, mostBufferMb, hlsLinger: lingerMs } = live.current
      return { mostSessions, mostClients, mostBufferedBytes: mostBufferMb * 1024 * 1024, lingerMs }
    },
    slotMs: config.hlsSegment,
    partMs: config.hlsPart,
    listedMs: config.hlsWindow,
    archives,
    log,
    metrics,
  })
  parts.defer(() => lore.close())
  parts.defer(() => sessions.close())
  const door = new Door({ find: (channel) => find(`stream/${channel}`), sessions, lore, log, metrics })
  found.hls = { sessions, door }
}

// Who watches, each viewer of HLS in place of the stream that they share.
function listStreams({ feeds, hls }: Tools['found']): RunningStream[] {
  const streams = feeds?.list() ?? []
  return hls?.sessions.expand(streams) ?? streams
}

// Behind the guide, whose lineup it shows, and closed before it.
async function startTuner(streams: Streams, folder: string, tools: Tools): Promise<void> {
  const { parts, live, found, log, metrics } = tools
  const { feeds, find, receivers, refusal } = streams
  const tuner = await VirtualTuner.open({
    config: () => live.current,
    folder,
    feeds,
    find: (number) => find(`/auto/v${number}`),
    profile: () => configuredProfile(live.current),
    refusal,
    guide: () => found.guide,
    receivers,
    reception: found.reception,
    guideUrl: (hostname) => live.current.publicUrl ?? `http://${hostname}:${found.apiPort}`,
    log,
    metrics,
  })
  if (tuner === undefined) return
  found.tuner = tuner
  parts.defer(() => {
    delete found.tuner
    return tuner.close()
  })
}

// Programs on this machine: their streams back, or as channels where there is a proxy to show them.
async function startJobs(config: Config, engines: Engines, tools: Tools): Promise<void> {
  const { parts, live, found, published, log, metrics } = tools
  if (config.transcoderUrl === `unix:${config.udsPath}`) return // the transcoder's own: we would ask ourselves
  const jobs = await JobListener.open(config, {
    engines,
    get profile() {
      return configuredProfile(live.current)
    },
    published: found.feeds === undefined ? undefined : published,
    idleMs: config.jobIdle,
    log,
    metrics,
  })
  if (jobs !== undefined) parts.defer(() => jobs.close())
}

// What a path of the proxy port stands for: a channel of the lineup, one that is published, or any service
// reference.
function findStream(
  path: string,
  addresses: StreamAddresses,
  { found: { guide, receivers }, published }: Tools,
): Service | undefined {
  const key = channelKeyOf(path)
  const channel = key === undefined ? undefined : guide?.channel(key)
  if (key !== undefined && (channel === undefined || channel.ref === '')) return published.find(key)
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
  { live, found, log, metrics, budget }: Tools,
): Receivers | undefined {
  const { owiBase: first, owiFallback, owiUser: user, owiPass: password, owiTimeoutMs: timeoutMs } = config
  if (first === undefined || isElsewhere(config)) return undefined
  const tunersOf = (owiBase: string): Tuners => {
    const shared = owiBase === first ? budget : new Budget()
    const client = new OpenWebIf({ owiBase, user, password, timeoutMs, budget: shared, log, metrics })
    const source = new Occupancy(client)
    if (owiBase === first) found.reception = new Reception(client, source)
    return new Tuners({
      source,
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
  const { parts, live, hub, found, published, budget, log, metrics, checks } = tools
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
  published.on('change', () => guide.invite(published.list().map(asChannel)))
  for (const event of ['progress', 'lineup', 'receiver', 'refresh'] as const) {
    guide.on(event, (news: unknown) => hub.send(event, news))
  }
  live.onChange((_, applied) => {
    if (applied.includes('epgDays')) refreshSoon(found, 'all')
    else if (applied.includes('bouquets')) refreshSoon(found, 'channels')
  })
}

// As lists show it.
function asChannel({ id, number, name, isRadio }: PublishedChannel): Channel {
  const path = `/stream/${id}`
  return { id, number, name, ref: '', path, groups: ['Published'], isRadio, isHd: false, picon: false }
}

// Right away, or when the refresh that is running has ended.
function refreshSoon(found: Tools['found'], what: RefreshKind): void {
  const { guide } = found
  if (guide?.status().refresh.isRunning === true) {
    guide.once('refresh', () => setImmediate(refreshSoon, found, what))
  } else guide?.refresh(what)
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
