// What Prometheus reads: one registry per createMetrics(), so that tests and two daemons in one
// process do not share counts. Label values come from fixed lists; anything else counts as `other`.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { ERRORS, type ErrorCode } from './errors.ts'

type Engine = (typeof engines)[number]
export type Metrics = ReturnType<typeof createMetrics>

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const directions = ['in', 'out'] as const
const poolKinds = ['live', 'job'] as const
const workerFailures = ['died', 'hung', 'memory', 'exit', 'task'] as const
const errorCodes = Object.keys(ERRORS) as ErrorCode[]
const damageKinds = [
  'sync',
  'skipped',
  'tei',
  'duplicate',
  'continuity',
  'scrambled',
  'psi',
  'decode',
  'lost',
  'silence',
  'reanchor',
] as const
const upstreamFailures = ['refused', 'timeout', 'stalled', 'ended', 'reset', 'unreachable', 'status'] as const

const streamLimits = ['clients', 'feeds', 'address', 'memory'] as const
const callRefusals = ['user', 'limit'] as const
const engines = ['remote', 'native', 'ffmpeg', 'passthrough'] as const

const hlsObjects = ['playlist', 'segment', 'part', 'init'] as const

const jobEnds = ['done', 'refused', 'failed', 'left'] as const

const tunerRefusals = ['in use', 'limit', 'receiver'] as const
const tunerPreemptions = ['lingering', 'priority'] as const
const receiverResults = ['answered', 'unreachable', 'timeout', 'refused', 'broken'] as const
const refreshStages = ['channels', 'now', 'guide', 'xmltv'] as const

const discoveryProtocols = ['discover', 'control', 'ssdp'] as const
const discoveryOutcomes = ['answered', 'ignored', 'refused', 'limited'] as const

const refreshBuckets = [1, 5, 15, 60, 300, 900, 3600]
const requestBuckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]
const streamBuckets = [1, 10, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600]
const partDelayBuckets = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]
const firstByteBuckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

