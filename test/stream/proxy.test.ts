import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AppError, expected } from '../../src/base/errors.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { passthroughEngine, type Engine, type EngineStream } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Feeds, type FeedsOptions } from '../../src/stream/feeds.ts'
import { Proxy, type ProxyOptions } from '../../src/stream/proxy.ts'
import { fixedService } from '../../src/stream/service.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import type { SendLimits } from '../../src/stream/viewing.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'
import { ok, packets, StreamServer } from './packets.ts'
import { ask, read, viewer } from './viewers.ts'

const path = '/1:0:19:132F:3EF:1:C00000:0:0:0:'
const closers: (() => unknown)[] = []
afterEach(async () => {
  if (vi.isFakeTimers()) await vi.runOnlyPendingTimersAsync() // nobody else waits for a timer that never comes
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

// A proxy in front of a stream server that answers each connection with `serve`.
async function start(
  serve: (socket: Socket, request: string) => void,
  {
    engine = passthroughEngine(),
    limits = {},
    ...options
  }: Partial<Omit<ProxyOptions, 'limits' | 'feeds'>> & {
    engine?: Engine
    limits?: FeedsOptions['limits'] & Partial<SendLimits>
  } = {},
) {
  const server = await StreamServer.start(serve)
  const metrics = createMetrics()
  const forgotten: string[] = []
  const feeds = new Feeds({
    engines: new Engines([engine]),
    spacing: new Spacing(),
    metrics,
    limits: { lingerMs: 0, ...limits },
  })
  const proxy = new Proxy({
    feeds,
    limits,
    find: (at) => {
      if (at === '/broken') throw expected('a service reference', 'path', at)
      if (!at.startsWith('/1:')) return undefined
      return fixedService({
        name: 'Test',
        key: at,
        locate: async () => ({ ...server.target, program: 4911 }),
        forget: () => forgotten.push(at),
      })
    },
    profile: defaultProfile,
    metrics,
    ...options,
  })
  const { port } = await proxy.listen({ host: '127.0.0.1', port: 0 })
  closers.push(
    () => server.close(),
    () => proxy.close(0),
  )
  const metric = async (name: string) =>
    (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value
  return { server, proxy, feeds, port, metric, forgotten }
}

// A stream that says how long it is: others have no end, and are connected to again.
const finite = (count: number) => (socket: Socket) =>
  socket.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${count * 188}\r\n\r\n`), packets(count)]),
  )

// A stream without end, as fast as it is taken.
function endless(socket: Socket): void {
  socket.write(ok)
  let next = 0
  const more = () => {
    while (!socket.destroyed && socket.write(packets(300, (next += 300)))) continue
  }
  socket.on('drain', more)
  more()
}

describe('a request that is served elsewhere', () => {
  const elsewhere = ({ url }: { url?: string }) => (url?.includes('there') ? 'http://x/there' : undefined)

  it.each(['GET', 'HEAD'])('is told so (%s), and no stream is opened', async (method) => {
    const { port, server } = await start(finite(10), { elsewhere })
    const { status, headers, body } = await ask(port, `${path}?there`, method)
    expect([status, headers.location, headers['cache-control'], body.length]).toEqual([
      302,
      'http://x/there',
      'no-store',
      0,
    ])
    expect(server.sockets).toEqual([])
    expect((await ask(port, path)).body.equals(packets(10))).toBe(true)
  })

  it('is refused all the same where there is no such stream', async () => {
    const { port } = await start(finite(10), { elsewhere })
    expect((await ask(port, '/nothing?there')).status).toBe(404)
  })
})

describe('GET', () => {
  it('answers with the stream, without length and chunks, and ends with the connection', async () => {
    const { port } = await start(finite(5000))
    const { status, headers, body } = await ask(port, path)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'video/mp2t',
      connection: 'close',
      'cache-control': 'no-store',
    })
    expect(headers).not.toHaveProperty('transfer-encoding')
    expect(headers).not.toHaveProperty('content-length')
    expect(body.equals(packets(5000))).toBe(true)
  })

  it('sends the first bytes at once, while the stream goes on', async () => {
    const { port } = await start((socket) => void socket.write(Buffer.concat([Buffer.from(ok), packets(3)])))
    const client = viewer(port, path)
    expect((await read(client, 700)).includes(packets(3))).toBe(true)
    client.destroy()
  })

  it('gives the engine what was asked, over what is configured, and the programme of the reference', async () => {
    const opened: Profile[] = []
    const engine: Engine = {
      name: 'native',
      open(profile) {
        opened.push(profile)
        return passthroughEngine().open(profile)
      },
    }
    const { port } = await start(finite(10), { engine, profile: { ...defaultProfile, bitrate: 128_000 } })
    await ask(port, `${path}?audio=mp3&language=eng`)
    expect(opened).toEqual([
      { ...defaultProfile, audio: 'mp3', bitrate: 128_000, language: ['eng'], program: 4911 },
    ])
  })

  it('ends after the asked duration', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { port, server } = await start(
      (socket) => void socket.write(Buffer.concat([Buffer.from(ok), packets(30)])),
    )
    const client = viewer(port, `${path}?duration=7`)
    const start7 = await read(client, 5000)
    await vi.advanceTimersByTimeAsync(6900)
    expect(client.readableEnded).toBe(false)
    const ended = once(client, 'end')
    await vi.advanceTimersByTimeAsync(200)
    client.resume()
    await ended
    expect(start7.includes(packets(1))).toBe(true)
    if (!server.sockets[0]?.destroyed) await once(server.sockets[0]!, 'close')
  })

  it.each<[string, (socket: Socket) => void, number, string]>([
    ['refuses in the body', (s) => s.end(`${ok}HTTP/1.0 400 Bad Request\r\n\r\n`), 502, 'UPSTREAM_REFUSED'],
    ['refuses', (s) => s.end('HTTP/1.0 503 No\r\n\r\n'), 502, 'UPSTREAM_REFUSED'],
    ['ends at once', (s) => s.end(ok), 502, 'UPSTREAM_ENDED'],
    ['says nothing', () => undefined, 504, 'UPSTREAM_TIMEOUT'],
    ['sends something else', (s) => s.end(ok + 'x'.repeat(100_000)), 502, 'NO_STREAM'],
  ])('becomes an error when the receiver %s', async (_, serve, status, code) => {
    const { port, forgotten, metric } = await start(serve, { limits: { firstByteMs: 100 } })
    const answer = await ask(port, path)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { code, message: expect.any(String) as string },
    })
    expect(forgotten).toEqual([path]) // the next one asks the receiver where the stream is
    expect(await metric('xg2g_stream_active_count')).toBe(0)
  })

  it.each([
    ['/', 404, 'NOT_FOUND'],
    ['/auto/v1', 404, 'NOT_FOUND'],
    ['/stream/some', 404, 'NOT_FOUND'],
    ['/broken', 400, 'BAD_REQUEST'],
    [`${path}?audio=opus`, 400, 'BAD_REQUEST'],
    [`${path}?video=hevc`, 400, 'BAD_REQUEST'],
  ])('answers %s with %i', async (asked, status, code) => {
    const { port, server } = await start(finite(1))
    const answer = await ask(port, asked)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code } })
    expect(server.sockets).toHaveLength(0)
  })

  it('is refused before anything is asked of the receiver when there is no place for it', async () => {
    const engine: Engine = {
      name: 'native',
      open() {
        throw new AppError('POOL_FULL', { capacity: 32 })
      },
    }
    const { port, server } = await start(finite(1), { engine })
    const answer = await ask(port, path)
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5'])
    expect(server.sockets).toHaveLength(0)
  })

  it('is refused by its reason where the sound cannot be changed, unless it asks for none', async () => {
    const refusal = new AppError('BAD_REQUEST', { reason: 'switched off' })
    const { port } = await start(finite(10), { refusal })
    expect((await ask(port, `${path}?audio=mp3`)).body.toString()).toContain('switched off')
    expect((await ask(port, `${path}?audio=copy`)).status).toBe(200)
  })

  it('ends the response when the engine fails in mid-stream, and leaves the receiver', async () => {
    const failing = Promise.withResolvers<never>()
    const engine: Engine = {
      name: 'native',
      open(profile): EngineStream {
        const stream = passthroughEngine().open(profile)
        void failing.promise.catch(() => stream.close())
        return { ...stream, input: stream.input, output: stream.output, done: failing.promise }
      },
    }
    const { port, server, metric } = await start(
      (s) => void s.write(Buffer.concat([Buffer.from(ok), packets(30)])),
      { engine },
    )
    const client = viewer(port, path)
    await read(client, 5640)
    failing.reject(new AppError('WORKER_DIED'))
    await read(client, Infinity)
    await vi.waitFor(() => expect(server.sockets[0]?.destroyed).toBe(true))
    expect(await metric('xg2g_stream_active_count')).toBe(0)
  })

  it('becomes an error when the engine makes nothing of the stream', async () => {
    const engine: Engine = {
      name: 'native',
      open(profile): EngineStream {
        const { input, output } = passthroughEngine().open(profile)
        const done = Promise.reject(new AppError('NO_STREAM', { found: 'no PAT' }))
        done.catch(() => output.close())
        return { input, output, done, marks: () => [], close: () => input.close() }
      },
    }
    const { port } = await start((socket) => void socket.write(ok), { engine })
    const answer = await ask(port, path)
    expect(answer.status).toBe(502)
    expect(answer.body.toString()).toContain('no PAT')
  })
})

describe('HEAD', () => {
  it('answers like GET, without a connection to the receiver', async () => {
    const { port, server } = await start(finite(1))
    const answer = await ask(port, path, 'HEAD')
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('video/mp2t')
    expect(answer.body).toHaveLength(0)
    expect(server.sockets).toHaveLength(0)
  })

  it('has no body when it is refused', async () => {
    const { port } = await start(finite(1))
    const answer = await ask(port, '/nothing', 'HEAD')
    expect([answer.status, answer.body.length]).toEqual([404, 0])
  })
})

describe('other requests', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const { port } = await start(finite(1))
    const answer = await ask(port, path, method)
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it('refuses a head without end', async () => {
    const { port } = await start(finite(1))
    const { status, body } = await ask(port, `/1:${'0'.repeat(20_000)}`)
    expect([status, body.toString()]).toEqual([431, expect.stringContaining('"HEADERS_TOO_LARGE"')])
  })

  it('opens one stream for a whole pipeline of requests', async () => {
    const { port, server } = await start(finite(10))
    const client = viewer(port, path)
    for (let more = 0; more < 20; more++) client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await read(client, Infinity)
    expect(server.sockets).toHaveLength(1)
  })
})

describe('a client that leaves', () => {
  it('frees the tuner at once', async () => {
    const { port, server, metric } = await start(endless)
    const client = viewer(port, path)
    await read(client, 100_000)
    expect(await metric('xg2g_stream_active_count')).toBe(1)
    client.destroy()
    await once(server.sockets[0]!, 'close')
    await vi.waitFor(async () => expect(await metric('xg2g_stream_active_count')).toBe(0))
  })

  it('frees the tuner also before the first byte', async () => {
    const { port, server } = await start(() => undefined)
    const client = viewer(port, path)
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    client.destroy()
    await once(server.sockets[0]!, 'close')
  })

  it('is forgotten when it leaves before the place of the stream is known', async () => {
    const place = Promise.withResolvers<typeof server.target & { program: number }>()
    const locate = vi.fn(() => place.promise)
    const { port, proxy, server } = await start(finite(1), {
      find: () => fixedService({ name: 'x', key: 'x', locate, forget: () => undefined }),
    })
    const client = viewer(port, path)
    await vi.waitFor(() => expect(locate).toHaveBeenCalled())
    client.destroy()
    await proxy.close(0)
    place.resolve({ ...server.target, program: 1 })
    await place.promise
    expect(server.sockets).toHaveLength(0)
  })
})

describe('a client that does not read', () => {
  it('holds up the receiver, not the memory, and is dropped', async () => {
    let given = 0
    const { port, server } = await start(
      (socket) => {
        endless(socket)
        given = 0
      },
      { limits: { stallMs: 400 } },
    )
    const client = viewer(port, path)
    client.pause()
    await once(client, 'connect')
    await vi.waitFor(() => expect(server.sockets[0]?.bytesWritten ?? 0).toBeGreaterThan(1_000_000))
    await new Promise((resolve) => server.sockets[0]!.once('close', resolve)) // an error before it or not
    given = server.sockets[0]!.bytesWritten
    // One ring, and what the sockets of both connections hold.
    expect(given).toBeLessThan(40_000_000)
    client.destroy()
  })

  it('does not stop another one', async () => {
    const { port } = await start(endless)
    const slow = viewer(port, path)
    slow.pause()
    const quick = viewer(port, path)
    expect((await read(quick, 20_000_000)).length).toBeGreaterThanOrEqual(20_000_000)
    slow.destroy()
    quick.destroy()
  })
})

describe('Proxy.close', () => {
  it('lets out what has come, leaves the receiver and takes no more', async () => {
    const { port, proxy, server } = await start(
      (socket) => void socket.write(Buffer.concat([Buffer.from(ok), packets(2000)])),
    )
    const client = viewer(port, path)
    const first = await read(client, 100)
    const closed = proxy.close(5000)
    const rest = await read(client, Infinity)
    await closed
    expect(Buffer.concat([first, rest]).includes(packets(2000))).toBe(true)
    expect(server.sockets[0]?.destroyed).toBe(true)
    await expect(ask(port, path)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('opens no stream for a request that was on its way', async () => {
    const place = Promise.withResolvers<typeof server.target & { program: number }>()
    const locate = vi.fn(() => place.promise)
    const { port, proxy, server } = await start(finite(1), {
      find: () => fixedService({ name: 'x', key: 'x', locate, forget: () => undefined }),
    })
    const answer = ask(port, path)
    await vi.waitFor(() => expect(locate).toHaveBeenCalled())
    const closed = proxy.close(5000)
    place.resolve({ ...server.target, program: 1 })
    expect((await answer).status).toBe(503)
    await closed
    expect(server.sockets).toHaveLength(0)
  })

  it('drops a client that does not take the rest', async () => {
    const { port, proxy, server } = await start(endless)
    const client = viewer(port, path)
    client.pause()
    await server.stuck()
    await proxy.close(50)
    expect(server.sockets[0]?.destroyed).toBe(true)
    client.destroy()
  })
})
