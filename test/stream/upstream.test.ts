import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMetrics } from '../../src/base/metrics.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import { Upstream, type UpstreamLimits } from '../../src/stream/upstream.ts'
import { createRing, RingReader, RingWriter } from '../../src/workers/ring.ts'
import { ok, packetBytes, packets, StreamServer } from './packets.ts'

const closers: (() => void)[] = []
afterEach(() => {
  vi.useRealTimers()
  closers.splice(0).forEach((close) => close())
})

async function serve(answer: (socket: Socket, request: string) => void) {
  const server = await StreamServer.start(answer)
  closers.push(() => server.close())
  return server
}

function open(
  target: StreamServer['target'] & { authorization?: string },
  limits: Partial<UpstreamLimits> = {},
) {
  const memory = createRing(256 * 1024)
  const sink = new RingWriter(memory)
  const reader = new RingReader(memory)
  const metrics = createMetrics()
  const spacing = new Spacing()
  const upstream = new Upstream(target, sink, { spacing, metrics, limits })
  closers.push(() => upstream.close())
  return { upstream, reader, sink, metrics, spacing }
}

// Everything that comes until the ring is drained.
async function drain(reader: RingReader): Promise<Buffer> {
  const pieces: Buffer[] = []
  while (!reader.isDrained) {
    await reader.whenReadable()
    const view = reader.readable()
    pieces.push(Buffer.from(view))
    reader.release(view.length)
  }
  return Buffer.concat(pieces)
}

async function failures(metrics: ReturnType<typeof createMetrics>): Promise<Record<string, number>> {
  const { values = [] } =
    (await metrics.registry.getSingleMetric('xg2g_upstream_failures_total')?.get()) ?? {}
  const counted = values.filter(({ value }) => value > 0)
  return Object.fromEntries(
    counted.map(({ labels, value }): [string, number] => [String(labels.reason), value]),
  )
}

describe('Upstream', () => {
  it('asks in one write, with the credentials right behind the first line', async () => {
    const server = await serve((socket) => socket.end(ok))
    const { upstream } = open({ ...server.target, authorization: 'Basic cm9vdDpwdw==' })
    await upstream.done.catch(() => undefined)
    expect(server.requests).toEqual([
      `GET ${server.target.path} HTTP/1.1\r\nAuthorization: Basic cm9vdDpwdw==\r\n` +
        `Host: 127.0.0.1:${server.port}\r\nUser-Agent: xg2g\r\nConnection: close\r\n\r\n`,
    ])
  })

  it.each([1, 7, 188, 4096, 1_000_000])(
    'brings the stream unchanged when it comes in pieces of %i bytes',
    async (size) => {
      const body = packets(size < 10 ? 40 : 5000)
      const answer = Buffer.concat([Buffer.from(ok), body])
      const server = await serve((socket) => {
        for (let at = 0; at < answer.length; at += size) socket.write(answer.subarray(at, at + size))
        socket.end()
      })
      const { upstream, reader } = open(server.target)
      expect((await drain(reader)).equals(body)).toBe(true)
      await upstream.done
    },
  )

  it('reads a chunked answer of an ordinary server', async () => {
    const body = packets(3000)
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (let at = 0; at < body.length; at += 7000) {
        const chunk = body.subarray(at, at + 7000)
        socket.write(
          Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
        )
      }
      socket.write('0\r\n\r\n') // and the connection stays open
    })
    const { upstream, reader } = open(server.target)
    expect((await drain(reader)).equals(body)).toBe(true)
    await upstream.done
  })

  it('ends after the announced length', async () => {
    const body = packets(10)
    const server = await serve((socket) =>
      socket.write(
        Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body, body]),
      ),
    )
    const { upstream, reader } = open(server.target)
    expect((await drain(reader)).equals(body)).toBe(true)
    await upstream.done
  })

  it('reads no faster than the ring is read, and loses nothing', async () => {
    const total = 40_000
    const server = await serve((socket) => {
      socket.write(ok)
      socket.write(packets(total))
      socket.end()
    })
    const { reader, sink } = open(server.target, { stallMs: 400 })
    const lastBytes = async (least: number) => {
      while (sink.fill < least) await reader.whenReadable()
    }
    await lastBytes(packetBytes)
    const pieces: Buffer[] = []
    while (!reader.isDrained) {
      const view = reader.readable(20_000)
      if (view.length === 0) await reader.whenReadable()
      pieces.push(Buffer.from(view))
      reader.release(view.length)
      expect(sink.fill).toBeLessThanOrEqual(sink.capacity)
    }
    expect(Buffer.concat(pieces).equals(packets(total))).toBe(true)
    expect(sink.stalls).toBeGreaterThan(0)
  })

  it('does not take a full ring for a silent receiver', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const server = await serve((socket) => {
      socket.write(ok)
      socket.write(packets(20_000))
    })
    const { upstream, sink } = open(server.target)
    let error: unknown
    upstream.done.catch((thrown: unknown) => (error = thrown))
    await vi.waitFor(() => expect(sink.free).toBeLessThanOrEqual(64 * 1024))
    await vi.advanceTimersByTimeAsync(100_000)
    expect(error).toBeUndefined()
  })

  const silent = () => undefined
  it.each<[string, (socket: Socket) => void, object, string]>([
    [
      'another status',
      (s) => s.end('HTTP/1.0 400 Bad Request\r\n\r\n'),
      { code: 'UPSTREAM_REFUSED' },
      'status',
    ],
    [
      '401',
      (s) => s.end('HTTP/1.0 401 Unauthorized\r\n\r\n'),
      { message: /user or password \(401\)/ },
      'status',
    ],
    [
      'a redirect',
      (s) => s.end('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n'),
      { code: 'UPSTREAM_REFUSED', details: { status: 302, location: 'http://127.0.0.1/' } },
      'status',
    ],
    ['no HTTP', (s) => s.end('SSH-2.0-x\r\n'), { code: 'UPSTREAM_REFUSED' }, 'status'],
    [
      '400 inside the body',
      (s) => s.end(`${ok}HTTP/1.0 400 Bad Request\r\n\r\n`),
      { code: 'UPSTREAM_REFUSED', message: /could not tune/ },
      'refused',
    ],
    [
      '400 in a later piece',
      (s) => s.write(ok, () => setImmediate(() => s.end('HTTP/1.0 400 Bad Request\r\n\r\n'))),
      { code: 'UPSTREAM_REFUSED' },
      'refused',
    ],
    [
      'a few bytes and the end',
      (s) => s.end(Buffer.concat([Buffer.from(ok), packets(1)])),
      { code: 'UPSTREAM_ENDED' },
      'ended',
    ],
    ['nothing but the end', (s) => s.end(), { code: 'UPSTREAM_ENDED' }, 'ended'],
    ['a reset', (s) => s.resetAndDestroy(), { code: 'UPSTREAM_ENDED' }, 'reset'],
    ['a web page', (s) => s.write(`${ok}${'<p>'.repeat(40_000)}`), { code: 'NO_STREAM' }, 'ended'],
    [
      'broken chunks',
      (s) => s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nGG\r\n'),
      { code: 'UPSTREAM_ENDED' },
      'ended',
    ],
    ['no answer', silent, { code: 'UPSTREAM_TIMEOUT' }, 'timeout'],
    ['no first packet', (s) => s.write(ok), { code: 'UPSTREAM_TIMEOUT' }, 'timeout'],
    [
      'silence in mid-stream',
      (s) => s.write(Buffer.concat([Buffer.from(ok), packets(100)])),
      { code: 'UPSTREAM_TIMEOUT' },
      'stalled',
    ],
  ])('reports %s', async (_, answer, expected, reason) => {
    const server = await serve(answer)
    const { upstream, sink, metrics } = open(server.target, { firstByteMs: 150, stallMs: 100 })
    const { message, ...fields } = expected as { message?: RegExp; code?: string }
    const error: unknown = await upstream.done.then(
      () => 'no error',
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      ...fields,
      ...(message && { message: expect.stringMatching(message) as string }),
    })
    expect(sink.isClosed).toBe(true)
    expect(await failures(metrics)).toEqual({ [reason]: 1 })
    await upstream.gone
  })

  it('reports a port where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const { upstream, metrics } = open({ host: '127.0.0.1', port, path: '/' })
    await expect(upstream.done).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' })
    expect(await failures(metrics)).toEqual({ refused: 1 })
  })

  it('reports a name that nobody knows', async () => {
    const { upstream, metrics } = open({ host: 'receiver.invalid', port: 8001, path: '/' })
    await expect(upstream.done).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' })
    expect(await failures(metrics)).toEqual({ unreachable: 1 })
  })

  it('refuses a ring that is too small', () => {
    const sink = new RingWriter(createRing(64 * 1024))
    expect(() => new Upstream({ host: 'x', port: 1, path: '/' }, sink, { spacing: new Spacing() })).toThrow(
      TypeError,
    )
  })
})

