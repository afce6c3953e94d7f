// Every route: what it answers, by the document that describes it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { apiRoutes } from '../../src/api/app.ts'
import { EventHub } from '../../src/api/events.ts'
import type { Parts } from '../../src/api/parts.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { channels, noon, startFake, type Fake } from './fake.ts'

let fake: Fake
beforeEach(async () => void (fake = await startFake()))
afterEach(() => fake.close())

const id = channels[0]!.id

async function json(path: string, init?: RequestInit): Promise<unknown> {
  const response = await fake.ask(path, init)
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  return await response.json()
}

describe('GET /api/v1/status', () => {
  it('tells how daemon, receiver, guide and refresh are, without credentials', async () => {
    expect(await json('/api/v1/status')).toMatchObject({
      status: 'ok',
      version: '1.2.3',
      channels: 2,
      lastRun: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      streams: 1,
      receiver: { address: 'http://***@192.0.2.1', state: 'ok', model: 'Demo', tuners: 4 },
      pool: { workers: 2, workersUp: 1, capacity: 256, streams: 3, jobs: 1, restarts: 1 },
      missingBouquets: ['Nothing'],
      guide: { programmes: 2 },
      refresh: { isRunning: false },
    })
  })

  it('says why it is not ready', async () => {
    fake.guide.missing = ['the lineup has not been read']
    expect(await json('/api/v1/status')).toMatchObject({
      status: 'not ready',
      missing: ['the lineup has not been read'],
    })
  })
})

describe('GET /api/v1/receivers', () => {
  it('tells what the tuners of each are used for', async () => {
    const { receivers } = (await json('/api/v1/receivers')) as { receivers: object[] }
    expect(receivers).toMatchObject([
      {
        address: 'http://***@192.0.2.1',
        state: 'ok',
        model: 'Demo',
        tunerUse: {
          total: 4,
          byReceiver: 1,
          reserved: 1,
          free: 1,
          used: [{ transponder: '3EF:1:C00000', channels: ['Das Erste'], isLingering: true }],
        },
      },
      { address: 'http://192.0.2.2', state: 'unknown', isReachable: false, tuners: 4 },
    ])
  })
})

describe('GET /api/v1/channels', () => {
  it('lists the lineup with addresses that the client can use', async () => {
    const { channels: listed, groups } = (await json('/api/v1/channels')) as Record<string, unknown[]>
    expect(listed).toHaveLength(2)
    expect(listed![0]).toEqual({
      id,
      number: 1,
      name: 'Das "Erste", HD',
      groups: ['Favourites', 'HD'],
      isRadio: false,
      isHd: true,
      stream: 'http://127.0.0.1:8001/1:0:19:132F:3EF:1:C00000:0:0:0:',
      picon: `http://127.0.0.1:${fake.port}/picons/${id}.png`,
    })
    expect(groups).toEqual(['Favourites', 'HD', 'Radio'])
  })

  it.each([
    ['?group=HD', ['1']],
    ['?radio=true', ['2']],
    ['?radio=false', ['1']],
    ['?group=none', []],
  ])('filters by %s', async (query, numbers) => {
    const { channels: listed } = (await json(`/api/v1/channels${query}`)) as {
      channels: { number: number }[]
    }
    expect(listed.map(({ number }) => String(number))).toEqual(numbers)
  })

  it.each([
    ['?radio=maybe', 'Expected true or false for radio but received "maybe"'],
    ['?colour=red', 'Expected a known parameter for colour but received "red"'],
  ])('refuses %s', async (query, message) => {
    expect(await json(`/api/v1/channels${query}`)).toEqual({ error: { code: 'BAD_REQUEST', message } })
  })
})

describe('GET /api/v1/channels/:id', () => {
  it.each([id, '1', channels[0]!.ref])('finds %s', async (key) => {
    expect(await json(`/api/v1/channels/${encodeURIComponent(key)}`)).toMatchObject({ number: 1 })
  })

  it('answers 404 for others', async () => {
    expect((await fake.ask('/api/v1/channels/9')).status).toBe(404)
  })
})

describe('GET /api/v1/epg', () => {
  it('tells now and next by channel', async () => {
    expect(await json(`/api/v1/epg?at=${noon + 60}`)).toEqual({
      at: noon + 60,
      channels: [
        {
          channelId: id,
          now: expect.objectContaining({ title: 'News' }) as object,
          next: expect.objectContaining({ title: 'Weather' }) as object,
        },
        { channelId: channels[1]!.id },
      ],
    })
  })

  it('tells the programmes of a channel', async () => {
    expect(await json(`/api/v1/epg/1?from=${noon}&to=${noon + 3600}`)).toMatchObject({
      channel: { id },
      programmes: [{ title: 'News', start: noon, stop: noon + 3600, episode: { season: 1, number: 2 } }],
    })
  })

  it('finds words', async () => {
    expect(await json('/api/v1/epg/search?q=Weather&limit=5')).toMatchObject({
      programmes: [{ title: 'Weather' }],
    })
    expect(fake.guide.asked).toEqual([['Weather', { limit: 5 }]])
  })

  it.each([
    '/api/v1/epg/search',
    '/api/v1/epg/search?q=',
    '/api/v1/epg/search?q=a&limit=0',
    '/api/v1/epg?at=x',
  ])('refuses %s', async (path) => {
    expect((await fake.ask(path)).status).toBe(400)
  })
})