/** Makes the metrics of one daemon. `process` adds CPU, memory and event loop of this process. */
export function createMetrics({ process = false }: { process?: boolean } = {}) {
  const registry = new Registry()
  const registers = [registry]
  if (process) collectDefaultMetrics({ register: registry })

  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers })
  const labelled = <L extends string, V extends string>(
    name: string,
    help: string,
    label: L,
    values: readonly V[],
  ) => new LabelledCounter(new Counter({ name, help, labelNames: [label], registers }), label, values)

  const engineState = new Gauge({
    name: 'xg2g_engine_state',
    help: 'Engines that streams go through: 0 in use, 1 tried again, 2 switched off for a while',
    labelNames: ['engine'],
    registers,
  })
  const fallbacks = new Counter({
    name: 'xg2g_engine_fallbacks_total',
    help: 'Streams that went to another engine than the preferred one, or changed to another',
    labelNames: ['from', 'to'],
    registers,
  })
  for (const from of engines) for (const to of engines) if (from !== to) fallbacks.inc({ from, to }, 0)

  const discoveryRequests = new Counter({
    name: 'xg2g_discovery_requests_total',
    help: 'Requests of clients that look for HDHomeRun devices or ask about one',
    labelNames: ['protocol', 'outcome'],
    registers,
  })
  for (const protocol of discoveryProtocols)
    for (const outcome of discoveryOutcomes) discoveryRequests.inc({ protocol, outcome }, 0)

  const requests = new Counter({
    name: 'http_requests_total',
    help: 'HTTP requests answered',
    labelNames: ['method', 'status'],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer an HTTP request, by route',
    labelNames: ['path'],
    buckets: requestBuckets,
    registers,
  })
  const requestsTotal = counter(
    'xg2g_http_requests_total',
    'HTTP requests answered, all methods and statuses',
  )

  return {
    registry,

    /** Counts one answered request. `route` is the route's pattern, never the requested path. */
    request(method: string, route: string, status: number, seconds: number): void {
      requests.inc({ method: oneOf(methods, method), status: String(status) })
      requestSeconds.observe({ path: route }, seconds)
      requestsTotal.inc()
    },

    streamsActive: gauge('xg2g_stream_active_count', 'Streams being sent to clients now'),
    streamErrors: labelled(
      'xg2g_stream_errors_total',
      'Streams that ended with an error',
      'code',
      errorCodes,
    ),
    feeds: gauge('xg2g_feeds', 'Services being received now'),
    clients: gauge('xg2g_stream_clients', 'Clients that are sent a stream or wait for one'),
    streamsRefused: labelled(
      'xg2g_stream_refused_total',
      'Requests for streams refused by a limit',
      'limit',
      streamLimits,
    ),
    slowClients: labelled(
      'xg2g_stream_slow_clients_total',
      'Clients that were too slow, by what became of them',
      'end',
      ['skipped', 'dropped', 'stalled'],
    ),
    reconnects: counter(
      'xg2g_upstream_reconnects_total',
      'Connections to a receiver opened again in mid-stream',
    ),
    firstByteSeconds: histogram(
      'xg2g_stream_first_byte_seconds',
      'From the request to the first byte of the stream',
      firstByteBuckets,
    ),

    hlsSessions: gauge('xg2g_hls_sessions', 'Channels that are made into segments now'),
    hlsViewers: gauge('xg2g_hls_viewers', 'Clients that play them'),
    hlsWaiting: gauge('xg2g_hls_waiting', 'Requests that are held until the next part or segment comes'),
    hlsBytes: labelled('xg2g_hls_bytes_total', 'Bytes handed to HLS players, by kind', 'kind', hlsObjects),
    hlsPartDelaySeconds: histogram(
      'xg2g_hls_part_delay_seconds',
      'How late parts came, against the earliest of their session',
      partDelayBuckets,
    ),

    calls: gauge('xg2g_socket_connections', 'Connections to the job socket that are open'),
    callsRefused: labelled(
      'xg2g_socket_refused_total',
      'Connections to the job socket that were refused',
      'reason',
      callRefusals,
    ),

    remuxSeconds: histogram(
      'xg2g_transcoder_audio_remux_duration_seconds',
      'How long remuxed streams lasted',
      streamBuckets,
    ),
    remuxesActive: gauge('xg2g_transcoder_active_streams', 'Streams being remuxed now'),
    remuxBytes: labelled(
      'xg2g_transcoder_bytes_processed_total',
      'Bytes through the remuxer',
      'direction',
      directions,
    ),
    remuxDamage: labelled('xg2g_remux_damage_total', 'Damage found in streams, by kind', 'kind', damageKinds),

    jobsEnded: labelled('xg2g_jobs_total', 'Connections to the job socket that are over', 'end', jobEnds),

    poolWorkers: gauge('xg2g_pool_workers', 'Worker threads that are up'),
    poolStreams: gauge('xg2g_pool_streams', 'Streams in the worker pool'),
    poolCapacity: gauge('xg2g_pool_capacity', 'Streams that the worker pool can hold'),
    poolJobs: gauge('xg2g_pool_jobs', 'Streams in the worker pool that are jobs: live streams go first'),
    poolRefused: labelled(
      'xg2g_pool_refused_total',
      'Streams refused because the pool was full',
      'kind',
      poolKinds,
    ),
    workerFailures: labelled('xg2g_worker_failures_total', 'Worker threads lost', 'reason', workerFailures),
    workerRestarts: counter('xg2g_worker_restarts_total', 'Worker threads started again'),

    transcoderUp: gauge(
      'xg2g_transcoder_up',
      'Whether the remote transcoder answers; 0 also where there is none',
    ),

    engineState: {
      set(engine: Engine, state: number): void {
        engineState.set({ engine }, state)
      },
    },
    fallbacks: {
      inc(from: Engine, to: Engine): void {
        fallbacks.inc({ from, to })
      },
    },

    discoveryRequests: {
      inc(protocol: (typeof discoveryProtocols)[number], outcome: (typeof discoveryOutcomes)[number]): void {
        discoveryRequests.inc({ protocol, outcome })
      },
    },

    receiverRequests: labelled(
      'xg2g_receiver_requests_total',
      'Requests to a receiver',
      'result',
      receiverResults,
    ),
    refreshSeconds: histogram(
      'xg2g_epg_refresh_duration_seconds',
      'How long refreshes of channels and guide took',
      refreshBuckets,
    ),
    refreshFailures: labelled(
      'xg2g_epg_refresh_failures_total',
      'Refreshes that ended early, by stage',
      'stage',
      refreshStages,
    ),
    channels: gauge('xg2g_channels', 'Channels in the lineup'),
    programmes: gauge('xg2g_epg_programmes', 'Programmes in the store'),
    channelsWithGuide: gauge('xg2g_epg_channels_with_data', 'Channels with programmes to come'),
    guideAgeSeconds: gauge('xg2g_epg_oldest_seconds', 'Since the channel that was fetched longest ago'),

    // Of all receivers together.
    tuners: gauge('xg2g_tuners', 'Tuners that the receivers have'),
    tunersUsed: gauge('xg2g_tuners_used', 'Tuners that our streams use, those that linger included'),
    tunersLingering: gauge('xg2g_tuners_lingering', 'Tuners of streams that nobody watches any more'),
    tunersReserved: gauge('xg2g_tuners_reserved', 'Tuners kept free for the living room'),
    tunersOfReceiver: gauge('xg2g_tuners_of_receiver', 'Tuners that the receivers use themselves'),
    tunerRefusals: labelled(
      'xg2g_tuner_refusals_total',
      'Requests for a tuner that were refused',
      'reason',
      tunerRefusals,
    ),
    tunerPreemptions: labelled(
      'xg2g_tuner_preemptions_total',
      'Tuners taken from a stream for another',
      'from',
      tunerPreemptions,
    ),

    upstreamFailures: labelled(
      'xg2g_upstream_failures_total',
      'Connections to a receiver that failed',
      'reason',
      upstreamFailures,
    ),
  }
}

/** A counter whose label takes only the listed values and `other`. */
class LabelledCounter<L extends string, V extends string> {
  readonly #counter: Counter<L>
  readonly #label: L
  readonly #values: readonly V[]

  constructor(counter: Counter<L>, label: L, values: readonly V[]) {
    this.#counter = counter
    this.#label = label
    this.#values = values
    for (const value of values) counter.inc(this.#labels(value), 0) // shown as 0 before the first event
  }

  inc(value: V | 'other', by = 1): void {
    this.#counter.inc(this.#labels(oneOf(this.#values, value)), by)
  }

  #labels(value: string): Record<L, string> {
    return { [this.#label]: value } as Record<L, string>
  }
}

function oneOf(values: readonly string[], value: string): string {
  return values.includes(value) ? value : 'other'
}
