// A transcoder for the tests of the remote engine: the framed protocol behind a Unix socket and behind HTTP, with
// a pool of its own. Run as a program it is a process that can be killed.
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { toAppError } from '../../src/base/errors.ts'
import type { Logger } from '../../src/base/log.ts'
import { parseTraceparent, type TraceContext } from '../../src/base/trace.ts'
import { serveFramed, type FramedEnd } from '../../src/jobs/framed.ts'
import type { Engine } from '../../src/stream/engine.ts'
import { poolEngine } from '../../src/stream/engine.ts'
import { framesType } from '../../src/stream/frames.ts'
import { Pool } from '../../src/workers/pool.ts'
import { parseProfile, type Profile } from '../../src/workers/profile.ts'

export interface TranscoderOptions {
  /** `unix:/path`, or `http://127.0.0.1:port` with 0 for any */
  readonly at: string
  readonly engine: Engine
}

export class Transcoder {
  /** Connections so far, and what was asked on them. */
  readonly sockets: Socket[] = []
  readonly asked: { profile: Profile; label: string; trace: TraceContext | undefined }[] = []
  readonly ends: FramedEnd[] = []
  readonly weights: (number | undefined)[] = []
  probes = 0
  readonly #engine: Engine
  readonly #server: Server

  private constructor({ at, engine }: TranscoderOptions) {
    this.#engine = engine
    this.#server = at.startsWith('unix:')
      ? createServer((socket) => void this.#talk(socket))
      : createHttpServer((request, response) => void this.#answer(request, response))
    this.#server.on('connection', (socket: Socket) => {
      this.sockets.push(socket)
      socket.on('error', () => undefined)
    })
  }

  static async start(options: TranscoderOptions): Promise<Transcoder> {
    const transcoder = new Transcoder(options)
    const { at } = options
    await new Promise<void>((resolve, reject) => {
      transcoder.#server.once('error', reject)
      if (at.startsWith('unix:')) transcoder.#server.listen(at.slice(5), resolve)
      else transcoder.#server.listen(Number(URL.parse(at)?.port ?? 0), '127.0.0.1', resolve)
    })
    return transcoder
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Takes no more connections and breaks those there are. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  // Lines of JSON, each with a stream behind it.
  async #talk(socket: Socket): Promise<void> {
    for (;;) {
      const line = await readLine(socket)
      if (line === undefined) return
      const { mode, framed, traceparent, label, weight, ...sound } = JSON.parse(line) as Record<
        string,
        unknown
      >
      if (mode === 'status') {
        this.probes++
        socket.write('{"status":"ok"}\n')
        continue
      }
      try {
        if (framed !== true) throw new TypeError('Expected framed')
        const stream = this.#open(sound, String(label), parseTraceparent(traceparent), weight)
        const end = await serveFramed(socket, socket, stream)
        this.ends.push(end)
        if (!end.isReusable) return void socket.destroy()
      } catch (error) {
        return void socket.end(`${JSON.stringify(toAppError(error))}\n`)
      }
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x')
    if (pathname === '/healthz') {
      this.probes++
      return void response.end('ok')
    }
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    try {
      const label = decodeURIComponent(String(request.headers['x-xg2g-label']))
      const trace = parseTraceparent(request.headers.traceparent)
      const stream = this.#open(
        Object.fromEntries(searchParams),
        label,
        trace,
        request.headers['x-xg2g-weight'],
      )
      response.writeHead(200, { 'Content-Type': framesType })
      this.ends.push(await serveFramed(request, response, stream))
      response.end()
    } catch (thrown) {
      const error = toAppError(thrown)
      response.writeHead(error.status).end(JSON.stringify(error))
    }
  }

  #open(sound: Record<string, unknown>, label: string, trace: TraceContext | undefined, weight: unknown) {
    this.weights.push(weight === undefined ? undefined : Number(weight))
    const profile = parseProfile(sound)
    this.asked.push({ profile, label, trace })
    return this.#engine.open(profile, { label, trace })
  }
}

async function readLine(socket: Socket): Promise<string | undefined> {
  let text = Buffer.alloc(0)
  try {
    for await (const piece of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      text = Buffer.concat([text, piece])
      const end = text.indexOf('\n')
      if (end < 0) continue
      if (end + 1 < text.length) socket.unshift(text.subarray(end + 1))
      return text.toString('utf8', 0, end)
    }
  } catch {
    // It is gone.
  }
  return undefined
}

/** A pool of the real remuxer, which takes no thread for hung that only gets little CPU time. */
export async function realEngine(log?: Logger): Promise<{ engine: Engine; pool: Pool }> {
  const pool = new Pool({ workers: 1, hangMs: 20_000, ...(log !== undefined && { log }) })
  await pool.ready()
  return { engine: poolEngine(pool), pool }
}

if (import.meta.main) {
  const { engine } = await realEngine()
  await Transcoder.start({ at: process.argv[2] ?? '', engine })
  process.stdout.write('ready\n')
}
