// Who may do what, as a client finds out.
import { afterEach, describe, expect, it } from 'vitest'
import { apiRoutes } from '../../src/api/app.ts'
import { EventHub } from '../../src/api/events.ts'
import type { Parts } from '../../src/api/parts.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { behindProxy, channels, from, startFake, type Fake } from './fake.ts'

let fake: Fake
afterEach(() => fake.close())

const admin = 'admin-token-of-the-test'
const reader = 'read-token-of-the-test'
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
const outside = '203.0.113.9'

// Routes that answer 200 as they are; every route is asked with a wrong token below.
const reads = ['/playlist.m3u', '/xmltv.xml', '/metrics', '/api/v1/status', '/api/v1/channels', '/api/v1/epg']
const changes: readonly [string, string][] = [
  ['POST', '/api/v1/refresh'],
  ['POST', '/api/v1/config/reload'],
  ['DELETE', '/api/v1/streams/s1'],
  ['GET', '/api/v1/config'],
]
const parts = { metrics: createMetrics(), isReady: () => [] } as unknown as Parts
const hub = new EventHub()
const every = apiRoutes(parts, hub).filter(({ scope }) => scope !== 'public')
hub.close()
const logo = `/picons/${channels[0]!.id}.png`

async function statuses(requests: readonly (readonly [string, string])[], init: RequestInit) {
  const found = new Set<number>()
  for (const [method, path] of requests) found.add((await fake.ask(path, { ...init, method })).status)
  return [...found].sort()
}

const readAll = (init: RequestInit) =>
  statuses(
    reads.map((path) => ['GET', path] as const),
    init,
  )
const changeAll = (init: RequestInit) => statuses(changes, init)

describe('without a token', () => {
  it.each(['127.0.0.1', '192.168.1.5', '10.1.2.3', 'fd00::5', '::ffff:172.16.0.9'])(
    'all is open to %s',
    async (address) => {
      fake = await startFake(behindProxy)
      expect(await readAll(from(address))).toEqual([200])
      expect(await changeAll(from(address))).toEqual([200, 202, 204])
    },
  )

  it.each([outside, '2001:db8::9', '100.64.0.1', 'unknown', ''])(
    'all but health is closed to %j',
    async (address) => {
      fake = await startFake(behindProxy)
      const init = from(address || 'nobody')
      expect(await readAll(init)).toEqual([403])
      expect(await changeAll(init)).toEqual([403])
      expect((await fake.ask(logo, init)).status).toBe(403)
      expect((await fake.ask('/healthz', init)).status).toBe(200)
      expect((await fake.ask('/readyz', init)).status).toBe(200)
      const told = await (await fake.ask('/api/v1/status', init)).text()
      expect(told).toContain('XG2G_API_TOKEN')
    },
  )

  it('believes no address that an untrusted sender claims, and serves nobody in its name', async () => {
    fake = await startFake()
    expect(await readAll(from('192.168.1.5'))).toEqual([403])
    expect(await readAll({ headers: { 'X-Real-IP': '192.168.1.5' } })).toEqual([403])
    expect(await readAll({ headers: { Forwarded: 'for=192.168.1.5' } })).toEqual([403])
    expect(await readAll({})).toEqual([200])
  })

  it('takes the address that the nearest trusted proxy has seen, not what stands before it', async () => {
    fake = await startFake(behindProxy)
    expect(await readAll(from(`192.168.1.5, ${outside}`))).toEqual([403])
    expect(await readAll(from(`${outside}, 192.168.1.5`))).toEqual([200])
  })

  it('ignores a token that nobody has configured', async () => {
    fake = await startFake(behindProxy)
    expect(await readAll(from('192.168.1.5', bearer('anything')))).toEqual([200])
    expect(await readAll(from(outside, bearer('anything')))).toEqual([403])
  })
})

describe('changes without a token', () => {
  it.each([
    [{ Origin: 'https://evil.example' }, 403],
    [{ Origin: 'null' }, 403],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-origin' }, 202],
    [{ 'X-Forwarded-Host': 'evil.example' }, 403],
    [{ 'X-Forwarded-Host': 'evil.example', Origin: 'http://evil.example' }, 403],
    [{ 'X-Forwarded-Host': 'tv.example.org', Origin: 'http://tv.example.org' }, 202],
    [{ Origin: 'https://tv.example.org' }, 202], // a proxy that does not say under which name it was asked
    [{ 'X-Forwarded-Host': 'xg2g:8080' }, 202],
    [{ 'X-Forwarded-Host': 'nas.local:8080', Origin: 'http://nas.local:8080' }, 202],
    [{ 'X-Forwarded-Host': '[fd00::1]:8080' }, 202],
  ])('with %j: %i', async (headers, status) => {
    fake = await startFake({ ...behindProxy, XG2G_PUBLIC_URL: 'https://tv.example.org' })
    const init = { method: 'POST', ...from('192.168.1.5', headers) }
    expect((await fake.ask('/api/v1/refresh', init)).status).toBe(status)
  })
})

