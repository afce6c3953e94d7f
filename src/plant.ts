// What turns streams into others, made as it is configured: for the daemon and the transcoder alike.
import type { Config } from './base/config.ts'
import { AppError } from './base/errors.ts'
import type { LiveConfig } from './base/live.ts'
import type { Logger } from './base/log.ts'
import type { Metrics } from './base/metrics.ts'
import { passthroughEngine, poolEngine } from './stream/engine.ts'
import { Engines } from './stream/engines.ts'
import { Feeds, type CrowdLimits } from './stream/feeds.ts'
import { FfmpegEngine } from './stream/ffmpeg.ts'
import { RemoteEngine } from './stream/remote.ts'
import { Spacing } from './stream/spacing.ts'
import { Pool } from './workers/pool.ts'
import { defaultProfile, parseProfile, type Profile } from './workers/profile.ts'

/** Where what is started is told of. */
export interface PlantTools {
  /** What is to be closed again, in reverse. */
  readonly parts: AsyncDisposableStack
  readonly log: Logger
  readonly metrics: Metrics
  /** What keeps the process from doing its work now, each looked at when somebody asks. */
  readonly checks: (() => string | undefined)[]
}

/** Streams within the limits of the configuration in effect. */
export function createFeeds(
  engines: Engines,
  live: Pick<LiveConfig, 'current'>,
  { log, metrics }: Pick<PlantTools, 'log' | 'metrics'>,
): Feeds {
  return new Feeds({
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
}

function crowdOf(config: Config): CrowdLimits {
  return {
    mostClients: config.mostClients,
    mostFeeds: config.mostStreams,
    mostFeedsPerAddress: config.mostStreamsPerClient,
    mostBufferedBytes: config.mostBufferMb * 1024 * 1024,
  }
}

/** What streams go through. */
export interface Made {
  readonly engines: Engines
  /** Why the sound cannot be changed, where that is so. */
  readonly refusal?: AppError
  /** Our own threads; undefined where they are switched off. */
  readonly pool?: Pool | undefined
}

/** What streams go through: all engines in order, and why the sound cannot be changed where that is so. Without
 *  the addon and without ffmpeg streams still pass through, and who asks for other sound is refused.
 *  @param options  mayPass: does a stream whose engines have failed go on as it comes? Default true */
export async function startEngines(
  config: Config,
  tools: PlantTools,
  { mayPass = true }: { mayPass?: boolean } = {},
): Promise<Made> {
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
  const behind = mayPass || list.length === 0 ? [last] : []
  const engines = new Engines([...remote, ...list.map(({ made }) => made), ...behind], { log, metrics })
  if (remote.length > 0) return { engines, pool } // it comes back by itself
  const working = list.find(({ problem }) => problem === undefined)
  const refusal = candidates[0]?.problem
  if (refusal !== undefined)
    log.error({ err: refusal, engine: (working?.made ?? last).name }, 'streams begin with another engine')
  return { engines, pool, ...(working === undefined && refusal !== undefined && { refusal }) }
}

// None, or the one that is set. The pool here starts all the same: it takes over at once when that one is away.
async function startRemote(
  { transcoderUrl }: Config,
  { parts, log, metrics }: PlantTools,
): Promise<RemoteEngine[]> {
  if (transcoderUrl === undefined) return []
  const remote = new RemoteEngine(transcoderUrl, { log, metrics })
  parts.defer(() => remote.close())
  await remote.ready()
  return [remote]
}

async function startPool(config: Config, { parts, log, metrics, checks }: PlantTools): Promise<Pool> {
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

async function startFfmpeg({ ffmpeg: program }: Config, { parts, log }: PlantTools): Promise<FfmpegEngine> {
  const ffmpeg = new FfmpegEngine({ program, log })
  parts.defer(() => ffmpeg.close())
  await ffmpeg.ready()
  return ffmpeg
}

const sampleRate = 48_000 // of broadcast sound; the remuxer keeps the source's

/** What those get who ask for nothing. */
export function configuredProfile(config: Config): Profile {
  const { audioCodec: audio, audioEncoder: encoder, audioBitrate: bitrate, audioChannels: channels } = config
  const { audioLanguage: language, audioTracks: tracks } = config
  return parseProfile({ audio, encoder, bitrate, channels, language, tracks }, defaultProfile)
}
