// /audio-remux as its clients see it: streams posted and fetched, and what is refused.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { createLog } from '../../src/base/log.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { startDemoReceiver } from '../../src/demo/receiver.ts'
import { defaultWeight } from '../../src/jobs/order.ts'
import { AudioRemux, audioRemuxPath, type AudioRemuxOptions } from '../../src/jobs/service.ts'
import { Sources } from '../../src/jobs/sources.ts'
import { passthroughEngine, poolEngine, type Engine, type EngineStream } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Feeds } from '../../src/stream/feeds.ts'
import { StreamPort } from '../../src/stream/port.ts'
import { framesType } from '../../src/stream/frames.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import { Pool } from '../../src/workers/pool.ts'
import { defaultProfile, parseProfile, type Profile } from '../../src/workers/profile.ts'
import { mostWeight } from '../../src/workers/schedule.ts'
import { RingReader, RingWriter, createRing } from '../../src/workers/ring.ts'
import { ok, packets, StreamServer } from '../stream/packets.ts'
import { ask, parse, read, viewer } from '../stream/viewers.ts'
import { makeSample, remuxed } from '../workers/sample.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface StartOptions extends Partial<Omit<AudioRemuxOptions, 'sources'>> {
  readonly engine?: Engine
  readonly allowed?: readonly string[]
}

// The service on a port of its own.
async function start({
  engine = passthroughEngine(),
  allowed = ['127.0.0.1'],
  ...options
}: StartOptions = {}) {
  const opened: { profile: Profile; stream: EngineStream; weight: number | undefined }[] = []
  const watched: Engine = {
    name: engine.name,
    open(profile, about) {
      const stream = engine.open(profile, about)
      opened.push({ profile, stream, weight: about?.weight })
      return stream
    },
  }
  const engines = new Engines([watched])
  const metrics = createMetrics()
  let logged = ''
  const destination = new PassThrough().on('data', (text: Buffer) => (logged += text.toString()))
  const log = createLog('debug', destination)
  const feeds = new Feeds({
    engines,
    spacing: new Spacing({ longestWaitMs: 0 }),
    log,
    limits: { lingerMs: 0 },
  })
  const audio = new AudioRemux({
    feeds,
    engines,
    sources: new Sources(allowed),
    profile: defaultProfile,
    log,
    metrics,
    ...options,
  })
  const service = new StreamPort((request, response) => audio.answer(request, response), { requestMs: 0 })
  const { port } = await service.listen({ host: '127.0.0.1', port: 0 })
  closers.push(async () => {
    service.abort()
    await audio.close(0)
    await service.close()
  })
  const metric = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values ?? []
  return { port, audio, service, opened, metric, logged: () => logged }
}

interface Posted {
  readonly request: ClientRequest
  readonly response: Promise<IncomingMessage>
}

/** Begins a POST; its body is written to `request`. */
function post(port: number, query = '', headers: Record<string, string> = {}): Posted {
  const path = `${audioRemuxPath}${query}`
  const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', path, headers })
  const response = once(request, 'response').then(([response]) => response as IncomingMessage)
  response.catch(() => undefined)
  request.on('error', () => undefined)
  request.flushHeaders()
  return { request, response }
}

async function all(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function some(response: IncomingMessage, least: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let bytes = 0; bytes < least;) {
    const piece = response.read() as Buffer | null
    if (piece === null) await once(response, 'readable')
    else bytes += pieces[pieces.push(piece) - 1]!.length
  }
  return Buffer.concat(pieces)
}

/** Posts all of a body and reads all of the answer. */
async function send(port: number, body: Buffer, query = '') {
  const { request, response } = post(port, query)
  request.end(body)
  const { statusCode: status, headers } = await response
  return { status, headers, body: await all(await response) }
}

const errorOf = (body: Buffer) => (JSON.parse(body.toString()) as { error: { code: string } }).error

