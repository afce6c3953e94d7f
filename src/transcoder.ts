// The transcoder alone: engines, the job socket, /audio-remux, health and metrics. No receiver, no guide, nothing
// on disk. Wires the parts, starts them in order and stops them in reverse. Nobody imports it but main.ts.
import { createHealthApi, createMetricsApi } from './api/app.ts'
import { ApiServer } from './api/server.ts'
import type { Config } from './base/config.ts'
import type { AppError } from './base/errors.ts'
import { LiveConfig, reloadLogged, type Reloaded } from './base/live.ts'
import type { Logger } from './base/log.ts'
import { createMetrics } from './base/metrics.ts'
import { JobListener } from './jobs/listener.ts'
import { AudioRemux, audioRemuxPath } from './jobs/service.ts'
import { Sources } from './jobs/sources.ts'
import { configuredProfile, createFeeds, startEngines, type PlantTools } from './plant.ts'
import type { Engines } from './stream/engines.ts'
import { StreamPort } from './stream/port.ts'
import type { Profile } from './workers/profile.ts'

export interface Transcoder {
  /** Where /audio-remux, health and metrics are. */
  readonly port: number
  /** Reads the configuration again and applies what can change while streams run.
   *  @throws CONFIG_REJECTED; then nothing has changed */
  reload(): Reloaded
  /** Lets streams come to their end for some seconds, then stops everything. */
  close(): Promise<void>
}

export interface TranscoderOptions {
  log: Logger
  /** Reads the configuration again, for reload(); the same one unless given. */
  load?: () => Config
}

interface Tools extends PlantTools {
  readonly live: LiveConfig
}

const drainMs = 5000

/** Starts what the configuration asks for. If a part cannot start, those before it are stopped.
 *  @throws what a port says that cannot be listened on */
export async function startTranscoder(
  config: Config,
  { log, load = () => config }: TranscoderOptions,
): Promise<Transcoder> {
  await using starting = new AsyncDisposableStack()
  let phase: string | undefined = 'starting'
  for (const warning of config.warnings) log.warn(warning)
  const live = new LiveConfig(config, load)
  live.onChange((changed) => void (log.level = changed.logLevel))
  const tools: Tools = {
    parts: starting,
    live,
    log,
    metrics: createMetrics({ process: true }),
    checks: [() => phase],
  }
  const made = await startMakers(config, tools)
  await startJobs(config, made, tools)
  const port = await startPort(config, made, tools)
  phase = undefined
  starting.defer(() => void (phase = 'stopping'))
  log.info({ port, sources: config.transcoderSources }, 'started')

  const parts = starting.move()
  const reload = () => reloadLogged(() => live.reload(), log)
  return { port, reload, close: () => parts.disposeAsync() }
}

/** What makes sound of sound, and what those get who ask for nothing. */
interface Makers {
  readonly engines: Engines
  readonly refusal?: AppError
  /** Changes with the configuration. */
  readonly profile: Profile
}

// Never another transcoder: two that name each other would hand a stream to and fro.
async function startMakers(config: Config, tools: Tools): Promise<Makers> {
  const made = await startEngines({ ...config, transcoderUrl: undefined }, tools, { mayPass: false })
  if (made.refusal !== undefined) tools.checks.push(() => 'engine')
  return {
    ...made,
    get profile() {
      return configuredProfile(tools.live.current)
    },
  }
}

async function startJobs(config: Config, made: Makers, tools: Tools): Promise<void> {
  const { parts, log, metrics } = tools
  const jobs = await JobListener.open(config, {
    engines: made.engines,
    get profile() {
      return made.profile
    },
    idleMs: config.jobIdle,
    log,
    metrics,
  })
  if (jobs !== undefined) parts.defer(() => jobs.close())
}

async function startPort(config: Config, made: Makers, tools: Tools): Promise<number> {
  const { parts, live, log, metrics, checks } = tools
  const feeds = createFeeds(made.engines, live, tools)
  const sources = new Sources(config.transcoderSources)
  const audio = new AudioRemux({
    feeds,
    engines: made.engines,
    sources,
    refusal: made.refusal,
    get profile() {
      return made.profile
    },
    idleMs: config.jobIdle,
    log,
    metrics,
  })
  const isReady = () => checks.flatMap((check) => check() ?? [])
  const others = createHealthApi({ metrics, isReady, log }).callback()
  const port = new StreamPort(
    (request, response) => {
      const [path] = (request.url ?? '').split('?', 1)
      return path === audioRemuxPath ? audio.answer(request, response) : others(request, response)
    },
    { log, requestMs: 0, isReusable: true }, // a body is a stream; a daemon comes again
  )
  parts.defer(async () => {
    const timer = setTimeout(() => port.abort(), drainMs)
    await Promise.all([port.close(), audio.close(drainMs)])
    clearTimeout(timer)
  })
  await startMetrics(config, tools)
  return (await port.listen(config.transcoderListen)).port
}

async function startMetrics({ metricsListen }: Config, { parts, log, metrics }: PlantTools): Promise<void> {
  if (metricsListen === undefined) return
  const api = new ApiServer(createMetricsApi({ metrics, log }).callback())
  parts.defer(() => api.close())
  await api.listen(metricsListen)
}
