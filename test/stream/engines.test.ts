import { describe, expect, it } from 'vitest'
import { AppError, type ErrorCode } from '../../src/base/errors.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import {
  type Engine,
  type EngineName,
  type EngineStream,
  passthroughEngine,
} from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import type { StreamOptions } from '../../src/workers/pool.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'
import { packets } from './packets.ts'

/** An engine whose failures are given: at the opening while `refuses`, else through fail() of each stream. */
class FakeEngine implements Engine {
  readonly name: EngineName
  refuses: ErrorCode | undefined
  problem: AppError | undefined
  readonly streams: { fail(code: ErrorCode | AppError): void }[] = []
  asked: StreamOptions | undefined

  constructor(name: EngineName) {
    this.name = name
  }

  open(_profile: Profile, options?: StreamOptions): EngineStream {
    this.asked = options
    if (this.refuses !== undefined) throw new AppError(this.refuses)
    const inner = passthroughEngine().open(defaultProfile)
    const end = Promise.withResolvers<never>()
    this.streams.push({
      fail(code) {
        inner.output.close('error')
        end.reject(typeof code === 'string' ? new AppError(code) : code)
      },
    })
    end.promise.catch(() => undefined)
    return { ...inner, done: Promise.race([end.promise, inner.done]) }
  }
}

function house() {
  const clock = { now: 0, calls: [] as { at: number; call: () => void }[] }
  const [native, ffmpeg, passthrough] = [
    new FakeEngine('native'),
    new FakeEngine('ffmpeg'),
    passthroughEngine(),
  ]
  const metrics = createMetrics()
  const engines = new Engines([native, ffmpeg, passthrough], {
    metrics,
    now: () => clock.now,
    later(ms, call) {
      const entry = { at: clock.now + ms, call }
      clock.calls.push(entry)
      return () => void (clock.calls = clock.calls.filter((each) => each !== entry))
    },
  })
  return {
    ...{ native, ffmpeg, passthrough, engines, metrics },
    open: () => engines.open(defaultProfile),
    pass: (ms: number) => {
      clock.now += ms
      const due = clock.calls.filter(({ at }) => at <= clock.now)
      clock.calls = clock.calls.filter(({ at }) => at > clock.now)
      for (const { call } of due) call()
    },
    /** Opens a stream on the native engine and lets it fail. */
    lose: async (code: ErrorCode = 'WORKER_DIED') => {
      const { stream } = engines.open(defaultProfile)
      native.streams.at(-1)?.fail(code)
      await stream.done.catch(() => undefined)
      await settled()
    },
  }
}

