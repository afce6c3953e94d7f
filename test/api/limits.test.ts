// Floods, huge requests, headers for browsers: what the edge refuses, and how.
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { behindProxy, from, startFake, type Fake } from './fake.ts'

let fake: Fake
afterEach(() => fake.close())

const few = { ...behindProxy, XG2G_RATELIMIT_RPS: '1', XG2G_RATELIMIT_BURST: '2' } // twelve in ten seconds

async function flood(address: string, path = '/healthz'): Promise<number[]> {
  const answers = await Promise.all(new Array(20).fill(0).map(() => fake.ask(path, from(address))))
  return answers.map(({ status }) => status).sort()
}

// A request as bytes, the whole answer as text.
function send(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(fake.port, '127.0.0.1', () => socket.write(request))
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
    socket.once('close', () => resolve(answer)).once('error', reject)
  })
}

describe('a flood', () => {
  it('is refused with 429 and Retry-After, and others are served meanwhile', async () => {
    fake = await startFake(few)
    const answers = await flood('192.0.2.1')
    expect(answers).toEqual([...new Array<number>(12).fill(200), ...new Array<number>(8).fill(429)])
    const refused = await fake.ask('/healthz', from('192.0.2.1'))
    expect(await refused.json()).toMatchObject({ error: { code: 'TOO_MANY_REQUESTS' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect((await fake.ask('/healthz', from('192.0.2.2'))).status).toBe(200)
  })

  it('of one household with many IPv6 addresses counts as one', async () => {
    fake = await startFake(few)
    await flood('2001:db8::1')
    expect((await fake.ask('/healthz', from('2001:db8::2'))).status).toBe(429)
    expect((await fake.ask('/healthz', from('2001:db8:0:1::2'))).status).toBe(200)
  })

  it('of unknown paths counts too', async () => {
    fake = await startFake(few)
    expect((await flood('192.0.2.1', '/nothing')).filter((status) => status === 429)).toHaveLength(8)
  })

  it('passes where the limit is switched off', async () => {
    fake = await startFake({ ...few, XG2G_RATELIMIT_ENABLED: 'false' })
    expect(await flood('192.0.2.1')).toEqual(new Array(20).fill(200))
  })

  it('passes from the whitelist', async () => {
    fake = await startFake({ ...few, XG2G_RATELIMIT_WHITELIST: '192.0.2.0/24' })
    expect(await flood('192.0.2.1')).toEqual(new Array(20).fill(200))
  })

  it('is measured by the limit of a reloaded configuration', async () => {
    fake = await startFake(few)
    await flood('192.0.2.1')
    fake.env.XG2G_RATELIMIT_RPS = '100'
    fake.live.reload()
    expect(await flood('192.0.2.1')).toEqual(new Array(20).fill(200))
  })
})

describe('a huge request', () => {
  it.each([
    ['POST', '/api/v1/refresh'],
    ['POST', '/api/v1/config/reload'],
    ['DELETE', '/api/v1/streams/s1'],
    ['GET', '/playlist.m3u'],
    ['GET', '/xmltv.xml'],
    ['GET', '/api/v1/status'],
    ['POST', '/healthz'],
    ['PUT', '/nothing'],
  ])('by its length: 413 from %s %s, without reading it', async (method, path) => {
    fake = await startFake()
    const answer = await send(`${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('PAYLOAD_TOO_LARGE')
  })

  it('in chunks of no stated length: 413', async () => {
    fake = await startFake()
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(' '.repeat(8192))),
    })
    const headers = { 'Content-Type': 'application/json' }
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, headers, duplex: 'half' }
    const response = await fake.ask('/api/v1/refresh', init).catch((error: unknown) => error)
    // The answer may come while the body still does; a client may then see the connection end instead.
    if (response instanceof Response) expect(response.status).toBe(413)
    expect(fake.guide.asked).toEqual([])
  })

  it('that is no JSON: 400', async () => {
    fake = await startFake()
    const headers = { 'Content-Type': 'application/json' }
    const response = await fake.ask('/api/v1/refresh', { method: 'POST', body: '{"what":', headers })
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'BAD_REQUEST' } }])
  })

  it.each([
    ['one long header', `X-Long: ${'a'.repeat(20_000)}\r\n`],
    ['many headers', 'X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(600)],
    ['a long path', ''],
  ])('with %s: 431', async (what, headers) => {
    fake = await startFake()
    const path = what === 'a long path' ? `/${'a'.repeat(20_000)}` : '/'
    const answer = await send(`GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(answer).toContain('HEADERS_TOO_LARGE')
  })

  it('that is no HTTP: 400', async () => {
    fake = await startFake()
    expect(await send('\x16\x03\x01\x02\x00\x01\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('a path that climbs', () => {
  it.each([
    '/../../etc/passwd',
    '/files/../../etc/passwd',
    '/files/%2e%2e/%2e%2e/etc/passwd',
    '//etc/passwd',
  ])('%s: 404', async (path) => {
    fake = await startFake()
    const answer = await send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    expect(answer).not.toContain('root:')
  })
})

describe('for browsers', () => {
  it('each answer says what a page may not do with it', async () => {
    fake = await startFake()
    for (const path of ['/healthz', '/api/v1/status', '/nothing']) {
      const { headers } = await fake.ask(path)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("default-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests')
      expect(headers.get('x-powered-by')).toBeNull()
      expect(headers.get('strict-transport-security')).toBeNull()
    }
  })

  const origin = 'https://tv.example.org'
  const preflight = {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
  }

  it('other sites may read nothing unless allowed', async () => {
    fake = await startFake()
    const { headers } = await fake.ask('/api/v1/status', { headers: { Origin: origin } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(
      (await fake.ask('/api/v1/refresh', preflight)).headers.get('access-control-allow-methods'),
    ).toBeNull()
  })

  it('an allowed site may', async () => {
    fake = await startFake({ XG2G_ALLOWED_ORIGINS: origin })
    const { headers } = await fake.ask('/api/v1/status', { headers: { Origin: origin } })
    expect(headers.get('access-control-allow-origin')).toBe(origin)
    expect(headers.get('vary')).toContain('Origin')
    const answer = await fake.ask('/api/v1/refresh', preflight)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-headers')).toContain('X-API-Token')
    const other = await fake.ask('/api/v1/status', { headers: { Origin: 'https://evil.example' } })
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('any site may where * is configured, but errors are readable as well', async () => {
    fake = await startFake({ XG2G_ALLOWED_ORIGINS: '*' })
    const { headers, status } = await fake.ask('/nothing', { headers: { Origin: origin } })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([404, '*'])
  })
})
