// What clients come to: page and API, streams, HLS, the HDHomeRun tuner.
import { join } from 'node:path'
import type { Ports } from './api/address.ts'
import { createApi, createMetricsApi } from './api/app.ts'
import { hlsAddressFor } from './api/apple.ts'
import { Guard } from './api/guard.ts'
import { takePlayers } from './api/players.ts'
import { ApiServer, type Answer } from './api/server.ts'
import { readCertificate, type Certificate } from './base/certificate.ts'
import type { Config } from './base/config.ts'
import { AppError, toAppError } from './base/errors.ts'
import { type Reloaded } from './base/live.ts'
import { version } from './base/version.ts'
import { VirtualTuner } from './hdhomerun/tuner.ts'
import { Archives } from './hls/archive.ts'
import { Door } from './hls/door.ts'
import { LoreBook } from './hls/lore.ts'
import { Sessions } from './hls/sessions.ts'
import { configuredProfile, type Made } from './plant.ts'
import type { RunningStream } from './stream/feeds.ts'
import { Proxy } from './stream/proxy.ts'
import { pageRoutes } from './web/routes.ts'
import type { Streams, Tools } from './tools.ts'

/** The ports of page, API, HLS and metrics. @param reload  what a request for it does */
export async function startApi(config: Config, tools: Tools, reload: () => Reloaded): Promise<void> {
  const { parts, hub, found, log, metrics } = tools
  const answer = apiOf(tools, reload)
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

function apiOf(tools: Tools, reload: () => Reloaded): Answer {
  const { live, hub, found, log, metrics, checks } = tools
  const configuration = {
    get current() {
      return live.current
    },
    get masked() {
      return live.masked
    },
    reload,
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

/** The files may hold another one since the start. @throws CONFIG_REJECTED */
export function renewedCertificate(config: Config): Certificate | undefined {
  try {
    return readCertificate(config)
  } catch (thrown) {
    throw new AppError('CONFIG_REJECTED', { cause: thrown, reason: toAppError(thrown).message })
  }
}

/** The proxy port. */
export async function startProxy(
  config: Config,
  { feeds, find, refusal }: Streams,
  tools: Tools,
): Promise<void> {
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

/** The channels in segments, for players that want HLS. */
export function startHls(config: Config, { pool }: Made, { feeds, find }: Streams, tools: Tools): void {
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

/** Behind the guide, whose lineup it shows, and closed before it. */
export async function startTuner(streams: Streams, folder: string, tools: Tools): Promise<void> {
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
