import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { childOf } from '../../src/base/trace.ts'
import {
  passthroughEngine,
  type Engine,
  type EngineReport,
  type EngineStream,
} from '../../src/stream/engine.ts'
import { RemoteEngine, type RemoteOptions } from '../../src/stream/remote.ts'
import type { Mark } from '../../src/workers/native.ts'
import type { Pool } from '../../src/workers/pool.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'
import { makeSample } from '../workers/sample.ts'
import { packets } from './packets.ts'
import { realEngine, Transcoder } from './transcoder.ts'

let sample: Buffer
let native: Engine
let pool: Pool
const folder = mkdtempSync(join(tmpdir(), 'xg2g-remote-'))
beforeAll(async () => {
  sample = makeSample(3)
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

let places = 0
async function listen(
  engine: Engine,
  kind: string,
  at?: string,
): Promise<{ url: string; transcoder: Transcoder }> {
  const wanted = at ?? (kind === 'unix' ? `unix:${join(folder, `${++places}.sock`)}` : 'http://127.0.0.1:0')
  const transcoder = await Transcoder.start({ at: wanted, engine })
  closers.push(() => transcoder.kill())
  return { url: kind === 'unix' ? wanted : `http://127.0.0.1:${transcoder.port}`, transcoder }
}

async function house(kind: string, engine: Engine = native, options: RemoteOptions = {}) {
  const { url, transcoder } = await listen(engine, kind)
  const remote = new RemoteEngine(url, { probeMs: 10, ...options })
  closers.push(() => remote.close())
  return { url, transcoder, remote }
}

interface Carried {
  readonly bytes: Buffer
  readonly marks: Mark[]
  readonly report: EngineReport
}

/** Sends sources that follow one another, and reads to the end. */
async function carry(stream: EngineStream, sources: readonly Buffer[]): Promise<Carried> {
  const { input, output } = stream
  const parts: Buffer[] = []
  const marks: Mark[] = []
  const send = async () => {
    for (const [place, source] of sources.entries()) {
      if (place > 0) input.splice()
      for (let at = 0; at < source.length && !input.isClosed;) {
        const taken = input.write(source.subarray(at, at + 13_160))
        if (taken === 0) await input.whenWritable()
        at += Math.max(0, taken)
      }
    }
    input.close()
  }
  const receive = async () => {
    while (!output.isDrained) {
      const piece = output.readable()
      parts.push(Buffer.from(piece))
      const before = output.total
      output.release(piece.length)
      for (const mark of stream.marks()) {
        // Before its bytes are gone: who joins there finds them.
        expect(mark.offset).toBeGreaterThanOrEqual(before)
        marks.push(mark)
      }
      if (piece.length === 0) await output.whenReadable()
    }
  }
  await Promise.all([send(), receive()])
  return { bytes: Buffer.concat(parts), marks, report: await stream.done }
}

const kinds = ['unix', 'http']

describe.each(kinds)('a stream over %s', (kind) => {
  it('is what the local pool makes of it: bytes, access points, report', async () => {
    const { remote } = await house(kind)
    const local = await carry(native.open(defaultProfile), [sample])
    const far = await carry(remote.open(defaultProfile), [sample])
    expect(local.bytes.length).toBeGreaterThan(100_000)
    expect(far.bytes.equals(local.bytes)).toBe(true)
    expect(local.marks.length).toBeGreaterThan(3)
    expect(far.marks).toEqual(local.marks)
    expect(far.report).toEqual(local.report)
  })

  it('is told where the source begins anew, and tells where that took effect', async () => {
    const { remote } = await house(kind)
    const cut = sample.subarray(0, Math.floor(sample.length / 2))
    const local = await carry(native.open(defaultProfile), [cut, sample])
    const far = await carry(remote.open(defaultProfile), [cut, sample])
    expect(far.bytes.equals(local.bytes)).toBe(true)
    expect(far.marks.filter((mark) => mark.kind === 'cut')).toHaveLength(1)
    expect(far.marks).toEqual(local.marks)
  })

  it('has a break of what passes unchanged in its bytes', async () => {
    const { remote } = await house(kind, passthroughEngine())
    const stream = remote.open(defaultProfile)
    stream.input.write(packets(10))
    stream.input.splice()
    stream.input.write(packets(10, 10))
    await vi.waitFor(() => expect(stream.output.fill).toBe(20 * 188))
    expect(Buffer.from(stream.output.readable()).equals(packets(10))).toBe(true)
    stream.output.release(10 * 188)
    expect(stream.output.splice).toBe(0)
  })

  it('asks for the sound, and says what it is for and of which trace', async () => {
    const { remote, transcoder } = await house(kind, passthroughEngine())
    const profile: Profile = {
      audio: 'mp3',
      encoder: 'libavcodec',
      bitrate: 128_000,
      channels: 1,
      language: ['deu', 'eng'],
      tracks: 'one',
      program: 7,
      keepOriginal: true,
    }
    const trace = childOf()
    await carry(remote.open(profile, { label: 'Das Erste – HD', weight: 7, trace }), [packets(5)])
    const [asked] = transcoder.asked
    expect(transcoder.weights).toEqual([7]) // a job is one there, too
    expect(asked).toMatchObject({ profile, label: 'Das Erste – HD', trace: { traceId: trace.traceId } })
    expect(asked?.trace?.spanId).not.toBe(trace.spanId) // the span of the work, not the caller's own
  })

  it('uses its connection again, also where the one before was given up', async () => {
    const { remote, transcoder } = await house(kind, passthroughEngine())
    for (let turn = 0; turn < 3; turn++) {
      const { bytes } = await carry(remote.open(defaultProfile), [packets(500)])
      expect(bytes.equals(packets(500))).toBe(true)
    }
    const left = remote.open(defaultProfile)
    left.input.write(packets(10))
    await vi.waitFor(() => expect(left.output.fill).toBe(1880))
    left.close()
    await vi.waitFor(() => expect(transcoder.ends).toHaveLength(4))
    expect(transcoder.ends.every(({ isReusable }) => isReusable)).toBe(true)
    await carry(remote.open(defaultProfile), [packets(5)])
    expect(transcoder.sockets).toHaveLength(1)
  })

  it('has its connection kept for a while, and not many of them', async () => {
    const { remote, transcoder } = await house(kind, passthroughEngine(), { mostIdle: 1, idleMs: 300 })
    const streams = Array.from({ length: 3 }, () => remote.open(defaultProfile))
    await vi.waitFor(() => expect(transcoder.asked).toHaveLength(3))
    await Promise.all(streams.map((stream) => carry(stream, [packets(5)])))
    const open = () => transcoder.sockets.filter(({ destroyed }) => !destroyed).length
    await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(1), { interval: 5 })
    await vi.waitFor(() => expect(open()).toBe(0), { timeout: 10_000 })
    expect(transcoder.sockets).toHaveLength(3)
    expect(remote.problem).toBeUndefined()
  })

  it('is not lost to a connection that was closed while it was kept', async () => {
    const { remote, transcoder } = await house(kind, passthroughEngine())
    await carry(remote.open(defaultProfile), [packets(5)])
    transcoder.sockets[0]?.destroy()
    const { bytes } = await carry(remote.open(defaultProfile), [packets(500)])
    expect(bytes.equals(packets(500))).toBe(true)
    expect(transcoder.sockets).toHaveLength(2)
    expect(remote.problem).toBeUndefined()
  })

  it('that is refused has lost nothing, and blames nobody', async () => {
    const full: Engine = {
      name: 'native',
      open() {
        throw new AppError('POOL_FULL', { capacity: 3 })
      },
    }
    const { remote } = await house(kind, full)
    const stream = remote.open(defaultProfile)
    stream.input.write(packets(100))
    await expect(stream.done).rejects.toMatchObject({ code: 'POOL_FULL' })
    expect(stream.output.isDrained).toBe(true)
    expect(stream.input.write(packets(100, 100))).toBe(18_800) // until somebody takes the rest
    expect(Buffer.from(stream.rest!.readable()).equals(packets(200))).toBe(true)
    stream.close()
    expect(stream.input.write(packets(1))).toBe(-1)
    expect(remote.problem).toBeUndefined()
  })

  it('that holds nothing is the fault of its source', async () => {
    const { remote } = await house(kind)
    const stream = remote.open(defaultProfile)
    stream.input.write(packets(2000))
    stream.input.close()
    await expect(stream.done).rejects.toMatchObject({
      code: 'NO_STREAM',
      message: expect.stringContaining('no PAT') as string,
    })
    expect(remote.problem).toBeUndefined()
  })

  it('ends on both sides when it is closed, also twice and before it was taken', async () => {
    const { remote, transcoder } = await house(kind)
    const early = remote.open(defaultProfile)
    early.close()
    early.close()
    expect(await early.done).toEqual({ bytesIn: 0, bytesOut: 0, errors: 0 })
    const stream = remote.open(defaultProfile)
    stream.input.write(sample)
    await vi.waitFor(() => expect(stream.output.fill).toBeGreaterThan(0))
    stream.close()
    expect(stream.input.write(packets(1))).toBe(-1)
    expect(stream.output.isClosed).toBe(true)
    await vi.waitFor(() => expect(transcoder.ends.length).toBeGreaterThan(0))
    await vi.waitFor(() => expect(pool.stats().streams).toBe(0))
  })

  it('does not read ahead of who takes its output, and is not given up for that', async () => {
    const { remote } = await house(kind, passthroughEngine(), { hangMs: 100 })
    const stream = remote.open(defaultProfile)
    const whole = packets(100_000)
    const sending = (async () => {
      for (let at = 0; at < whole.length;) {
        at += stream.input.write(whole.subarray(at))
        if (at < whole.length) await stream.input.whenWritable()
      }
      stream.input.close()
    })()
    // Full all the way back to us, for many times hangMs.
    let looks = 0
    await vi.waitFor(() => expect(++looks).toBeGreaterThan(4), { interval: 100 })
    expect(stream.input.isClosed).toBe(false)
    const parts: Buffer[] = []
    while (!stream.output.isDrained) {
      const piece = stream.output.readable()
      parts.push(Buffer.from(piece))
      stream.output.release(piece.length)
      if (piece.length === 0) await stream.output.whenReadable()
    }
    await sending
    expect(Buffer.concat(parts).equals(whole)).toBe(true)
  })

  it('that loses its transcoder fails with all the others, which is one failure; it is found again', async () => {
    const { remote, transcoder, url } = await house(kind)
    await remote.ready()
    const streams = [remote.open(defaultProfile), remote.open(defaultProfile)]
    for (const { input } of streams) input.write(sample.subarray(0, 188 * 1000))
    await vi.waitFor(() => expect(streams.every(({ output }) => output.fill > 0)).toBe(true))
    await transcoder.kill()
    const faults = await Promise.all(streams.map(({ done }) => done.catch((error: unknown) => error)))
    expect(faults[0]).toMatchObject({ code: 'TRANSCODER_FAILED', expose: false })
    expect(faults[1]).toBe(faults[0])
    expect(remote.problem).toBe(faults[0])
    expect(() => remote.open(defaultProfile)).toThrow('The transcoder failed')
    for (const { output } of streams) expect(output.fill % 188).toBe(0)
    for (const stream of streams) stream.close()

    const again = await listen(native, kind, url)
    await vi.waitFor(() => expect(remote.problem).toBeUndefined(), { timeout: 10_000 })
    expect(again.transcoder.probes).toBeGreaterThan(0)
    const { bytes } = await carry(remote.open(defaultProfile), [sample])
    expect(bytes.length).toBeGreaterThan(100_000)
  })

  it('waits for no transcoder that does not answer', async () => {
    const silent = createServer(() => undefined)
    const path = join(folder, `${++places}.sock`)
    await new Promise<void>((resolve) =>
      kind === 'unix' ? silent.listen(path, resolve) : silent.listen(0, '127.0.0.1', resolve),
    )
    const port = kind === 'unix' ? 0 : (silent.address() as AddressInfo).port
    const remote = new RemoteEngine(kind === 'unix' ? `unix:${path}` : `http://127.0.0.1:${port}`, {
      connectMs: 20,
    })
    closers.push(
      () => silent.close(),
      () => remote.close(),
    )
    const stream = remote.open(defaultProfile)
    stream.input.write(packets(100))
    await expect(stream.done).rejects.toThrow('no answer for 20 ms')
    expect(Buffer.from(stream.rest!.readable()).equals(packets(100))).toBe(true)
  })

  it('is given up where something else than a transcoder answers', async () => {
    const other = createServer((socket) => socket.on('error', () => undefined).end('220 mail\r\n'))
    const path = join(folder, `${++places}.sock`)
    await new Promise<void>((resolve) =>
      kind === 'unix' ? other.listen(path, resolve) : other.listen(0, '127.0.0.1', resolve),
    )
    const port = kind === 'unix' ? 0 : (other.address() as AddressInfo).port
    const remote = new RemoteEngine(kind === 'unix' ? `unix:${path}` : `http://127.0.0.1:${port}`)
    closers.push(
      () => other.close(),
      () => remote.close(),
    )
    await expect(remote.open(defaultProfile).done).rejects.toMatchObject({ code: 'TRANSCODER_FAILED' })
    await remote.ready()
    expect(remote.problem).toBeDefined()
  })
})

describe('RemoteEngine', () => {
  it('gives everything up when it is closed, and takes nothing more', async () => {
    const { remote } = await house('unix')
    const stream = remote.open(defaultProfile)
    stream.input.write(sample)
    await vi.waitFor(() => expect(stream.output.fill).toBeGreaterThan(0))
    await remote.close()
    await remote.close()
    expect(stream.output.isClosed).toBe(true)
    expect(() => remote.open(defaultProfile)).toThrow('shutting down')
  })
})
