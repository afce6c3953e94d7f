import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/base/metrics.ts'

// The names that dashboards and alerts rely on.
const contract = [
  'http_requests_total',
  'http_request_duration_seconds',
  'xg2g_http_requests_total',
  'xg2g_stream_active_count',
  'xg2g_transcoder_audio_remux_duration_seconds',
  'xg2g_transcoder_active_streams',
  'xg2g_transcoder_bytes_processed_total',
  'xg2g_pool_workers',
  'xg2g_pool_streams',
  'xg2g_pool_jobs',
  'xg2g_pool_capacity',
  'xg2g_pool_refused_total',
  'xg2g_worker_failures_total',
  'xg2g_worker_restarts_total',
  'xg2g_stream_first_byte_seconds',
  'xg2g_stream_errors_total',
  'xg2g_remux_damage_total',
  'xg2g_upstream_failures_total',
  'xg2g_socket_connections',
  'xg2g_socket_refused_total',
  'xg2g_engine_state',
  'xg2g_engine_fallbacks_total',
  'xg2g_discovery_requests_total',
]

describe('createMetrics', () => {
  it.each(contract)('has %s', async (name) => {
    expect(await createMetrics().registry.metrics()).toContain(`# TYPE ${name} `)
  })

  it('shows labelled counters as 0 before the first event', async () => {
    const text = await createMetrics().registry.metrics()
    expect(text).toContain('xg2g_worker_failures_total{reason="hung"} 0')
    expect(text).toContain('xg2g_transcoder_bytes_processed_total{direction="in"} 0')
  })

  it('counts in its own registry only', async () => {
    const [one, two] = [createMetrics(), createMetrics()]
    one.poolRefused.inc('job')
    expect(await one.registry.metrics()).toContain('xg2g_pool_refused_total{kind="job"} 1')
    expect(await two.registry.metrics()).toContain('xg2g_pool_refused_total{kind="job"} 0')
  })

  it('adds the process where asked', async () => {
    expect(await createMetrics({ process: true }).registry.metrics()).toContain('process_cpu_seconds_total')
    expect(await createMetrics().registry.metrics()).not.toContain('process_cpu_seconds_total')
  })
})

describe('Metrics.request', () => {
  it('counts by method, status and route', async () => {
    const metrics = createMetrics()
    metrics.request('GET', '/:reference', 200, 0.01)
    const text = await metrics.registry.metrics()
    expect(text).toContain('http_requests_total{method="GET",status="200"} 1')
    expect(text).toContain('http_request_duration_seconds_count{path="/:reference"} 1')
    expect(text).toContain('xg2g_http_requests_total 1')
  })

  it('counts unknown methods as other', async () => {
    const metrics = createMetrics()
    for (let i = 0; i < 100; i++) metrics.request(`VERB${i}`, '/', 405, 0)
    const text = await metrics.registry.metrics()
    expect(text).toContain('http_requests_total{method="other",status="405"} 100')
    expect(text).not.toContain('VERB')
  })
})

describe('Metrics labels', () => {
  it('counts values outside the list as other', async () => {
    const metrics = createMetrics()
    metrics.upstreamFailures.inc('gone fishing' as 'other')
    metrics.upstreamFailures.inc('timeout', 2)
    const text = await metrics.registry.metrics()
    expect(text).toContain('xg2g_upstream_failures_total{reason="other"} 1')
    expect(text).toContain('xg2g_upstream_failures_total{reason="timeout"} 2')
  })
})
