// What machines ask: alive, ready, metrics; and what every request can get.
import { afterEach, describe, expect, it } from 'vitest'
import { createMetricsApi } from '../../src/api/app.ts'
import { ApiServer } from '../../src/api/server.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { startFake, type Fake } from './fake.ts'

let fake: Fake | undefined
let server: ApiServer | undefined
afterEach(async () => {
  await fake?.close()
  await server?.close(0)
  fake = server = undefined
})

const start = async (missing: string[] = []) => {
  fake = await startFake()
  fake.guide.missing = missing
  return fake.ask
}

describe('GET /healthz', () => {
  it('says ok, whatever is missing', async () => {
    const response = await (await start(['starting']))('/healthz')
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
  })
})

describe('GET /readyz', () => {
  it.each([
    [[], 200, { status: 'ready' }],
    [['starting'], 503, { status: 'not ready', missing: ['starting'] }],
  ])('answers with %j missing', async (missing, status, body) => {
    const response = await (await start(missing))('/readyz')
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
    ['/api/v1/config/reload', 'GET', 405, 'METHOD_NOT_ALLOWED'],
    ['/%zz', 'GET', 404, 'NOT_FOUND'],
  ])('%s by %s is answered with %i', async (path, method, status, code) => {
    const response = await (await start())(path, { method })
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }])
  })

  it('answers HEAD without a body', async () => {
    const response = await (await start())('/healthz', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
  })
})

describe('the port for metrics alone', () => {
  it('has nothing else', async () => {
    server = new ApiServer(createMetricsApi({ metrics: createMetrics() }).callback())
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
    expect([await ask('/metrics'), await ask('/healthz'), await ask('/api/v1/status')]).toEqual([
      200, 404, 404,
    ])
  })
})

describe('ApiServer.listen', () => {
  it('fails when the port is taken', async () => {
    const metrics = createMetrics()
    server = new ApiServer(createMetricsApi({ metrics }).callback())
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    const second = new ApiServer(createMetricsApi({ metrics }).callback()).listen({ host: '127.0.0.1', port })
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
