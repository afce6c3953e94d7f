import { resolve } from 'node:path'
import { setEnvironmentData } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMetrics } from '../../src/base/metrics.ts'
import { looksToHang } from '../../src/workers/heartbeat.ts'
import { Pool, type PoolOptions, type PoolStream } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { makePacket, makePackets, type Command } from './packet.ts'
import { pauseWord } from './standin.ts'
import { Viewer } from './viewer.ts'

const pools: Pool[] = []

async function poolOf(options: PoolOptions = {}): Promise<Pool> {
  const taskFile = resolve(import.meta.dirname, 'standin.ts')
  const pool = new Pool({ workers: 1, taskFile, inputBytes: 65_536, outputBytes: 65_536, ...options })
  pools.push(pool)
  await pool.ready()
  return pool
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

describe('Pool.open', () => {
  it('carries many streams on one thread, each to its own end', async () => {
    const pool = await poolOf({ streamsPerWorker: 40 })
    const viewers = Array.from({ length: 40 }, () => new Viewer(pool.open(defaultProfile)))
    await Promise.all(viewers.map((viewer) => viewer.reach(2000)))
    const reports = await Promise.all(viewers.map((viewer) => viewer.finish()))
    for (const [place, { bytesIn, bytesOut }] of reports.entries()) {
      expect(bytesIn).toBe(bytesOut)
      expect(viewers[place]?.lost).toBe(0)
    }
    expect(pool.stats()).toMatchObject({ streams: 0, restarts: 0, refused: 0 })
  })

  it('refuses what is over the capacity, and takes streams again when one has ended', async () => {
    const metrics = createMetrics()
    const pool = await poolOf({ workers: 2, streamsPerWorker: 2, metrics })
    const streams = Array.from({ length: 4 }, () => pool.open(defaultProfile))
    expect(() => pool.open(defaultProfile)).toThrow('All 4 places for streams are taken')
    expect(() => pool.open(defaultProfile)).toThrow(
      expect.objectContaining({ code: 'POOL_FULL', status: 503 }),
    )
    expect(await metricOf(metrics, 'xg2g_pool_refused_total')).toBe(2)
    expect(await metricOf(metrics, 'xg2g_pool_streams')).toBe(4)
    streams[0]?.close()
    await streams[0]?.done
    pool.open(defaultProfile)
    expect(pool.stats()).toMatchObject({ streams: 4, refused: 2, capacity: 4 })
  })

  it('refuses jobs while it still has places for live streams', async () => {
    const metrics = createMetrics()
    const pool = await poolOf({ workers: 2, streamsPerWorker: 10, metrics })
    const jobs = Array.from({ length: 17 }, () => pool.open(defaultProfile, { weight: 1 }))
    expect(() => pool.open(defaultProfile, { weight: 100 })).toThrow('All 17 places for jobs are taken')
    for (let place = 0; place < 3; place++) pool.open(defaultProfile)
    expect(() => pool.open(defaultProfile)).toThrow('All 20 places for streams are taken')
    expect(pool.stats()).toMatchObject({ streams: 20, jobs: 17, refused: 2 })
    expect(await metricOf(metrics, 'xg2g_pool_jobs')).toBe(17)
    expect(await metricOf(metrics, 'xg2g_pool_refused_total', { kind: 'job' })).toBe(1)
    expect(await metricOf(metrics, 'xg2g_pool_refused_total', { kind: 'live' })).toBe(1)
    jobs[0]?.close()
    await jobs[0]?.done
    pool.open(defaultProfile, { weight: 1 })
    expect(pool.stats()).toMatchObject({ streams: 20, jobs: 17 })
  })

  it('lets jobs have their places however many live streams there are', async () => {
    const pool = await poolOf({ streamsPerWorker: 128 })
    for (let place = 0; place < 20; place++) pool.open(defaultProfile)
    for (let place = 0; place < 100; place++) pool.open(defaultProfile, { weight: 1 })
    expect(pool.stats()).toMatchObject({ streams: 120, jobs: 100, capacity: 128 })
  })

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [8, 7],
    [9, 7],
  ])('of %i places leaves jobs %i', async (streamsPerWorker, most) => {
    const pool = await poolOf({ streamsPerWorker })
    for (let place = 0; place < most; place++) pool.open(defaultProfile, { weight: 1 })
    expect(() => pool.open(defaultProfile, { weight: 1 })).toThrow(`All ${most} places`)
  })

  it.each([0, -1, 101, 1.5, NaN, '5', null])('takes no job of weight %s', async (weight) => {
    const pool = await poolOf()
    expect(() => pool.open(defaultProfile, { weight: weight as number })).toThrow(
      new TypeError(`Expected a whole number from 1 to 100 for weight but received ${weight}`),
    )
    expect(pool.stats().streams).toBe(0)
  })

  it('carries jobs beside live streams', async () => {
    const pool = await poolOf()
    const viewers = [undefined, 1, 7, 100].map((weight) => new Viewer(pool.open(defaultProfile, { weight })))
    await Promise.all(viewers.map((viewer) => viewer.reach(5000)))
    for (const { bytesIn, bytesOut } of await Promise.all(viewers.map((viewer) => viewer.finish())))
      expect(bytesIn).toBe(bytesOut)
    expect(viewers.map(({ lost }) => lost)).toEqual([0, 0, 0, 0])
  })

  it('puts each stream on the emptiest worker', async () => {
    const pool = await poolOf({ workers: 3, streamsPerWorker: 4 })
    const streams = Array.from({ length: 7 }, () => pool.open(defaultProfile))
    expect(streamsPerWorker(pool)).toEqual([3, 2, 2])
    streams[2]?.close()
    await streams[2]?.done
    pool.open(defaultProfile)
    pool.open(defaultProfile)
    expect(streamsPerWorker(pool)).toEqual([3, 3, 2])
  })

  it('takes streams while the threads still start', async () => {
    const pool = new Pool({ workers: 1, taskFile: resolve(import.meta.dirname, 'standin.ts') })
    pools.push(pool)
    const viewer = new Viewer(pool.open(defaultProfile))
    await viewer.reach(100)
    await viewer.finish()
  })

  it('ends a stream of one without touching the neighbours', async () => {
    const pool = await poolOf()
    const broken = pool.open({ ...defaultProfile, program: 1 }, { label: 'broken' })
    const failing = pool.open(defaultProfile, { label: 'failing' })
    const neighbour = new Viewer(pool.open(defaultProfile))
    failing.input.write(makePacket(0, 'fail'))
    await expect(broken.done).rejects.toMatchObject({ code: 'INTERNAL', details: { label: 'broken' } })
    await expect(failing.done).rejects.toThrow('the remuxer failed')
    expect(failing.input.write(makePacket(1))).toBe(-1)
    expect(failing.output.isDrained).toBe(true)
    await neighbour.reach(500)
    await neighbour.finish()
    expect(neighbour.lost).toBe(0)
    expect(pool.stats()).toMatchObject({ restarts: 0, streams: 0 })
  })

  it('tells of an input without a stream', async () => {
    const stream = (await poolOf()).open(defaultProfile)
    stream.input.close()
    await expect(stream.done).rejects.toMatchObject({ code: 'NO_STREAM', details: { found: 'no data' } })
  })

  it('counts bytes in the metrics', async () => {
    const metrics = createMetrics()
    const pool = await poolOf({ metrics })
    const viewer = new Viewer(pool.open(defaultProfile))
    await viewer.reach(200)
    const { bytesOut } = await viewer.finish()
    await viewer.stream.done
    expect(await metricOf(metrics, 'xg2g_transcoder_bytes_processed_total', { direction: 'out' })).toBe(
      bytesOut,
    )
    expect(await metricOf(metrics, 'xg2g_transcoder_active_streams')).toBe(0)
    expect(await metricOf(metrics, 'xg2g_pool_workers')).toBe(1)
  })
})

