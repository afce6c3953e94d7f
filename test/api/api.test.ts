import { afterEach, describe, expect, it } from 'vitest'
import { ApiServer, createApi, createMetricsApi } from '../../src/api/api.ts'
import { createMetrics } from '../../src/base/metrics.ts'

let server: ApiServer | undefined
afterEach(() => server?.close(0))

const metrics = createMetrics()

async function start({
  missing = [],
  isMetricsOnly = false,
}: { missing?: string[]; isMetricsOnly?: boolean } = {}) {
  server = new ApiServer(
    isMetricsOnly ? createMetricsApi({ metrics }) : createApi({ metrics, isReady: () => missing }),
  )
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  return (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method })
}

describe('GET /healthz', () => {
  it('says ok, whatever is missing', async () => {
    const response = await (await start({ missing: ['starting'] }))('/healthz')
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
  })
})

describe('GET /readyz', () => {
  it.each([
    [[], 200, { status: 'ready' }],
    [['starting'], 503, { status: 'not ready', missing: ['starting'] }],
  ])('answers with %j missing', async (missing, status, body) => {
    const response = await (await start({ missing }))('/readyz')
    expect([response.status, await response.json()]).toEqual([status, body])
  })
})

describe('GET /metrics', () => {
  it('is what Prometheus reads, with the requests so far by route', async () => {
    const ask = await start()
    await (await ask('/healthz')).text()
    await (await ask('/some/scanner/path')).text()
    const response = await ask('/metrics')
    const text = await response.text()
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(text).toMatch(/http_requests_total\{method="GET",status="404"\} [1-9]/)
    expect(text).toContain('http_request_duration_seconds_count{path="/healthz"}')
    expect(text).toContain('http_request_duration_seconds_count{path="other"}')
    expect(text).not.toContain('scanner')
  })
})

describe('other requests', () => {
  it.each([
    ['/nothing', 'GET', 404, 'NOT_FOUND'],
    ['/healthz', 'POST', 405, 'METHOD_NOT_ALLOWED'],
    ['/%zz', 'GET', 404, 'NOT_FOUND'],
  ])('%s by %s is answered with %i', async (path, method, status, code) => {
    const response = await (await start())(path, method)
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }])
  })

  it('answers HEAD without a body', async () => {
    const response = await (await start())('/healthz', 'HEAD')
    expect([response.status, await response.text()]).toEqual([200, ''])
  })
})

describe('the port for metrics alone', () => {
  it('has nothing else', async () => {
    const ask = await start({ isMetricsOnly: true })
    expect([(await ask('/metrics')).status, (await ask('/healthz')).status]).toEqual([200, 404])
  })
})

describe('ApiServer.listen', () => {
  it('fails when the port is taken', async () => {
    const first = new ApiServer(createMetricsApi({ metrics }))
    const { port } = await first.listen({ host: '127.0.0.1', port: 0 })
    await expect(
      start().then(() => new ApiServer(createMetricsApi({ metrics })).listen({ host: '127.0.0.1', port })),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await first.close()
  })
})
