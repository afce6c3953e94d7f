// A job socket over a real pool, and callers of it that do what a test tells them, for the tests here.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { loadConfig } from '../../src/base/config.ts'
import { createLog } from '../../src/base/log.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { JobListener } from '../../src/jobs/listener.ts'
import { Published } from '../../src/jobs/published.ts'
import { poolEngine } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Pool, type PoolOptions } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'

export interface Office extends AsyncDisposable {
  readonly path: string
  readonly pool: Pool
  readonly published: Published
  readonly listener: JobListener
  readonly metrics: ReturnType<typeof createMetrics>
  /** Lines of the log so far. */
  readonly log: readonly string[]
  readonly call: () => Socket
}

export interface OfficeOptions {
  readonly pool?: PoolOptions
  readonly env?: Record<string, string>
  readonly idleMs?: number
  readonly isWithoutProxy?: boolean
}

/** Opens a job socket in a folder of its own. */
export async function office({
  pool: poolOptions = {},
  env = {},
  idleMs = 30_000,
  isWithoutProxy = false,
}: OfficeOptions = {}): Promise<Office> {
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-jobs-'))
  const path = join(folder, 'remux.sock')
  const lines: string[] = []
  const destination = new PassThrough().setEncoding('utf8')
  destination.on('data', (text: string) => lines.push(text))
  const log = createLog('debug', destination)
  const metrics = createMetrics()
  const pool = new Pool({ workers: 1, metrics, ...poolOptions })
  await pool.ready()
  const published = new Published()
  const engines = new Engines([poolEngine(pool)], { metrics })
  const config = loadConfig({ env: { XG2G_UDS_PATH: path, ...env } })
  const listener = await JobListener.open(config, {
    engines,
    profile: defaultProfile,
    published: isWithoutProxy ? undefined : published,
    idleMs,
    log,
    metrics,
  })
  if (listener === undefined) throw new Error('The job socket did not open')
  const sockets: Socket[] = []
  return {
    path,
    pool,
    published,
    listener,
    metrics,
    log: lines,
    call() {
      const socket = connect({ path, allowHalfOpen: true })
      socket.on('error', () => undefined)
      sockets.push(socket)
      return socket
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await listener.close(1000)
      await pool.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** All that comes until the other side ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  if (!socket.readableEnded && !socket.destroyed)
    await Promise.race([once(socket, 'end'), once(socket, 'close')])
  return Buffer.concat(pieces)
}

/** Writes all of it while it reads, ends, and gives what came back. */
export async function exchange(socket: Socket, ...parts: (Uint8Array | string)[]): Promise<Buffer> {
  const answer = readAll(socket)
  for (const part of parts) if (!socket.destroyed) socket.write(part)
  socket.end()
  return answer
}

/** The line of JSON that an answer consists of. */
export function errorOf(answer: Buffer): { code: string; message: string } {
  const lines = answer.toString().split('\n')
  if (lines.length !== 2 || lines[1] !== '')
    throw new Error(`Expected one line but received ${answer.length} bytes`)
  return (JSON.parse(lines[0] ?? '') as { error: { code: string; message: string } }).error
}