describe('PoolStream.close', () => {
  it('ends a stream that waits for input, for room, and one that has ended', async () => {
    const pool = await poolOf()
    const idle = pool.open(defaultProfile)
    const stuck = pool.open(defaultProfile)
    while (stuck.output.fill < 60_000) {
      stuck.input.write(makePackets(0, 50))
      await new Promise(setImmediate)
    }
    idle.close()
    stuck.close()
    await Promise.all([idle.done, stuck.done])
    idle.close()
    expect(pool.stats().streams).toBe(0)
  })
})

describe('Pool.package', () => {
  const options = { container: 'ts', slotTicks: 180_000, partTicks: 18_000, nowMs: 0 } as const

  it('packages beside streams, each in a place of its own', async () => {
    const pool = await poolOf({ streamsPerWorker: 2 })
    const viewer = new Viewer(pool.open(defaultProfile))
    const packaging = pool.package(options)
    expect(pool.stats()).toMatchObject({ streams: 2, packages: 1 })
    expect(() => pool.package(options)).toThrow('All 2 places for streams are taken')
    packaging.input.write(makePackets(0, 3))
    packaging.input.close()
    await packaging.done
    expect(packaging.records().map(({ kind }) => kind)).toEqual(['tracks', 'part', 'part', 'part', 'init'])
    expect(pool.stats()).toMatchObject({ streams: 1, packages: 0 })
    await viewer.reach(1000)
    await viewer.finish()
  })

  it('fails with its thread, and leaves the streams to go on elsewhere', async () => {
    const pool = await poolOf({ workers: 1 })
    const viewer = new Viewer(pool.open(defaultProfile))
    await viewer.reach(1000)
    const packaging = pool.package(options)
    packaging.input.write(makePacket(0, 'throw'))
    await expect(packaging.done).rejects.toMatchObject({ code: 'WORKER_DIED' })
    await viewer.reach(viewer.sent + 1000)
    await viewer.finish()
    const next = pool.package(options)
    next.input.close()
    await next.done
    expect(pool.stats()).toMatchObject({ streams: 0, restarts: 1 })
  })

  it('ends with the pool', async () => {
    const pool = await poolOf()
    const packaging = pool.package(options)
    await pool.close()
    await packaging.done.catch(() => undefined)
    expect(packaging.input.isClosed).toBe(true)
    expect(() => pool.package(options)).toThrow(expect.objectContaining({ code: 'SHUTTING_DOWN' }))
  })
})

