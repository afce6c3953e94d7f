import { PassThrough } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { serveFramed, type FramedOptions } from '../../src/jobs/framed.ts'
import { passthroughEngine, type EngineStream } from '../../src/stream/engine.ts'
import { FrameReader, FrameWriter, type Frame } from '../../src/stream/frames.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { packets } from '../stream/packets.ts'

/** A daemon's two ends of a connection, with serveFramed at the others. */
function connection(options: FramedOptions = {}, make: (inner: EngineStream) => EngineStream = (s) => s) {
  const [source, sink] = [new PassThrough(), new PassThrough()]
  for (const each of [source, sink]) each.on('error', () => undefined)
  const stream = make(passthroughEngine().open(defaultProfile))
  const frames: Frame[] = []
  const reader = new FrameReader()
  sink.on('data', (bytes: Buffer) => {
    reader.push(bytes)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next())
      frames.push(frame.kind === 'data' ? { kind: 'data', bytes: Buffer.from(frame.bytes) } : frame)
  })
  const end = serveFramed(source, sink, stream, options)
  const kinds = () => frames.map(({ kind }) => kind)
  return { source, sink, stream, frames, kinds, end, daemon: new FrameWriter(source) }
}

const news = { marks: [], errors: 0, place: [0, 0, 0, 0] }

describe('serveFramed', () => {
  it('takes the stream at once, carries it with its breaks, and reports', async () => {
    const { daemon, frames, end, source } = connection()
    await vi.waitFor(() => expect(frames).toEqual([{ kind: 'marks', news }]))
    await daemon.data(packets(10))
    await vi.waitFor(() => expect(frames).toHaveLength(2))
    await daemon.signal('splice')
    await daemon.data(packets(5, 10))
    await daemon.signal('end')
    expect(await end).toEqual({ isReusable: true, error: undefined })
    expect(frames.slice(1)).toEqual([
      { kind: 'data', bytes: packets(10) },
      { kind: 'splice' },
      { kind: 'data', bytes: packets(5, 10) },
      { kind: 'report', report: { bytesIn: 2820, bytesOut: 2820, errors: 0 } },
    ])
    expect(source.destroyed).toBe(false)
  })

  it('leaves what comes behind the last frame to whoever reads on', async () => {
    const { daemon, end, source } = connection()
    source.cork()
    void daemon.data(packets(1))
    void daemon.signal('end')
    source.write('{"mode":"status"}\n')
    source.uncork()
    expect((await end).isReusable).toBe(true)
    expect(String(source.read())).toBe('{"mode":"status"}\n')
  })

  it('tells access points before the bytes that they are in', async () => {
    const mark = { offset: 188, pts: 90_000, pcr: -1, kind: 'idr' } as const
    let isTold = false
    const { daemon, frames, kinds, end } = connection({}, (inner) => ({
      ...inner,
      errors: () => (isTold ? 2 : 0),
      marks: () => (inner.output.fill > 0 && !isTold ? ((isTold = true), [mark]) : []),
    }))
    await daemon.data(packets(3))
    await daemon.signal('end')
    await end
    expect(kinds()).toEqual(['marks', 'marks', 'data', 'report'])
    expect(frames[1]).toEqual({ kind: 'marks', news: { ...news, marks: [mark], errors: 2 } })
  })

  it('throws away what is left when nobody wants it any more', async () => {
    const { daemon, end, stream, kinds } = connection()
    await daemon.data(packets(3))
    await daemon.signal('cancel')
    expect((await end).isReusable).toBe(true)
    expect(stream.input.isClosed).toBe(true)
    expect(kinds().at(-1)).toBe('report')
  })

  it('tells why a stream failed, and waits for the last frame of the daemon', async () => {
    const fault = Promise.withResolvers<never>()
    fault.promise.catch(() => undefined)
    const { daemon, end, stream, frames } = connection({}, (inner) => ({ ...inner, done: fault.promise }))
    fault.reject(new AppError('NO_STREAM', { found: 'no PAT' }))
    stream.close()
    await vi.waitFor(() => expect(frames.at(-1)?.kind).toBe('error'))
    expect(frames.at(-1)).toMatchObject({ error: { code: 'NO_STREAM' } })
    await daemon.data(packets(100)) // it does not know yet
    await daemon.signal('end')
    expect(await end).toMatchObject({ isReusable: true, error: { code: 'NO_STREAM' } })
  })

  it('does not wait for ever for that', async () => {
    const { end, stream, source } = connection({ drainMs: 1 })
    stream.close()
    expect((await end).isReusable).toBe(false)
    expect(source.destroyed).toBe(true)
  })

  it.each([
    ['ends', (source: PassThrough) => void source.end()],
    ['breaks', (source: PassThrough) => void source.destroy(new Error('reset'))],
  ])('gives the stream up when the connection %s without a last frame', async (_, leave) => {
    const { daemon, end, stream, source } = connection()
    await daemon.data(packets(3))
    leave(source)
    expect(await end).toMatchObject({ isReusable: false, error: { code: 'UPSTREAM_ENDED' } })
    expect(stream.input.isClosed).toBe(true)
  })

  it.each([
    ['no frame', Buffer.from('GET / HTTP/1.1\r\n')],
    [
      'a frame of its own',
      Buffer.from([0x72, 0, 0, 36, ...Buffer.from('{"bytesIn":0,"bytesOut":0,"errors":0}')]),
    ],
  ])('leaves who sends %s, and says so', async (_, bytes) => {
    const { source, end, frames, stream } = connection()
    source.write(bytes)
    expect(await end).toMatchObject({ isReusable: false, error: { code: 'BAD_REQUEST' } })
    expect(frames.at(-1)).toMatchObject({ kind: 'error', error: { code: 'BAD_REQUEST' } })
    expect(stream.input.isClosed).toBe(true)
  })

  it('gives a sign of life where nothing flows', async () => {
    const { kinds, daemon, end } = connection({ beatMs: 1 })
    await vi.waitFor(() => expect(kinds().length).toBeGreaterThan(5))
    expect(new Set(kinds())).toEqual(new Set(['marks']))
    await daemon.signal('end')
    await end
  })

  it('leaves a daemon that takes nothing any more', async () => {
    const { daemon, sink, end, stream } = connection({ beatMs: 1, stallMs: 1 })
    sink.pause()
    for (let round = 0; round < 8; round++) void daemon.data(packets(1300))
    expect((await end).isReusable).toBe(false)
    expect(sink.destroyed).toBe(true)
    expect(stream.input.isClosed).toBe(true)
  })
})