describe('POST', () => {
  it('gives the stream back while it still comes', async () => {
    const { port } = await start()
    const { request, response } = post(port)
    for (const first of [0, 500, 1000]) {
      request.write(packets(500, first))
      expect((await some(await response, 500 * 188)).equals(packets(500, first))).toBe(true)
    }
    expect(request.writableEnded).toBe(false)
    request.end(packets(7))
    expect((await all(await response)).equals(packets(7))).toBe(true)
    const { statusCode, headers } = await response
    expect([statusCode, headers['content-type']]).toEqual([200, 'video/mp2t'])
  })

  it('takes no more than its answer is read, and then all of it', async () => {
    const { port, opened } = await start()
    const body = packets(100_000)
    const socket = connect(port, '127.0.0.1')
    closers.push(() => socket.destroy())
    const head = `POST ${audioRemuxPath} HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n`
    socket.pause().write(head)
    socket.write(body)
    await vi.waitFor(() => expect(opened[0]?.stream.input.free).toBe(0))
    expect(opened[0]?.stream.input.total).toBeLessThan(body.length)
    expect(parse(await read(socket, Infinity)).body.equals(body)).toBe(true)
  })

  it('asks the engine for the sound of the query, over what is configured', async () => {
    const { port, opened } = await start({ profile: { ...defaultProfile, channels: 1 } })
    await send(port, packets(20), '?audio=mp3&bitrate=128k&language=eng,deu&tracks=one&program=4911')
    expect(opened[0]?.profile).toEqual({
      ...defaultProfile,
      audio: 'mp3',
      bitrate: 128_000,
      channels: 1,
      language: ['eng', 'deu'],
      tracks: 'one',
      program: 4911,
    })
  })

  it('ends the job when the client leaves in mid-body', async () => {
    const { port, opened, logged } = await start()
    const { request, response } = post(port)
    request.write(packets(500))
    await some(await response, 1000)
    expect(opened[0]?.stream.input.isClosed).toBe(false)
    request.destroy()
    await vi.waitFor(() => expect(opened[0]?.stream.input.closeReason).toBe('cancel'))
    await vi.waitFor(() => expect(logged()).toContain('"end":"left"'))
  })

  it('ends the job when the client leaves before there is an answer', async () => {
    const { port, opened, logged } = await start({ engine: mute() })
    const { request } = post(port)
    request.write(packets(500))
    await vi.waitFor(() => expect(opened[0]?.stream.input.total).toBeGreaterThan(0))
    request.destroy()
    await vi.waitFor(() => expect(opened[0]?.stream.input.isClosed).toBe(true))
    await vi.waitFor(() => expect(logged()).toContain('stream abandoned'))
  })

  it('says what happened to an engine that failed before it gave anything', async () => {
    const { port } = await start({ engine: mute(new AppError('WORKER_DIED')) })
    const { status, headers, body } = await send(port, packets(50))
    expect([status, errorOf(body).code, headers['content-type']]).toEqual([
      502,
      'WORKER_DIED',
      'application/json; charset=utf-8',
    ])
  })

  it('breaks the answer off when the engine fails later', async () => {
    const { port, opened } = await start({ engine: mute(new AppError('WORKER_DIED'), packets(10)) })
    const { request, response } = post(port)
    request.write(packets(50))
    expect((await some(await response, 1880)).equals(packets(10))).toBe(true)
    request.end()
    await expect(all(await response)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(opened[0]?.stream.input.isClosed).toBe(true)
  })

  it('refuses a body that stalls, and frees its place', async () => {
    const { port, opened } = await start({ idleMs: 40, engine: mute() })
    const { request, response } = post(port)
    request.write(packets(500))
    const { statusCode } = await response
    const { code } = errorOf(await all(await response))
    expect([statusCode, code]).toEqual([408, 'CLIENT_TIMEOUT'])
    expect(opened[0]?.stream.input.isClosed).toBe(true)
  })

  it('breaks the answer off when the body stalls later', async () => {
    const { port, opened, metric } = await start({ idleMs: 40 })
    const { request, response } = post(port)
    request.write(packets(500))
    await some(await response, 1000)
    await expect(all(await response)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(opened[0]?.stream.input.isClosed).toBe(true)
    const failures = await metric('xg2g_stream_errors_total')
    expect(failures.find(({ labels }) => labels.code === 'CLIENT_TIMEOUT')?.value).toBe(1)
  })

  it('drops a client that does not read', async () => {
    const { port, opened, metric } = await start({ idleMs: 100 })
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    closers.push(() => socket.destroy())
    socket.pause().write(`POST ${audioRemuxPath} HTTP/1.0\r\nContent-Length: 94000000\r\n\r\n`)
    socket.write(packets(200_000))
    await vi.waitFor(() => expect(opened[0]?.stream.input.isClosed).toBe(true), { timeout: 5000 })
    await vi.waitFor(async () => {
      const slow = await metric('xg2g_stream_slow_clients_total')
      expect(slow.find(({ labels }) => labels.end === 'stalled')?.value).toBe(1)
    })
  })
})

describe('Expect: 100-continue', () => {
  const head = `POST ${audioRemuxPath} HTTP/1.1\r\nHost: x\r\nContent-Length: 3760\r\nExpect: 100-continue\r\n\r\n`

  it('is answered once there is a place', async () => {
    const { port } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.write(head)
    expect((await read(socket, 1)).toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(packets(20))
    expect((await read(socket, Infinity)).toString('latin1')).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  })

  it('is refused at once where there is none', async () => {
    const full = () => {
      throw new AppError('POOL_FULL', { capacity: 1 })
    }
    const { port } = await start({ engine: { name: 'native', open: full } })
    const socket = connect(port, '127.0.0.1')
    socket.write(head)
    const { status, headers, body } = parse(await read(socket, Infinity))
    expect([status, headers['retry-after'], errorOf(body).code]).toEqual([503, '5', 'POOL_FULL'])
  })
})

describe('a client that is refused while it sends', () => {
  it('reads why', async () => {
    const { port } = await start({ refusal: new AppError('FFMPEG_MISSING') })
    const { status, body } = await send(port, packets(40_000))
    expect([status, errorOf(body).code]).toEqual([503, 'FFMPEG_MISSING'])
  })

  it('is not listened to for ever', async () => {
    const { port } = await start({ refusal: new AppError('FFMPEG_MISSING') })
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    socket.write(`POST ${audioRemuxPath} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`)
    expect((await read(socket, Infinity)).toString()).toContain('FFMPEG_MISSING') // and the connection ends
  })

  it('gets the sound as it is', async () => {
    const { port } = await start({ refusal: new AppError('FFMPEG_MISSING') })
    expect((await send(port, packets(200), '?audio=copy')).body.equals(packets(200))).toBe(true)
  })
})

describe('with the remuxer', () => {
  let pool: Pool
  let sample: Buffer
  beforeAll(async () => {
    sample = makeSample(3)
    pool = new Pool({ workers: 1, streamsPerWorker: 3 })
    await pool.ready()
  })
  afterAll(() => pool.close())

  it.each(['', '?audio=mp3&bitrate=128k', '?audio=copy', '?channels=1&bitrate=64k'])(
    'POST%s gives the bytes that the remuxer alone makes',
    async (query) => {
      const { port } = await start({ engine: poolEngine(pool) })
      const { status, body } = await send(port, sample, query)
      expect(status).toBe(200)
      const profile = parseProfile(Object.fromEntries(new URLSearchParams(query)))
      expect(body.length).toBeGreaterThan(100_000)
      expect(body.equals(remuxed(sample, profile))).toBe(true)
    },
  )

  it('gives first bytes before the body has ended', async () => {
    const { port } = await start({ engine: poolEngine(pool) })
    const { request, response } = post(port)
    request.write(sample.subarray(0, sample.length / 2))
    const head = await some(await response, 50_000)
    request.end(sample.subarray(sample.length / 2))
    const body = Buffer.concat([head, await all(await response)])
    expect(body.equals(remuxed(sample, defaultProfile))).toBe(true)
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.from(Array.from({ length: 300_000 }, (_, place) => (place * 7919) >> 4))],
  ])('says that there is no stream in %s', async (_, bytes) => {
    const { port } = await start({ engine: poolEngine(pool) })
    const { status, body } = await send(port, bytes)
    expect([status, errorOf(body).code]).toEqual([502, 'NO_STREAM'])
  })

  it('has as many places as the pool leaves to jobs', async () => {
    const { port } = await start({ engine: poolEngine(pool) })
    const busy = [post(port), post(port)]
    for (const { request } of busy) request.write(sample)
    for (const { response } of busy) await some(await response, 1000)
    const { status, headers, body } = await send(port, sample)
    expect([status, headers['retry-after'], errorOf(body).code]).toEqual([503, '5', 'POOL_FULL'])
    for (const { request } of busy) request.destroy()
    await vi.waitFor(() => expect(pool.stats().streams).toBe(0))
    expect((await send(port, sample)).status).toBe(200)
  })

  it('GET makes AAC of a receiver on the list', async () => {
    const demo = await startDemoReceiver({ webPort: 0, streamPort: 0, dataDir: 'var', streams: ['mpeg2'] })
    closers.push(() => demo.close())
    const { port } = await start({ engine: poolEngine(pool) })
    const ref = demo.channels.find(({ kind }) => kind === 'mpeg2')?.ref ?? ''
    const source = encodeURIComponent(`${demo.streamUrl}/${ref}`)
    const { status, body } = await ask(port, `${audioRemuxPath}?source=${source}&bitrate=96k&duration=3`)
    expect(status).toBe(200)
    const args = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', '-i', 'pipe:0']
    const codecs = execFileSync('ffprobe', args, { input: body })
      .toString()
      .split(/[\s,]+/)
    expect(codecs).toEqual(expect.arrayContaining(['mpeg2video', 'aac']))
    await vi.waitFor(() => expect(pool.stats().streams).toBe(0))
  }, 60_000)
})

describe('GET', () => {
  const finite = (socket: Socket) =>
    socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 37600\r\n\r\n`), packets(200)]))

  async function source(serve: (socket: Socket, request: string) => void = finite) {
    const server = await StreamServer.start(serve)
    closers.push(() => server.close())
    const of = (path: string, more = '') =>
      `${audioRemuxPath}?source=${encodeURIComponent(`http://127.0.0.1:${server.port}${path}`)}${more}`
    return { server, of }
  }

  it('gives what a listed source sends', async () => {
    const { server, of } = await source()
    const { port, opened } = await start({ allowed: [`127.0.0.1:${server.port}`] })
    const { status, headers, body } = await ask(port, of('/a?b=c', '&audio=mp3&program=7'))
    expect([status, headers['content-type'], headers.connection]).toEqual([200, 'video/mp2t', 'close'])
    expect(body.equals(packets(200))).toBe(true)
    expect(server.requests[0]).toMatch(/^GET \/a\?b=c HTTP\/1.1\r\nHost: 127.0.0.1:\d+\r\n/)
    expect(opened[0]?.profile).toMatchObject({ audio: 'mp3', program: 7 })
  })

  it('fetches once for all who watch the same', async () => {
    const { server, of } = await source((socket) => {
      socket.write(Buffer.concat([Buffer.from(ok), packets(200)]))
    })
    const { port, opened } = await start()
    const clients = ['', '', '&audio=mp3'].map((more) => viewer(port, of('/a', more)))
    for (const client of clients) expect((await read(client, 20_000)).toString('latin1')).toContain('200 OK')
    expect([server.requests.length, opened.length]).toEqual([1, 2])
    for (const client of clients) client.destroy()
    await vi.waitFor(() => expect(server.sockets[0]?.destroyed).toBe(true))
  })

  it.each([
    ['/a', [], 403, 'FORBIDDEN'],
    ['/a', ['127.0.0.1:1'], 403, 'FORBIDDEN'],
    ['/a', ['localhost'], 403, 'FORBIDDEN'],
    ['/refused', ['127.0.0.1'], 502, 'UPSTREAM_REFUSED'],
    ['/moved', ['127.0.0.1'], 403, 'FORBIDDEN'],
  ])('of %s with %j listed is answered with %i', async (path, allowed, status, code) => {
    const { server, of } = await source((socket, request) => {
      if (request.startsWith('GET /refused')) socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
      else socket.end('HTTP/1.1 302 Found\r\nLocation: http://[::1]:80/\r\n\r\n')
    })
    const { port, opened } = await start({ allowed })
    const answer = await ask(port, of(path))
    expect([answer.status, errorOf(answer.body).code]).toEqual([status, code])
    expect(server.requests.length).toBe(path === '/a' ? 0 : 1)
    await vi.waitFor(() => expect(opened.every(({ stream }) => stream.input.isClosed)).toBe(true))
  })

  it.each([
    ['', 400],
    ['?source=', 400],
    ['?source=nowhere', 400],
    ['?source=http://127.0.0.1:1/&source=http://127.0.0.1:2/', 400],
    ['?source=http://127.0.0.1:1/&bitrate=much', 400],
    ['?source=http://127.0.0.1:1/&program=-1', 400],
    ['?source=https://127.0.0.1/', 403],
  ])('of %j is answered with %i', async (query, status) => {
    const { port, opened } = await start()
    expect((await ask(port, `${audioRemuxPath}${query}`)).status).toBe(status)
    expect(opened).toEqual([])
  })

  it('tells nobody the password of a source', async () => {
    const { server, of } = await source((socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'))
    const { port, logged } = await start()
    const secret = (path: string) => of(path).replace('127.0.0.1', 'root:geheim@127.0.0.1')
    const answers = [await ask(port, secret('/a')), await ask(port, secret('/a').replace('127.0.0.1', 'box'))]
    expect(answers.map(({ status }) => status)).toEqual([502, 403])
    expect(server.requests[0]).toContain(`Authorization: Basic ${btoa('root:geheim')}\r\n`)
    await vi.waitFor(() => expect(logged()).toContain('FORBIDDEN'))
    expect(logged() + answers.map(({ body }) => body.toString()).join()).not.toMatch(/geheim|cm9vdDpnZWhlaW0/)
  })
})

describe('POST of a daemon', () => {
  const framed = (port: number, weight?: string) => {
    const asked = { 'Content-Type': framesType, ...(weight !== undefined && { 'X-Xg2g-Weight': weight }) }
    const { request, response } = post(port, '', asked)
    closers.push(() => request.destroy())
    return response
  }

  it('has the weight of its job, live television none', async () => {
    const { port, opened } = await start()
    const weights = ['1', '7', String(mostWeight), undefined]
    for (const weight of weights) expect((await framed(port, weight)).statusCode).toBe(200)
    expect(opened.map(({ weight }) => weight)).toEqual([1, 7, mostWeight, undefined])
    await send(port, packets(20)) // of another program
    expect(opened.at(-1)?.weight).toBe(defaultWeight)
  })

  it.each(['0', '-1', '1.5', String(mostWeight + 1), 'heavy', ''])(
    'is refused with the weight %j, before an engine is asked',
    async (weight) => {
      const { port, opened } = await start()
      const response = await framed(port, weight)
      expect([response.statusCode, errorOf(await all(response))]).toMatchObject([
        400,
        {
          code: 'BAD_REQUEST',
          message: expect.stringContaining(`X-Xg2g-Weight but received "${weight}"`) as string,
        },
      ])
      expect(opened).toEqual([])
    },
  )
})

describe('HEAD', () => {
  it('says what GET would, and opens no source', async () => {
    const server = await StreamServer.start((socket) => socket.end())
    closers.push(() => server.close())
    const { port, opened } = await start()
    const head = async (query: string) => {
      const { status, headers, body } = await ask(port, `${audioRemuxPath}${query}`, 'HEAD')
      return [status, headers['content-type'], body.length]
    }
    expect(await head(`?source=http://127.0.0.1:${server.port}/`)).toEqual([200, 'video/mp2t', 0])
    expect(await head('?source=http://10.0.0.1/')).toEqual([403, 'application/json; charset=utf-8', 0])
    expect(await head('')).toEqual([400, 'application/json; charset=utf-8', 0])
    expect([server.sockets.length, opened.length]).toEqual([0, 0])
  })
})

