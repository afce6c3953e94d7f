import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { passthroughEngine, type Engine } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Feeds, type FeedsOptions, type Seat } from '../../src/stream/feeds.ts'
import { fixedService } from '../../src/stream/service.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { createRing, RingReader, RingWriter } from '../../src/workers/ring.ts'
import { ok, packets, StreamServer } from './packets.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

const mp3 = { ...defaultProfile, audio: 'mp3' } as const
const once2000 = (socket: Socket) => void socket.write(Buffer.concat([Buffer.from(ok), packets(2000)]))

async function start(
  serve: (socket: Socket, connection: number) => void = once2000,
  options: Partial<FeedsOptions> = {},
) {
  let connections = 0
  let engines = 0
  const server = await StreamServer.start((socket) => serve(socket, ++connections))
  const engine: Engine = {
    name: 'native',
    open(profile) {
      engines++
      return passthroughEngine().open(profile)
    },
  }
  const feeds = new Feeds({
    engines: new Engines([engine]),
    spacing: new Spacing({ longestWaitMs: 0 }),
    ...options,
    limits: { lingerMs: 0, ...options.limits },
  })
  closers.push(
    () => server.close(),
    () => feeds.abort(),
  )
  const service = (name: string) =>
    fixedService({
      name,
      key: name,
      locate: async () => ({ ...server.target, path: `/${name}`, program: 1 }),
      forget: () => undefined,
    })
  const join = (name = 'one', profile = defaultProfile, address = '192.168.0.7') =>
    feeds.join(service(name), profile, { address })
  return { server, feeds, join, engines: () => engines }
}

// Without the words that tell of a break.
async function readUntil(seat: Seat, wanted: Buffer): Promise<Buffer> {
  let got = Buffer.alloc(0)
  await vi.waitFor(
    async () => {
      got = Buffer.concat([got, withoutBreaks(await read(seat, 1))])
      expect(got.includes(wanted)).toBe(true)
    },
    { timeout: 10_000, interval: 1 },
  )
  return got
}

function withoutBreaks(bytes: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188)
    if (packet[4] !== 183 || packet[5] !== 0x80) kept.push(packet)
  }
  return Buffer.concat(kept)
}

// Reads until there are so many bytes or no more come.
async function read({ cursor }: Seat, least: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let bytes = 0; bytes < least && !cursor.isDone;) {
    const piece = cursor.next()
    if (piece === undefined) {
      await cursor.whenReadable()
      continue
    }
    parts.push(Buffer.from(piece.bytes))
    bytes += piece.bytes.length
    piece.release()
  }
  return Buffer.concat(parts)
}

const whole = 2000 * 188

describe('several clients', () => {
  it('share one connection and one engine, and each gets every byte', async () => {
    const { server, join, engines } = await start()
    const seats = await Promise.all([join(), join(), join()])
    for (const seat of seats) expect((await read(seat, whole)).equals(packets(2000))).toBe(true)
    expect([server.sockets.length, engines()]).toEqual([1, 1])
  })

  it('that want other sound get an engine of their own, of the same connection', async () => {
    const { server, join, engines } = await start()
    const seats = await Promise.all([join('one'), join('one', mp3)])
    for (const seat of seats) expect((await read(seat, whole)).length).toBe(whole)
    expect([server.sockets.length, engines()]).toEqual([1, 2])
  })

  it('of other channels get a connection each', async () => {
    const { server, join } = await start()
    const seats = await Promise.all([join('one'), join('two')])
    for (const seat of seats) await read(seat, whole)
    expect(server.sockets).toHaveLength(2)
  })

  it('do not end each other', async () => {
    const { server, feeds, join } = await start()
    const [stays, leaves] = await Promise.all([join(), join()])
    await read(leaves, 1000)
    feeds.leave(leaves)
    expect((await read(stays, whole)).length).toBe(whole)
    expect(server.sockets[0]?.destroyed).toBe(false)
    feeds.leave(stays)
    await once(server.sockets[0]!, 'close')
    expect(feeds.clients).toBe(0)
  })
})

describe('a feed that nobody watches', () => {
  it('goes on for a while, and who comes back gets the same connection', async () => {
    const { server, feeds, join } = await start(once2000, { limits: { lingerMs: 60_000 } })
    const first = await join()
    await read(first, whole)
    feeds.leave(first)
    const again = await join()
    expect((await read(again, whole)).length).toBe(whole)
    expect(server.sockets).toHaveLength(1)
  })

  it('is then given up', async () => {
    const { server, feeds, join } = await start(once2000, { limits: { lingerMs: 20 } })
    const seat = await join()
    await read(seat, whole)
    feeds.leave(seat)
    await once(server.sockets[0]!, 'close')
    await vi.waitFor(() => expect(feeds.size).toBe(0))
  })
})