describe('Upstream.close', () => {
  it('ends with a FIN, however much the receiver still sends', async () => {
    const seen = Promise.withResolvers<string>()
    const server = await serve((socket) => {
      socket.on('end', () => seen.resolve('FIN')).on('error', () => seen.resolve('reset'))
      socket.write(ok)
      const more = setInterval(() => socket.write(packets(50)), 1)
      socket.on('close', () => clearInterval(more))
    })
    const { upstream, reader } = open(server.target)
    await reader.whenReadable()
    upstream.close()
    upstream.close()
    expect(await seen.promise).toBe('FIN')
    await upstream.done
    await upstream.gone
  })

  it('gives up a receiver that does not close its side', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.write(Buffer.concat([Buffer.from(ok), packets(100)])))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close())
    const { upstream, reader } = open({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      path: '/',
    })
    await reader.whenReadable()
    upstream.close()
    await upstream.gone
  })

  it('opens nothing when closed before its turn', async () => {
    const server = await serve((socket) => socket.end(ok))
    const memory = createRing(256 * 1024)
    const spacing = new Spacing()
    spacing.closed('127.0.0.1')
    const upstream = new Upstream(server.target, new RingWriter(memory), { spacing })
    upstream.close()
    await upstream.done
    await upstream.gone
    expect(server.sockets).toHaveLength(0)
  })

  it('keeps its distance to the next one at the same receiver', async () => {
    const server = await serve((socket) => socket.end(Buffer.concat([Buffer.from(ok), packets(10)])))
    const spacing = new Spacing()
    const once = async () => {
      const upstream = new Upstream(server.target, new RingWriter(createRing(256 * 1024)), { spacing })
      await upstream.gone
      return performance.now()
    }
    const first = await once()
    expect((await once()) - first).toBeGreaterThanOrEqual(500)
  })

  it('leaves when the reader closes the ring', async () => {
    const server = await serve((socket) => {
      socket.write(ok)
      socket.write(packets(20_000))
    })
    const { upstream, reader } = open(server.target)
    await reader.whenReadable()
    await vi.waitFor(() => expect(reader.fill).toBeGreaterThanOrEqual(192 * 1024))
    reader.close('cancel')
    await upstream.gone
  })
})