describe('from elsewhere without a token', () => {
  it.each(every.map(({ method, path }) => [method.toUpperCase(), path.replace(/:\w+/g, '1')] as const))(
    '%s %s is refused, with nothing but the reason',
    async (method, path) => {
      fake = await startFake(behindProxy)
      const response = await fake.ask(path, { method, ...from(outside) })
      expect(response.status).toBe(403)
      expect(Object.keys((await response.json()) as object)).toEqual(['error'])
      expect([fake.guide.asked, fake.ended]).toEqual([[], []])
    },
  )
})

describe('with an admin token alone', () => {
  it('the own networks may still read, but only the token may change', async () => {
    fake = await startFake({ ...behindProxy, XG2G_API_TOKEN: admin })
    expect(await readAll(from('192.168.1.5'))).toEqual([200])
    expect(await changeAll(from('192.168.1.5'))).toEqual([401])
    expect(await changeAll(from('192.168.1.5', bearer(admin)))).toEqual([200, 202, 204])
  })

  it('the token opens all from elsewhere, by any of its headers', async () => {
    fake = await startFake({ ...behindProxy, XG2G_API_TOKEN: admin })
    expect(await readAll(from(outside))).toEqual([401])
    expect(await readAll(from(outside, bearer(admin)))).toEqual([200])
    expect(await changeAll(from(outside, { 'X-API-Token': admin }))).toEqual([200, 202, 204])
  })
})

describe('with a read token', () => {
  const settings = { ...behindProxy, XG2G_API_TOKEN: admin, XG2G_API_READ_TOKEN: reader }

  it('reading takes either token, wherever from', async () => {
    fake = await startFake(settings)
    expect(await readAll(from('192.168.1.5'))).toEqual([401])
    for (const token of [reader, admin]) expect(await readAll(from(outside, bearer(token)))).toEqual([200])
    expect((await fake.ask(`/playlist.m3u?token=${reader}`, from(outside))).status).toBe(200)
  })

  it('hands the token on to the guide, where the address had to bring it', async () => {
    fake = await startFake(settings)
    expect(await (await fake.ask(`/playlist.m3u?token=${reader}`)).text()).toContain(
      `/xmltv.xml?token=${reader}`,
    )
    expect(await (await fake.ask('/playlist.m3u', { headers: bearer(reader) })).text()).not.toContain(reader)
  })

  it('may not change anything', async () => {
    fake = await startFake(settings)
    expect(await changeAll(from('192.168.1.5', bearer(reader)))).toEqual([403])
    expect(await changeAll(from('192.168.1.5'))).toEqual([401])
    expect(fake.guide.asked).toEqual([])
  })

  it('shows logos to everyone, since players cannot send a token for a picture', async () => {
    fake = await startFake(settings)
    expect((await fake.ask(logo, from(outside))).status).toBe(200)
  })

  it('closes changes altogether where it is the only one', async () => {
    fake = await startFake({ ...behindProxy, XG2G_API_READ_TOKEN: reader })
    expect(await changeAll(from('192.168.1.5'))).toEqual([403])
    expect(await changeAll(from('192.168.1.5', bearer(reader)))).toEqual([403])
  })

  it('takes no token for changes from the address', async () => {
    fake = await startFake(settings)
    const init = { method: 'POST', ...from('192.168.1.5') }
    expect((await fake.ask(`/api/v1/refresh?token=${admin}`, init)).status).toBe(401)
  })
})

describe('a wrong token', () => {
  it.each(every.map(({ method, path }) => [method.toUpperCase(), path.replace(/:\w+/g, '1')] as const))(
    'is refused by %s %s, also from the own network, and stands in no log',
    async (method, path) => {
      fake = await startFake({ ...behindProxy, XG2G_API_TOKEN: admin })
      const response = await fake.ask(path, { method, ...from('192.168.1.5', bearer('wrong-secret')) })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="xg2g"')
      const text = await response.text()
      expect(text).toContain('UNAUTHORIZED')
      await fake.ask(`${path}?token=wrong-secret`, { method, ...from('192.168.1.5') })
      expect(text + fake.lines.join('')).not.toMatch(/wrong-secret|admin-token/)
    },
  )

  it('may be tried ten times a minute; then not even the right one is looked at', async () => {
    fake = await startFake({ ...behindProxy, XG2G_API_TOKEN: admin })
    const tried: number[] = []
    for (let guess = 0; guess < 11; guess++)
      tried.push((await fake.ask('/api/v1/status', from(outside, bearer(`guess-${guess}`)))).status)
    expect(tried).toEqual([...new Array<number>(10).fill(401), 429])
    expect((await fake.ask('/api/v1/status', from(outside, bearer(admin)))).status).toBe(429)
    expect((await fake.ask('/api/v1/status', from('203.0.113.10', bearer(admin)))).status).toBe(200)
  })
})

describe('tokens', () => {
  it('change with the configuration, live', async () => {
    fake = await startFake({ ...behindProxy, XG2G_API_TOKEN: admin })
    fake.env.XG2G_API_TOKEN = 'another-token'
    fake.live.reload()
    expect(await changeAll(from(outside, bearer(admin)))).toEqual([401])
    expect(await changeAll(from(outside, bearer('another-token')))).toEqual([200, 202, 204])
  })
})