describe('/api/v1/streams', () => {
  it('lists what is watched', async () => {
    expect(await json('/api/v1/streams')).toMatchObject({ streams: [{ id: 's1', client: '192.0.2.7' }] })
  })

  it('ends one', async () => {
    expect((await fake.ask('/api/v1/streams/s1', { method: 'DELETE' })).status).toBe(204)
    expect((await fake.ask('/api/v1/streams/s2', { method: 'DELETE' })).status).toBe(404)
    expect(fake.ended).toEqual(['s1'])
  })
})

describe('/api/v1/refresh', () => {
  const post = (body?: unknown) =>
    fake.ask('/api/v1/refresh', {
      method: 'POST',
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json' },
      }),
    })

  it('begins, and says 409 with Retry-After while it runs', async () => {
    const first = await post({ what: 'channels' })
    expect([first.status, await first.json()]).toMatchObject([202, { isRunning: true }])
    expect(fake.guide.asked).toEqual(['channels'])
    const second = await post()
    expect([second.status, second.headers.get('retry-after'), await second.json()]).toMatchObject([
      409,
      '30',
      { error: { code: 'REFRESH_RUNNING' } },
    ])
  })

  it('asks for all without a body', async () => {
    await post()
    expect(fake.guide.asked).toEqual(['all'])
  })

  it('takes JSON for no other type than its own', async () => {
    const response = await fake.ask('/api/v1/refresh', { method: 'POST', body: '{"what":"guide"}' })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { message: expect.stringContaining('Expected application/json for Content-Type') as string } },
    ])
    expect(fake.guide.asked).toEqual([])
  })

  it.each([{ what: 'everything' }, { that: 'all' }, [1]])('refuses %j', async (body) => {
    expect((await post(body)).status).toBe(400)
    expect(fake.guide.asked).toEqual([])
  })
})

describe('/api/v1/config', () => {
  it('shows the configuration in effect, masked', async () => {
    const text = JSON.stringify(await json('/api/v1/config'))
    expect(text).toContain('"rateLimitRps":50')
    expect(text).not.toContain('geheim')
  })

  it('says what each setting means', async () => {
    const { settings } = (await json('/api/v1/config')) as { settings: { key: string }[] }
    expect(settings.find(({ key }) => key === 'rateLimitRps')).toEqual({
      key: 'rateLimitRps',
      env: 'XG2G_RATELIMIT_RPS',
      meaning: 'Requests a second that one client may make',
      isLive: true,
    })
  })

  it('reloads, and names what waits for a restart', async () => {
    Object.assign(fake.env, { XG2G_RATELIMIT_RPS: '51', XG2G_DATA: 'elsewhere' })
    expect(await json('/api/v1/config/reload', { method: 'POST' })).toEqual({
      applied: ['rateLimitRps'],
      restart: ['data'],
      warnings: [],
    })
    expect(fake.live.current.rateLimitRps).toBe(51)
  })

  it('answers 422 for one that is not valid', async () => {
    fake.env.XG2G_WORKERS = 'many'
    const response = await fake.ask('/api/v1/config/reload', { method: 'POST' })
    expect([response.status, await response.json()]).toMatchObject([
      422,
      { error: { code: 'CONFIG_REJECTED', message: expect.stringContaining('XG2G_WORKERS') as string } },
    ])
  })
})

describe('GET /api/v1/openapi.json', () => {
  const parts = { metrics: createMetrics(), isReady: () => [] } as unknown as Parts
  const hub = new EventHub()
  const routes = apiRoutes(parts, hub)
  hub.close()

  it('has each route, and nothing else', async () => {
    const { paths, openapi } = (await json('/api/v1/openapi.json')) as {
      openapi: string
      paths: Record<string, object>
    }
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    const served = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
    expect(openapi).toBe('3.1.0')
    expect(documented.sort()).toEqual(served.sort())
  })

  it('names no route that the server does not know', async () => {
    for (const { method, path, scope } of routes) {
      if (path.endsWith('/events')) continue
      const { status } = await fake.ask(path.replace(/:\w+/g, '1'), { method: method.toUpperCase() })
      expect({ path, scope, status }).not.toMatchObject({ status: 405 })
      expect(status).not.toBe(500)
    }
  })

  // What each answer claims to be, it is.
  it.each(
    routes
      .filter(({ method, answers }) => method === 'get' && answers[200]?.schema !== undefined)
      .map(({ path, answers }) => [path, answers[200]?.schema] as const),
  )('describes %s truly', async (path, schema) => {
    const query = path.endsWith('/search') ? '?q=News' : ''
    const body = await json(path.replace(/:\w+/g, '1') + query)
    const parsed = z.safeParse(schema ?? z.never(), body)
    expect(parsed.error).toBeUndefined()
    expect(parsed.data).toEqual(body) // nothing that the document does not mention
  })
})