describe('a connection that breaks', () => {
  it('is opened again, while the clients stay', async () => {
    const { server, join } = await start((socket, connection) => {
      socket.write(Buffer.concat([Buffer.from(ok), packets(500, connection * 500)]))
      if (connection < 4) setImmediate(() => socket.destroy())
    })
    const seat = await join()
    const got = await readUntil(seat, packets(500, 2000))
    for (let connection = 1; connection <= 4; connection++)
      expect(got.includes(packets(500, connection * 500))).toBe(true)
    expect(server.sockets).toHaveLength(4)
  })

  it('is tried again when the receiver refuses for a while', async () => {
    const { join } = await start((socket, connection) => {
      if (connection === 1) {
        socket.write(Buffer.concat([Buffer.from(ok), packets(10)]))
        setImmediate(() => socket.end())
      } else if (connection === 2) socket.end('HTTP/1.0 503 Busy\r\n\r\n')
      else if (connection === 3) socket.end(`${ok}HTTP/1.0 400 Bad Request\r\n\r\n`)
      else socket.write(Buffer.concat([Buffer.from(ok), packets(10, 10)]))
    })
    const seat = await join()
    const got = await readUntil(seat, packets(10, 10))
    expect(got.includes(packets(10))).toBe(true)
  })

  it('ends the stream with its reason when it does not come back in time', async () => {
    const { join, feeds } = await start(
      (socket, connection) => {
        if (connection > 1) return void socket.end('HTTP/1.0 503 Busy\r\n\r\n')
        socket.write(Buffer.concat([Buffer.from(ok), packets(10)]))
        setImmediate(() => socket.destroy())
      },
      { limits: { reconnectMs: 1 } },
    )
    const seat = await join()
    expect((await read(seat, Infinity)).equals(packets(10))).toBe(true)
    expect(seat.cursor.error?.code).toMatch(/^UPSTREAM_/)
    feeds.leave(seat)
    await vi.waitFor(() => expect(feeds.size).toBe(0))
  })

  it('does not leave the clients without a byte meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { join } = await start((socket) => void socket.write(Buffer.concat([Buffer.from(ok), packets(10)])))
    const seat = await join()
    await read(seat, 1880)
    vi.advanceTimersByTime(5000)
    const filled = await read(seat, 1316)
    expect(filled.readUInt16BE(1)).toBe(0x1fff)
  })

  it('is not opened again when the answer said where it ends', async () => {
    const { server, join } = await start((socket) =>
      socket.end(
        Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1880\r\n\r\n'), packets(10)]),
      ),
    )
    expect((await read(await join(), Infinity)).equals(packets(10))).toBe(true)
    expect(server.sockets).toHaveLength(1)
  })
})

describe('an engine that fails in mid-stream', () => {
  it('is replaced by the next one, while the clients stay', async () => {
    const failing = Promise.withResolvers<never>()
    const first: Engine = {
      name: 'native',
      open(profile) {
        const stream = passthroughEngine().open(profile)
        failing.promise.catch(() => stream.output.close('error'))
        const marks = () => [{ offset: 0, pts: -1, pcr: -1, kind: 'audio' } as const]
        return { ...stream, marks, input: stream.input, output: stream.output, done: failing.promise }
      },
    }
    let socket: Socket | undefined
    const { join, server } = await start(
      (opened) => {
        socket = opened
        opened.write(Buffer.concat([Buffer.from(ok), packets(100)]))
      },
      { engines: new Engines([first, passthroughEngine()]) },
    )
    const seat = await join()
    await read(seat, 18_800)
    failing.reject(new AppError('WORKER_DIED'))
    await vi.waitFor(() => expect(seat.rendition.engineName).toBe('passthrough'))
    socket?.write(packets(10, 100))
    await readUntil(seat, packets(10, 100))
    expect(server.sockets).toHaveLength(1)
    // The next engine tells of none: who joins later would begin ever further back.
    expect(seat.rendition.reel.marks).toEqual([])
  })
})

