// The transcoder alone: engines, the job socket, /audio-remux, health and metrics. No receiver, no guide, nothing
// on disk. Wires the parts, starts them in order and stops them in reverse. Nobody imports it but main.ts.
import { createHealthApi } from './api/app.ts'
import type { Config } from './base/config.ts'
import type { Logger } from './base/log.ts'
import { createMetrics } from './base/metrics.ts'
import { AudioRemux, audioRemuxPath } from './jobs/service.ts'
import { Sources } from './jobs/sources.ts'
import { configuredProfile, createFeeds, startEngines, type PlantTools } from './plant.ts'
import { StreamPort } from './stream/port.ts'

export interface Transcoder {
  /** Where /audio-remux, health and metrics are. */
  readonly port: number
  /** Lets streams come to their end for some seconds, then stops everything. */
  close(): Promise<void>
}

const drainMs = 5000

/** Starts what the configuration asks for. If a part cannot start, those before it are stopped.
 *  @throws what a port says that cannot be listened on */
export async function startTranscoder(config: Config, { log }: { log: Logger }): Promise<Transcoder> {
  await using starting = new AsyncDisposableStack()
  let phase: string | undefined = 'starting'
  for (const warning of config.warnings) log.warn(warning)
  const tools: PlantTools = {
    parts: starting,
    log,
    metrics: createMetrics({ process: true }),
    checks: [() => phase],
  }
  const audio = await startAudio(config, tools)
  // The job socket is started here, with the same engines, and stopped before them.
  const port = await startPort(config, audio, tools)
  phase = undefined
  starting.defer(() => void (phase = 'stopping'))
  log.info({ port, sources: config.transcoderSources }, 'started')

  const parts = starting.move()
  return { port, close: () => parts.disposeAsync() }
}

async function startAudio(config: Config, tools: PlantTools): Promise<AudioRemux> {
  const { log, metrics } = tools
  const { engines, refusal } = await startEngines(config, tools, { mayPass: false })
  if (refusal !== undefined) tools.checks.push(() => 'engine')
  const feeds = createFeeds(engines, { current: config }, tools)
  const profile = configuredProfile(config)
  const sources = new Sources(config.transcoderSources)
  return new AudioRemux({ feeds, engines, sources, refusal, profile, log, metrics })
}

async function startPort(config: Config, audio: AudioRemux, tools: PlantTools): Promise<number> {
  const { parts, log, metrics, checks } = tools
  const isReady = () => checks.flatMap((check) => check() ?? [])
  const others = createHealthApi({ metrics, isReady, log }).callback()
  const port = new StreamPort(
    (request, response) => {
      const [path] = (request.url ?? '').split('?', 1)
      return path === audioRemuxPath ? audio.answer(request, response) : others(request, response)
    },
    { log, requestMs: 0 }, // a body is a stream
  )
  parts.defer(async () => {
    const timer = setTimeout(() => port.abort(), drainMs)
    await Promise.all([port.close(), audio.close(drainMs)])
    clearTimeout(timer)
  })
  return (await port.listen(config.transcoderListen)).port
}