/** What follows from promises that are settled has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('Engines', () => {
  it('takes the first', () => {
    const { engines, native, open } = house()
    expect(open().engine).toBe(native)
    expect(engines.first).toBe(native)
    expect(engines.states()).toEqual([
      { name: 'native', state: 'closed' },
      { name: 'ffmpeg', state: 'closed' },
      { name: 'passthrough', state: 'closed' },
    ])
  })

  it.each<ErrorCode>(['ADDON_MISSING', 'NO_WORKER'])('takes the next where the first says %s', (code) => {
    const { native, ffmpeg, open } = house()
    native.refuses = code
    expect(open().engine).toBe(ffmpeg)
  })

  it('takes the last where no other can', () => {
    const { native, ffmpeg, passthrough, open } = house()
    native.refuses = 'ADDON_MISSING'
    ffmpeg.refuses = 'FFMPEG_MISSING'
    expect(open().engine).toBe(passthrough)
  })

  it.each<ErrorCode>(['POOL_FULL', 'SHUTTING_DOWN'])('refuses with %s and goes nowhere else', (code) => {
    const { native, ffmpeg, open, engines } = house()
    native.refuses = code
    for (let time = 0; time < 5; time++) expect(open).toThrow(expect.objectContaining({ code }))
    expect(ffmpeg.streams).toEqual([])
    expect(engines.states()[0]).toEqual({ name: 'native', state: 'closed' })
  })

  it.each<ErrorCode>(['WORKER_DIED', 'WORKER_HUNG', 'FFMPEG_FAILED'])(
    'leaves an engine alone for a while after three times %s',
    async (code) => {
      const { native, ffmpeg, open, lose } = house()
      await lose(code)
      await lose(code)
      expect(open().engine).toBe(native)
      await lose(code)
      expect(open().engine).toBe(ffmpeg)
    },
  )

  it('blames no engine for its source', async () => {
    const { native, open, lose } = house()
    for (let time = 0; time < 10; time++) await lose('NO_STREAM')
    expect(open().engine).toBe(native)
  })

  it('goes back once a stream has run for some seconds', async () => {
    const { native, ffmpeg, open, lose, pass } = house()
    for (let time = 0; time < 3; time++) await lose()
    pass(30_000)
    const trial = open()
    expect(trial.engine).toBe(native)
    expect(open().engine).toBe(ffmpeg)
    pass(5000)
    expect(open().engine).toBe(ffmpeg) // it has given nothing yet
    trial.stream.input.write(packets(10))
    pass(5000)
    expect(open().engine).toBe(native)
  })

  it('goes back once a short stream has ended well', async () => {
    const { native, open, lose, pass } = house()
    for (let time = 0; time < 3; time++) await lose()
    pass(30_000)
    const trial = open()
    trial.stream.input.write(packets(10))
    trial.stream.input.close()
    await trial.stream.done
    await settled()
    expect(open().engine).toBe(native)
    expect(open().engine).toBe(native)
  })

  it('stays away after a trial that fails, and tries again when one was only given up', async () => {
    const { native, ffmpeg, open, lose, pass } = house()
    for (let time = 0; time < 3; time++) await lose()
    pass(30_000)
    const first = open()
    first.stream.close()
    await first.stream.done
    await settled()
    await lose()
    pass(59_999)
    expect(open().engine).toBe(ffmpeg)
    pass(1)
    expect(open().engine).toBe(native)
  })

  it('tells every engine that it asks whether it is a job', () => {
    const { engines, native, ffmpeg } = house()
    native.refuses = 'WORKER_DIED'
    engines.open(defaultProfile, { label: 'archive', weight: 7 })
    expect([native, ffmpeg].map(({ asked }) => asked)).toEqual(Array(2).fill({ label: 'archive', weight: 7 }))
    engines.open(defaultProfile, { label: 'Das Erste' })
    expect(ffmpeg.asked).toEqual({ label: 'Das Erste' })
  })

  it('gives a stream whose engine has failed to those behind it', () => {
    const { engines, native, ffmpeg, passthrough } = house()
    expect(engines.next(native)).toBe(ffmpeg)
    expect(engines.next(passthrough)).toBeUndefined()
    expect(engines.open(defaultProfile, { after: native }).engine).toBe(ffmpeg)
    ffmpeg.refuses = 'POOL_FULL'
    expect(engines.open(defaultProfile, { after: native }).engine).toBe(passthrough)
    expect(() => engines.open(defaultProfile, { after: passthrough })).toThrow('no engine after passthrough')
  })

  it('passes over one that knows its own trouble, and asks it as soon as that is over', async () => {
    const { native, ffmpeg, open, engines } = house()
    native.problem = new AppError('TRANSCODER_FAILED')
    for (let time = 0; time < 10; time++) expect(open().engine).toBe(ffmpeg)
    expect(engines.states()[0]).toEqual({ name: 'native', state: 'open' })
    native.problem = undefined
    expect(open().engine).toBe(native)
    expect(engines.states()[0]).toEqual({ name: 'native', state: 'closed' })
  })

  it('takes a fault that ends many streams for one failure', async () => {
    const { native, ffmpeg, open } = house()
    const lose = async () => {
      const fault = new AppError('TRANSCODER_FAILED')
      const opened = Array.from({ length: 20 }, open)
      for (const stream of native.streams.splice(0)) stream.fail(fault)
      await Promise.allSettled(opened.map(({ stream }) => stream.done))
      await settled()
    }
    await lose()
    await lose()
    expect(open().engine).toBe(native)
    await lose()
    expect(open().engine).toBe(ffmpeg)
  })

  it('counts no full house against it, also where it said so late', async () => {
    const { native, open, lose } = house()
    for (let time = 0; time < 10; time++) await lose('POOL_FULL')
    expect(open().engine).toBe(native)
  })

  it('ends a stream that has not begun where the next house is full, too', () => {
    const { engines, native, ffmpeg, passthrough } = house()
    ffmpeg.refuses = 'POOL_FULL'
    expect(() => engines.open(defaultProfile, { after: native, isOnAir: false })).toThrow(
      expect.objectContaining({ code: 'POOL_FULL' }),
    )
    expect(engines.open(defaultProfile, { after: native, isOnAir: true }).engine).toBe(passthrough)
  })

  it('counts what fell where, and shows the state', async () => {
    const { metrics, lose, open, pass } = house()
    const shown = async () => await metrics.registry.metrics()
    expect(await shown()).toContain('xg2g_engine_fallbacks_total{from="native",to="ffmpeg"} 0')
    for (let time = 0; time < 3; time++) await lose()
    open()
    expect(await shown()).toContain('xg2g_engine_fallbacks_total{from="native",to="ffmpeg"} 1')
    expect(await shown()).toContain('xg2g_engine_state{engine="native"} 2')
    pass(30_000)
    open()
    expect(await shown()).toContain('xg2g_engine_state{engine="native"} 1')
  })

  it('wants at least one engine, and knows only its own', () => {
    expect(() => new Engines([])).toThrow('at least one engine')
    expect(() => house().engines.next(passthroughEngine())).toThrow('an engine of the list')
  })
})