describe('passthrough', () => {
  // [what the engine before it leaves, bytes that it took of the packet, does it leave the others?]
  const cases: [string, number, boolean][] = [
    ['the rest of a packet', 8, true],
    ['nothing of a packet that still comes', 50, false],
  ]

  it.each(cases)('begins with a whole packet where a failed engine left %s', async (_, taken, hasRest) => {
    const [torn, more] = [packets(1, 100), packets(20, 101)]
    let rest: RingReader | undefined
    const failing = Promise.withResolvers<never>()
    const first: Engine = {
      name: 'native',
      open() {
        const input = new RingWriter(createRing(1_048_576))
        const output = new RingWriter(createRing(1_048_576))
        rest = new RingReader(input.memory)
        const reader = new RingReader(output.memory)
        const close = () => {
          input.close()
          output.close()
        }
        failing.promise.catch(() => (hasRest ? output.close('error') : close()))
        const stream = { input, output: reader, done: failing.promise, marks: () => [], close }
        output.write(packets(100)) // all that it ever gives
        return hasRest ? { ...stream, rest } : stream
      },
    }
    let socket: Socket | undefined
    const { join } = await start(
      (opened) => {
        socket = opened
        opened.write(Buffer.concat([Buffer.from(ok), packets(100), torn.subarray(0, 50)]))
      },
      { engines: new Engines([first, passthroughEngine()]) },
    )
    const seat = await join()
    const before = await read(seat, 18_800)
    await vi.waitFor(() => expect(rest?.fill).toBe(18_850))
    rest?.release(18_800 + taken)
    failing.reject(new AppError('WORKER_DIED'))
    await vi.waitFor(() => expect(seat.rendition.engineName).toBe('passthrough'))
    socket?.write(Buffer.concat([torn.subarray(50), more]))
    const after = await readUntil(seat, more)
    for (const bytes of [before, after]) {
      expect(bytes.length % 188).toBe(0)
      for (let at = 0; at < bytes.length; at += 188) expect(bytes[at]).toBe(0x47)
    }
    expect(after.equals(more)).toBe(true)
  })
})

describe('limits', () => {
  const refused = { code: 'LIMIT_REACHED', status: 503 }

  it('refuse a client too many, and let the next one in when one leaves', async () => {
    const { feeds, join } = await start(once2000, { crowd: { mostClients: 2 } })
    const [seat] = await Promise.all([join(), join()])
    await expect(join()).rejects.toMatchObject({ ...refused, message: 'All 2 places for clients are taken' })
    feeds.leave(seat)
    await expect(join()).resolves.toBeDefined()
  })

  it('refuse a channel too many, but not one that runs', async () => {
    const { join, server } = await start(once2000, { crowd: { mostFeeds: 1 } })
    await read(await join('one'), whole)
    await expect(join('two')).rejects.toMatchObject(refused)
    await expect(join('one')).resolves.toBeDefined()
    expect(server.sockets).toHaveLength(1)
  })

  it('refuse an address too many channels, but not another address', async () => {
    const { join } = await start(once2000, { crowd: { mostFeedsPerAddress: 1 } })
    await join('one')
    await expect(join('two')).rejects.toMatchObject(refused)
    await expect(join('two', defaultProfile, '192.168.0.8')).resolves.toBeDefined()
  })

  it('refuse a channel when the memory for streams is full', async () => {
    const { join } = await start(once2000, { crowd: { mostBufferedBytes: 100_000 } })
    await read(await join('one'), whole)
    await expect(join('two')).rejects.toMatchObject(refused)
  })
})

describe('a client for whom there is no engine', () => {
  it('is refused, and leaves nothing behind', async () => {
    const full: Engine = {
      name: 'native',
      open() {
        throw new AppError('POOL_FULL', { capacity: 1 })
      },
    }
    const { feeds, join, server } = await start(once2000, { engines: new Engines([full]) })
    await expect(join()).rejects.toMatchObject({ code: 'POOL_FULL' })
    await vi.waitFor(() => expect([feeds.size, feeds.clients]).toEqual([0, 0]))
    expect(server.sockets).toHaveLength(0)
  })
})

describe('Feeds.list', () => {
  it('tells who watches what, and ends one of them', async () => {
    const { feeds, join } = await start()
    const [seat, other] = await Promise.all([join('one', mp3), join('one', mp3, '10.0.0.1')])
    await read(seat, whole)
    expect(feeds.list()).toEqual([
      expect.objectContaining({
        channel: 'one',
        client: '192.168.0.7',
        engine: 'native',
        audio: 'mp3',
        bytesIn: whole,
        bytesSent: whole,
        lag: 0,
        clients: 2,
        joins: 2,
        reconnects: 0,
      }),
      expect.objectContaining({ client: '10.0.0.1', bytesSent: 0, lag: whole }),
    ])
    expect(feeds.end('nobody')).toBe(false)
    expect(feeds.end(other.id)).toBe(true)
    expect((await read(other, Infinity)).length).toBe(whole)
    expect(other.cursor.isDone).toBe(true)
    expect(seat.cursor.isDone).toBe(false)
  })
})
