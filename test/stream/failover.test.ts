// What viewers see when the transcoder process dies, hangs or is full: the real remuxer in a process of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { passthroughEngine, type Engine } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Feeds, type Seat } from '../../src/stream/feeds.ts'
import { RemoteEngine } from '../../src/stream/remote.ts'
import { fixedService } from '../../src/stream/service.ts'
import { Rendition } from '../../src/stream/rendition.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import type { Pool } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { inspect, range, steps } from '../demo/inspect.ts'
import { makeSample } from '../workers/sample.ts'
import { ok, StreamServer } from './packets.ts'
import { realEngine, Transcoder } from './transcoder.ts'

const seconds = 40
const bytesPerTick = 188 * 40 // 20 ms: three times as fast as life
const videoPid = 0x100
let sample: Buffer
let native: Engine
let pool: Pool
const folder = mkdtempSync(join(tmpdir(), 'xg2g-failover-'))
const at = `unix:${join(folder, 'remux.sock')}`

beforeAll(async () => {
  sample = makeSample(seconds)
  ;({ engine: native, pool } = await realEngine())
})
afterAll(async () => {
  await pool.close()
  rmSync(folder, { recursive: true })
})

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A transcoder process that listens. */
async function transcoder(): Promise<ChildProcess> {
  rmSync(at.slice(5), { force: true }) // what a killed one leaves
  const program = join(import.meta.dirname, 'transcoder.ts')
  const child = spawn(process.execPath, [program, at], { stdio: ['ignore', 'pipe', 'inherit'] })
  closers.push(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

async function lose(child: ChildProcess, signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  const gone = once(child, 'exit')
  child.kill(signal)
  if (signal === 'SIGKILL') await gone
}

// A machine that is busy with other tests makes everything look as if it hung.
const patient = 20_000

async function house(hangMs = patient) {
  const server = await StreamServer.start(sendSlowly)
  const metrics = createMetrics()
  const remote = new RemoteEngine(at, { metrics, probeMs: 20, hangMs, connectMs: Math.max(hangMs, 1000) })
  await remote.ready()
  const engines = new Engines([remote, native, passthroughEngine()], { metrics })
  const feeds = new Feeds({
    engines,
    spacing: new Spacing({ longestWaitMs: 0 }),
    metrics,
    limits: { lingerMs: 0 },
  })
  closers.push(
    () => server.close(),
    () => remote.close(),
    () => feeds.abort(),
  )
  const watch = async (name: string) => {
    const service = fixedService({
      name,
      key: name,
      locate: async () => ({ ...server.target, path: `/${name}`, program: 1 }),
      forget: () => undefined,
    })
    const seat = await feeds.join(service, defaultProfile)
    await seat.rendition.ready
    return new Watcher(seat, feeds)
  }
  return { server, remote, engines, feeds, metrics, watch }
}

function sendSlowly(socket: Socket): void {
  socket.write(ok)
  let from = 0
  const timer = setInterval(() => {
    if (from < sample.length) socket.write(sample.subarray(from, (from += bytesPerTick)))
  }, 20)
  socket.once('close', () => clearInterval(timer))
}

/** A viewer that reads all the time. */
class Watcher {
  readonly seat: Seat
  readonly parts: Buffer[] = []
  bytes = 0
  readonly #feeds: Feeds
  readonly over: Promise<void>

  constructor(seat: Seat, feeds: Feeds) {
    this.seat = seat
    this.#feeds = feeds
    this.over = this.#read()
  }

  get engine(): string {
    return this.seat.rendition.engineName
  }

  /** Resolves when so much more has come. */
  async more(least: number): Promise<void> {
    const from = this.bytes
    await vi.waitFor(() => expect(this.bytes - from).toBeGreaterThan(least), { timeout: 10_000 })
  }

  /** What came, after leaving. */
  async leave(): Promise<Buffer> {
    this.#feeds.leave(this.seat)
    await this.over
    return Buffer.concat(this.parts)
  }

  async #read(): Promise<void> {
    const { cursor } = this.seat
    while (!cursor.isDone) {
      const piece = cursor.next()
      if (piece === undefined) {
        await cursor.whenReadable()
        continue
      }
      this.parts.push(Buffer.from(piece.bytes))
      this.bytes += piece.bytes.length
      piece.release()
    }
  }
}

/** The longest step from one picture to the next, 90 kHz. */
function longestStep(bytes: Buffer): number {
  return range(
    steps(
      inspect(bytes)
        .units.get(videoPid)!
        .map(({ dts }) => dts),
    ),
  ).most
}

describe('a transcoder process that is killed under 20 viewers', () => {
  it('loses none of them, and is used again as soon as it is back', async () => {
    const child = await transcoder()
    const { server, feeds, remote, engines, metrics, watch } = await house()
    const names = Array.from({ length: 20 }, (_, place) => `channel ${place % 5}`)
    const watchers = await Promise.all(names.map(watch))
    await Promise.all(watchers.map((each) => each.more(50_000)))
    expect(new Set(watchers.map(({ engine }) => engine))).toEqual(new Set(['remote']))

    await lose(child, 'SIGKILL')
    await Promise.all(watchers.map((each) => each.more(200_000)))
    expect(new Set(watchers.map(({ engine }) => engine))).toEqual(new Set(['native']))
    expect(feeds.clients).toBe(20)
    expect(server.sockets).toHaveLength(5) // no channel was tuned again
    expect(remote.problem).toMatchObject({ code: 'TRANSCODER_FAILED' })
    expect(engines.states()[0]).toEqual({ name: 'remote', state: 'open' })
    expect(await metrics.registry.metrics()).toMatch(/^xg2g_transcoder_up 0$/m)

    const meanwhile = await watch('channel 5') // nobody waits for it
    expect(meanwhile.engine).toBe('native')

    await transcoder()
    await vi.waitFor(() => expect(remote.problem).toBeUndefined(), { timeout: 10_000 })
    expect(engines.states()[0]).toEqual({ name: 'remote', state: 'closed' })
    const again = await watch('channel 6')
    await again.more(50_000)
    expect(again.engine).toBe('remote')
    expect(await metrics.registry.metrics()).toMatch(
      /^xg2g_engine_fallbacks_total\{from="remote",to="native"\} 6$/m,
    )

    for (const bytes of await Promise.all(watchers.map((each) => each.leave()))) {
      expect(bytes.length % 188).toBe(0)
      // Of the picture nothing like a second is missing, nor is its time another.
      expect(longestStep(bytes)).toBeLessThan(90_000)
      const { units } = inspect(bytes)
      expect(range(steps(units.get(videoPid)!.map(({ dts }) => dts))).least).toBeGreaterThan(0)
    }
  }, 60_000)
})

describe('a transcoder process that hangs', () => {
  it('is given up, and the stream goes on', async () => {
    const child = await transcoder()
    const { watch, remote } = await house(400)
    const watcher = await watch('one')
    await watcher.more(50_000)
    await lose(child, 'SIGSTOP')
    await watcher.more(200_000)
    expect(watcher.engine).toBe('native')
    expect(remote.problem?.message).toContain('it said nothing for 400 ms')
    child.kill('SIGCONT')
    await vi.waitFor(() => expect(remote.problem).toBeUndefined(), { timeout: 10_000 })
  })
})

describe('a source that was connected again before its transcoder died', () => {
  it('keeps the time line that it has had', async () => {
    const child = await transcoder()
    const { watch, server } = await house()
    const watcher = await watch('one')
    await watcher.more(200_000)
    server.sockets[0]?.destroy() // the next connection begins the sample anew
    await vi.waitFor(() => expect(server.sockets).toHaveLength(2), { timeout: 10_000 })
    await watcher.more(200_000)
    expect(watcher.engine).toBe('remote')
    await lose(child, 'SIGKILL')
    await watcher.more(200_000)
    expect(watcher.engine).toBe('native')
    const { units } = inspect(await watcher.leave())
    const { least, most } = range(steps(units.get(videoPid)!.map(({ dts }) => dts)))
    expect(least).toBeGreaterThan(0)
    expect(most).toBeLessThan(90_000)
  })
})

describe('a transcoder that is full', () => {
  const full = (): Engine => ({
    name: 'native',
    open() {
      throw new AppError('POOL_FULL', { capacity: 1 })
    },
  })

  async function refused(next: Engine) {
    const transcoder = await Transcoder.start({ at: 'http://127.0.0.1:0', engine: full() })
    const remote = new RemoteEngine(`http://127.0.0.1:${transcoder.port}`)
    closers.push(
      () => transcoder.kill(),
      () => remote.close(),
    )
    const engines = new Engines([remote, next, passthroughEngine()])
    const rendition = new Rendition({
      profile: defaultProfile,
      label: 'one',
      engines,
      onUse: () => undefined,
    })
    return { engines, rendition }
  }

  it('loses not a byte of the stream that goes on here', async () => {
    const { engines, rendition } = await refused(native)
    const first = sample.subarray(0, 188 * 1000)
    rendition.input.write(first)
    await rendition.ready
    rendition.end()
    await rendition.done
    const local = native.open(defaultProfile)
    local.input.write(first)
    local.input.close()
    await local.done
    const parts: Buffer[] = []
    for (let bytes = 0; bytes < rendition.bytes; bytes += parts.at(-1)!.length)
      parts.push(Buffer.from(rendition.reel.piece(bytes)!.bytes))
    const expected = Buffer.alloc(local.output.fill)
    local.output.read(expected)
    expect(Buffer.concat(parts).equals(expected)).toBe(true)
    expect(rendition.engineName).toBe('native')
    expect(engines.states()[0]).toEqual({ name: 'remote', state: 'closed' })
  })

  it('ends a new stream with what the own pool says where that is full, too', async () => {
    const { rendition } = await refused(full())
    rendition.input.write(sample.subarray(0, 188 * 1000))
    await expect(rendition.ready).rejects.toMatchObject({ code: 'POOL_FULL' })
    expect(rendition.isEnded).toBe(true)
  })
})
