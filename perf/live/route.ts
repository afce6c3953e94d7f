// Ways for a live stream from its source to a viewer: the pool in this process, the daemon over sockets,
// ffmpeg over pipes. Source and viewer are in this process, so that one clock stamps both.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { Pool } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { createRing, RingReader, RingWriter } from '../../src/workers/ring.ts'
import { ffmpegCommand } from '../rival.ts'
import type { EchoData, Pair } from './echo.ts'
import { startDaemon, type Daemon } from './server.ts'

const echoRingBytes = 512 * 1024

/** One stream under way. */
export interface Passage {
  /** Takes bytes of the source; they may not change afterwards. */
  give(bytes: Uint8Array): Promise<void> | void
  close(): Promise<void>
}

/** A way that streams can be sent. */
export interface Route extends AsyncDisposable {
  /** Opens a stream; `take` hears what comes out, when it comes. */
  open(take: (bytes: Uint8Array) => void): Promise<Passage>
}

/** Main thread -> ring -> worker -> ring -> main thread. */
export async function poolRoute(): Promise<Route> {
  const pool = new Pool({ workers: 1 })
  await pool.ready()
  return {
    open: (take) => {
      const { input, output, done, close } = bound(pool.open(defaultProfile))
      const reading = read(output, take)
      return Promise.resolve({
        give: (bytes) => write(input, bytes),
        close: async () => {
          close()
          await Promise.all([reading, done.catch(() => undefined)])
        },
      })
    },
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

/** The same with a thread that does nothing but copy: what two rings and two threads that wake take. */
export async function echoRoute(): Promise<Route> {
  const pair: Pair = { there: createRing(echoRingBytes), back: createRing(echoRingBytes) }
  const workerData: EchoData = { task: 'chunks', pairs: [pair] }
  const worker = new Worker(new URL('echo.ts', import.meta.url), { workerData })
  await once(worker, 'message')
  const [input, output] = [new RingWriter(pair.there), new RingReader(pair.back)]
  let take: ((bytes: Uint8Array) => void) | undefined
  const reading = read(output, (bytes) => take?.(bytes))
  return {
    open: (taker) => {
      take = taker
      return Promise.resolve({
        give: (bytes) => write(input, bytes),
        close: () => Promise.resolve((take = undefined)),
      })
    },
    [Symbol.asyncDispose]: async () => {
      output.close('cancel')
      await reading
      await worker.terminate()
    },
  }
}

async function read(output: RingReader, take: (bytes: Uint8Array) => void): Promise<void> {
  while (!output.isDrained) {
    const bytes = output.readable()
    if (bytes.length === 0) {
      await output.whenReadable()
      continue
    }
    take(bytes)
    output.release(bytes.length)
  }
}

async function write(input: RingWriter, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !input.isClosed;) {
    const length = input.write(bytes.subarray(at))
    if (length === 0) await input.whenWritable()
    at += Math.max(0, length)
  }
}

function bound(stream: ReturnType<Pool['open']>) {
  return { input: stream.input, output: stream.output, done: stream.done, close: () => stream.close() }
}

export interface DaemonRoute extends Route {
  readonly daemon: Daemon
}

/** Socket -> daemon -> socket. Each stream is a channel of its own. */
export async function daemonRoute(settings: Record<string, string> = {}): Promise<DaemonRoute> {
  const upstream = await Upstream.listen()
  const daemon = await startDaemon(`http://127.0.0.1:${upstream.port}`, settings)
  let channel = 0
  return {
    daemon,
    open: (take) => openThrough(upstream, { port: daemon.port, channel: ++channel }, take),
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]()
      upstream.close()
    },
  }
}

async function openThrough(
  upstream: Upstream,
  { port, channel }: { port: number; channel: number },
  take: (bytes: Uint8Array) => void,
): Promise<Passage> {
  const viewer = connect({ port, host: '127.0.0.1', noDelay: true })
  viewer.on('error', () => undefined)
  let head: Buffer | undefined = Buffer.alloc(0)
  viewer.on('data', (piece: Buffer) => {
    if (head === undefined) return take(piece)
    head = Buffer.concat([head, piece])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    const body = head.subarray(end + 4)
    head = undefined
    if (body.length > 0) take(body)
  })
  const request = upstream.next()
  viewer.write(`GET /1:0:19:${channel.toString(16)}:1:1:C00000:0:0:0: HTTP/1.0\r\n\r\n`)
  const source = await request
  source.write('HTTP/1.0 200 OK\r\nContent-Type: video/mpeg\r\nConnection: close\r\n\r\n')
  return {
    give: (bytes) => void source.write(bytes),
    close: async () => {
      viewer.destroy()
      if (!source.destroyed) await once(source, 'close')
    },
  }
}

/** A stream server that hands its connections over. */
class Upstream {
  readonly #server: NetServer
  readonly port: number
  #waiting: ((socket: Socket) => void)[] = []

  private constructor(server: NetServer, port: number) {
    this.#server = server
    this.port = port
    server.on('connection', (socket: Socket) => {
      socket.setNoDelay().on('error', () => undefined)
      socket.once('end', () => socket.end())
      socket.once('data', () => this.#waiting.shift()?.(socket)) // the request; whatever it asks for
    })
  }

  static async listen(): Promise<Upstream> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return new Upstream(server, typeof address === 'object' && address !== null ? address.port : 0)
  }

  /** The next connection, when its request is there. */
  next(): Promise<Socket> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.#server.close()
  }
}

/** Flags that people set for a low delay. */
export const tuned = ['-probesize', '32', '-fflags', 'nobuffer', '-flags', 'low_delay'] as const

/** Pipe -> a new ffmpeg process -> pipe. */
export function ffmpegRoute(flags: readonly string[] = []): Promise<Route> {
  const outputOptions = flags.length > 0 ? ['-flush_packets', '1'] : []
  const [program = '', ...args] = ffmpegCommand({
    input: 'pipe:0',
    output: 'pipe:1',
    inputOptions: flags,
    outputOptions,
  })
  return Promise.resolve({
    open: (take) => {
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
      child.stdin.on('error', () => undefined)
      child.stdout.on('data', take)
      return Promise.resolve({
        give: (bytes) => void child.stdin.write(bytes),
        close: async () => {
          child.kill('SIGKILL')
          if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
        },
      })
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
}