describe('Pool, when a thread is lost', () => {
  // [command, reason, does the stream itself survive?] A command that is obeyed at once is read again
  // by the next thread, since its bytes were never released, and ends that one as well.
  const cases: [Command, string, boolean][] = [
    ['throw', 'died', true],
    ['reject', 'died', true],
    ['exit', 'exit', false],
    ['memory', 'memory', false],
    ['loop', 'hung', false],
    ['block', 'hung', false],
  ]

  it.each(cases)(
    'by %s, moves its streams and leaves the others alone',
    async (command, reason, survives) => {
      const metrics = createMetrics()
      const pool = await poolOf({
        workers: 2,
        metrics,
        hangMs: reason === 'hung' ? 1500 : 30_000, // a thread short of memory collects garbage for long
        resourceLimits: { maxOldGenerationSizeMb: 24 },
      })
      const neighbour = new Viewer(pool.open(defaultProfile))
      const other = new Viewer(pool.open(defaultProfile))
      const culprit = new Viewer(pool.open(defaultProfile))
      const all = [neighbour, other, culprit]
      await Promise.all(all.map((viewer) => viewer.reach(1000)))
      culprit.send(command)

      if (survives) await culprit.reach(culprit.sent + 1000)
      else {
        const code = reason === 'hung' ? 'WORKER_HUNG' : 'WORKER_DIED'
        await expect(culprit.stream.done).rejects.toMatchObject({ code, details: { why: reason, losses: 3 } })
        expect(culprit.stream.output.isClosed).toBe(true)
      }
      const losses = survives ? 1 : 3
      await Promise.all([neighbour, other].map((viewer) => viewer.reach(viewer.sent + 1000)))
      expect(pool.stats()).toMatchObject({ restarts: losses, failures: { [reason]: losses } })
      expect(await metricOf(metrics, 'xg2g_worker_failures_total', { reason })).toBe(losses)
      expect(await metricOf(metrics, 'xg2g_worker_restarts_total')).toBe(losses)
      await Promise.all(all.map((viewer) => viewer.finish().catch(() => undefined)))
      expect(other.lost).toBe(0)
      expect(neighbour.lost).toBeLessThan(losses * 700) // what was inside the relay: 64 KiB and less
      expect(pool.stats().streams).toBe(0)
    },
  )

  it('finds the job that hangs, and moves the others as what they are', async () => {
    const pool = await poolOf({ workers: 2, hangMs: 1500 })
    const options = [{}, {}, { weight: 5 }, { weight: 9 }]
    const viewers = options.map((option) => new Viewer(pool.open(defaultProfile, option)))
    await Promise.all(viewers.map((viewer) => viewer.reach(1000)))
    const [culprit] = viewers.splice(2, 1)
    // Again and again: of a packet that two pieces share the next thread finds only the end.
    while (culprit?.stream.output.isClosed === false) {
      culprit.send('loop')
      await new Promise(setImmediate)
    }
    await expect(culprit?.stream.done).rejects.toMatchObject({ code: 'WORKER_HUNG' })
    await Promise.all(viewers.map((viewer) => viewer.reach(viewer.sent + 1000)))
    expect(pool.stats()).toMatchObject({ streams: 3, jobs: 1 })
    await Promise.all(viewers.map((viewer) => viewer.finish()))
  })

  it('spares one that gets no core: its streams go on where they are', async () => {
    const pause = new Int32Array(new SharedArrayBuffer(4))
    setEnvironmentData(pauseWord, pause.buffer)
    let readings = 0
    const readThread = () => {
      readings++
      return { state: 'R', cpuMs: 0 }
    }
    const pool = await poolOf({ hangMs: 400, readThread })
    const viewers = [
      new Viewer(pool.open(defaultProfile)),
      new Viewer(pool.open(defaultProfile, { weight: 1 })),
    ]
    await Promise.all(viewers.map((viewer) => viewer.reach(1000)))
    viewers[0]?.send('pause')
    await vi.waitFor(() => expect(readings).toBeGreaterThan(looksToHang), { timeout: 10_000, interval: 1 })
    Atomics.store(pause, 0, 1)
    Atomics.notify(pause, 0)
    await Promise.all(viewers.map((viewer) => viewer.reach(viewer.sent + 1000)))
    await Promise.all(viewers.map((viewer) => viewer.finish()))
    expect(viewers.map(({ lost }) => lost)).toEqual([0, 0])
    expect(pool.stats()).toMatchObject({ restarts: 0, failures: { hung: 0 } })
  })

  it('gives up on all its streams after three losses when it is not known whose fault it is', async () => {
    const pool = await poolOf()
    const viewers = [new Viewer(pool.open(defaultProfile)), new Viewer(pool.open(defaultProfile))]
    for (let loss = 1; loss <= 3; loss++) {
      await Promise.all(viewers.map((viewer) => viewer.reach(viewer.sent + 300)))
      viewers[0]?.send('throw')
      while ((pool.stats().failures.died ?? 0) < loss) await new Promise(setImmediate)
    }
    for (const viewer of viewers) {
      await expect(viewer.stream.done).rejects.toMatchObject({ code: 'WORKER_DIED' })
    }
    const next = new Viewer(pool.open(defaultProfile))
    await next.reach(100)
    await next.finish()
  })

  it('starts the next one, also when it had no streams', async () => {
    const pool = await poolOf()
    const viewer = new Viewer(pool.open(defaultProfile))
    await viewer.reach(10)
    viewer.send('throw')
    viewer.stream.close()
    await viewer.stream.done.catch(() => undefined)
    const next = new Viewer(pool.open(defaultProfile))
    await next.reach(300)
    await next.finish()
  })
})