describe('other methods', () => {
  it('are answered with those that there are', async () => {
    const { port } = await start()
    const { status, headers, body } = await ask(port, audioRemuxPath, 'DELETE')
    expect([status, headers.allow, errorOf(body).code]).toEqual([
      405,
      'GET, HEAD, POST',
      'METHOD_NOT_ALLOWED',
    ])
  })
})

describe('AudioRemux.close', () => {
  it('lets a posted stream come to its end, and takes no other', async () => {
    const { port, audio } = await start()
    const { request, response } = post(port)
    request.write(packets(500))
    await some(await response, 500 * 188)
    const closed = audio.close()
    expect((await send(port, packets(5))).status).toBe(503)
    request.end(packets(500, 500))
    expect((await all(await response)).equals(packets(500, 500))).toBe(true)
    await closed
  })

  it('cuts off what does not end', async () => {
    const { port, audio } = await start()
    const { request, response } = post(port)
    request.write(packets(500))
    await some(await response, 500 * 188)
    await audio.close(20)
    await expect(all(await response)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

// An engine that takes all and gives nothing but `output`; with a problem it fails when the input ends.
function mute(problem?: AppError, output: Buffer = Buffer.alloc(0)): Engine {
  return {
    name: 'native',
    open() {
      const input = new RingWriter(createRing(256 * 1024))
      const drain = new RingReader(input.memory)
      const given = new RingWriter(createRing(256 * 1024))
      given.write(output)
      const end = async () => {
        while (!drain.isDrained) {
          drain.release(drain.readable().length)
          await drain.whenReadable()
        }
        given.close(problem === undefined ? 'end' : 'error')
        if (problem !== undefined && input.closeReason === 'end') throw problem
        return { bytesIn: input.total, bytesOut: output.length, errors: 0 }
      }
      const done = end()
      done.catch(() => undefined)
      const close = () => {
        given.close('cancel')
        input.close('cancel')
      }
      return { input, output: new RingReader(given.memory), done, marks: () => [], close }
    },
  }
}