describe('Pool.ready', () => {
  it('knows a thread that does not start, and says so to who opens a stream', async () => {
    const pool = await poolOf({ taskFile: resolve(import.meta.dirname, 'missing.ts') })
    expect(pool.problem).toMatchObject({ code: 'NO_WORKER' })
    expect(() => pool.open(defaultProfile)).toThrow('missing.ts')
    expect(pool.stats().perWorker).toMatchObject([{ isUp: false, streams: 0 }])
  })

  it('knows a missing addon, and says so to who opens a stream', async () => {
    const pool = await poolOf({ taskFile: resolve(import.meta.dirname, 'bare.ts') })
    expect(pool.problem).toMatchObject({ code: 'ADDON_MISSING' })
    expect(() => pool.open(defaultProfile)).toThrow('make native')
  })
})

describe('Pool.close', () => {
  it('cancels what runs, ends the threads and refuses what comes later', async () => {
    const pool = await poolOf({ workers: 2 })
    const stream = pool.open(defaultProfile)
    await pool.close()
    await stream.done
    expect(() => pool.open(defaultProfile)).toThrow(expect.objectContaining({ code: 'SHUTTING_DOWN' }))
    await pool.close()
  })

  it('does not wait for a thread that hangs', async () => {
    const pool = await poolOf({ closeMs: 300 })
    const stream: PoolStream = pool.open(defaultProfile)
    stream.input.write(makePacket(0, 'loop'))
    while (stream.input.fill > 0 && pool.stats().streams === 0) await new Promise(setImmediate)
    await pool.close()
    await stream.done.catch((error: unknown) => expect(error).toMatchObject({ code: 'SHUTTING_DOWN' }))
  })
})

function streamsPerWorker(pool: Pool): number[] {
  return pool.stats().perWorker.map((worker) => worker.streams)
}

type Metrics = ReturnType<typeof createMetrics>

async function metricOf(
  metrics: Metrics,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const { values = [] } = (await metrics.registry.getSingleMetric(name)?.get()) ?? {}
  const isAsked = (has: Record<string, unknown>) =>
    Object.entries(labels).every(([key, value]) => has[key] === value)
  return values.filter((each) => isAsked(each.labels)).reduce((all, each) => all + each.value, 0)
}
