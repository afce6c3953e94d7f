import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FrameReader,
  FrameWriter,
  mostDataBytes,
  mostTextBytes,
  parseRefusal,
  type Frame,
} from '../../src/stream/frames.ts'
import { markKinds } from '../../src/workers/native.ts'

type Written = Exclude<Frame, { kind: 'data' }> | { kind: 'data'; bytes: Buffer }

const count = fc.nat()
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) // JSON knows no -0
const mark = fc.record({ offset: count, pts: number, pcr: number, kind: fc.constantFrom(...markKinds) })
const written: fc.Arbitrary<Written> = fc.oneof(
  fc.record({
    kind: fc.constant('data' as const),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ kind: fc.constantFrom('splice' as const, 'end' as const, 'cancel' as const) }),
  fc.record({
    kind: fc.constant('marks' as const),
    news: fc.record({
      marks: fc.array(mark, { maxLength: 5 }),
      errors: count,
      place: fc.array(number, { minLength: 4, maxLength: 4 }),
    }),
  }),
  fc.record({
    kind: fc.constant('report' as const),
    report: fc.record({ bytesIn: count, bytesOut: count, errors: count }),
  }),
  fc.record({
    kind: fc.constant('error' as const),
    error: fc.record({ code: fc.string(), message: fc.string({ unit: 'grapheme' }) }),
  }),
)

async function write(writer: FrameWriter, frame: Written): Promise<boolean> {
  switch (frame.kind) {
    case 'data':
      return await writer.data(frame.bytes)
    case 'marks':
      return await writer.marks(frame.news)
    case 'report':
      return await writer.report(frame.report)
    case 'error':
      return await writer.error({ error: frame.error })
    case 'splice':
    case 'end':
    case 'cancel':
      return await writer.signal(frame.kind)
    default:
      return frame satisfies never
  }
}

async function bytesOf(frames: readonly Written[]): Promise<Buffer> {
  const sink = new PassThrough({ highWaterMark: 2 ** 24 })
  const writer = new FrameWriter(sink)
  for (const frame of frames) expect(await write(writer, frame)).toBe(true)
  expect(writer.frames).toBe(frames.length)
  return (sink.read() as Buffer | null) ?? Buffer.alloc(0)
}

/** The frames, parts of data that follow one another joined. */
function read(pieces: readonly Uint8Array[]): Written[] {
  const reader = new FrameReader()
  const frames: Written[] = []
  for (const piece of pieces) {
    reader.push(piece)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const last = frames.at(-1)
      if (frame.kind !== 'data') frames.push(frame)
      else if (last?.kind !== 'data') frames.push({ kind: 'data', bytes: Buffer.from(frame.bytes) })
      else last.bytes = Buffer.concat([last.bytes, frame.bytes])
    }
    piece.fill(0) // it was borrowed
    expect(reader.rest.length).toBe(0)
  }
  return frames
}

function joined(frames: readonly Written[]): Written[] {
  const all: Written[] = []
  for (const frame of frames) {
    const last = all.at(-1)
    if (frame.kind === 'data' && last?.kind === 'data')
      all[all.length - 1] = { kind: 'data', bytes: Buffer.concat([last.bytes, frame.bytes]) }
    else all.push(frame)
  }
  return all
}

function frame(code: string, length: number, payload = ''): Buffer {
  const head = Buffer.from([code.charCodeAt(0), length >> 16, (length >> 8) & 0xff, length & 0xff])
  return Buffer.concat([head, Buffer.from(payload)])
}

describe('FrameReader', () => {
  it('reads what FrameWriter writes, however the bytes are split', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(written, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
        async (frames, sizes) => {
          const bytes = await bytesOf(frames)
          const pieces: Buffer[] = []
          for (let at = 0, place = 0; at < bytes.length; place++) {
            const size = sizes[place % sizes.length]!
            pieces.push(Buffer.from(bytes.subarray(at, at + size)))
            at += size
          }
          expect(read(pieces)).toEqual(joined(frames))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('hands data on as it comes, without a copy', () => {
    const reader = new FrameReader()
    const piece = Buffer.concat([frame('d', 1000), Buffer.alloc(100, 7)])
    reader.push(piece)
    const first = reader.next()
    expect(first).toMatchObject({ kind: 'data', bytes: { length: 100 } })
    expect(first?.kind === 'data' && first.bytes.buffer === piece.buffer).toBe(true)
    expect(reader.next()).toBeUndefined()
  })

  it('keeps what comes behind a frame for whoever reads on', () => {
    const reader = new FrameReader()
    reader.push(Buffer.concat([frame('e', 0), Buffer.from('{"audio":"aac"}\n')]))
    expect(reader.next()).toEqual({ kind: 'end' })
    expect(Buffer.from(reader.rest).toString()).toBe('{"audio":"aac"}\n')
    expect(() => reader.push(Buffer.from('x'))).toThrow('16 bytes are left')
  })

  const news = '{"marks":[],"errors":0,"place":[0,0,0,0]}'
  it.each<[string, Buffer, string]>([
    ['no kind', Buffer.from('{'), 'for a frame but received "{"'],
    ['a byte of a stream', Buffer.from([0x00]), 'received "0x00"'],
    ['long data', frame('d', mostDataBytes + 1), '1 to 262144 bytes for the length of a data frame'],
    ['no data', frame('d', 0), 'but received 0'],
    ['a splice with something', frame('s', 1), '0 to 0 bytes for the length of a splice frame'],
    ['long text', frame('m', mostTextBytes + 1), 'but received 65537'],
    ['text that is no JSON', frame('m', 4, 'oops'), 'JSON that fits'],
    ['news without errors', frame('m', 12, '{"marks":[]}'), 'the frame marks.errors'],
    ['a negative count', frame('m', news.length + 1, news.replace(':0', ':-1')), 'marks.errors'],
    ['a report of text', frame('r', 13, '{"bytesIn":""'.padEnd(13, ' ')), 'the frame report'],
    ['an error without a code', frame('x', 12, '{"error":{}}'), 'the frame error.error.code'],
  ])('refuses %s', (_, bytes, message) => {
    const reader = new FrameReader()
    reader.push(bytes)
    expect(() => reader.next()).toThrow(message)
  })

  it('never throws anything but BAD_REQUEST, and holds no more than one text', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (pieces) => {
        const reader = new FrameReader()
        try {
          for (const piece of pieces) {
            reader.push(piece)
            while (reader.next() !== undefined);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_REQUEST' })
        }
      }),
    )
  })
})

describe('FrameWriter', () => {
  it('writes head and data at once, the data in place', async () => {
    const calls: Buffer[][] = []
    const sink = new Writable({
      writev(chunks, done) {
        calls.push(chunks.map(({ chunk }) => chunk as Buffer))
        done()
      },
    })
    const bytes = Buffer.alloc(1000, 1)
    expect(await new FrameWriter(sink).data(bytes)).toBe(true)
    expect(calls.map((chunks) => chunks.map(({ length }) => length))).toEqual([[4, 1000]])
    expect(calls[0]![1]!.buffer).toBe(bytes.buffer)
  })

  it('refuses a frame that no reader takes', () => {
    const writer = new FrameWriter(new PassThrough())
    expect(() => writer.data(Buffer.alloc(mostDataBytes + 1))).toThrow('1 to 262144 bytes')
  })

  it('says so when nobody takes it, also of what is under way', async () => {
    const sink = new Writable({ writev: () => undefined }) // takes nothing
    const writer = new FrameWriter(sink)
    const stuck = [writer.data(Buffer.alloc(10)), writer.signal('end')]
    sink.destroy()
    await once(sink, 'close')
    expect(await Promise.all(stuck)).toEqual([false, false])
    expect(await writer.signal('end')).toBe(false)
  })
})

describe('parseRefusal', () => {
  it('reads what AppError says, and nothing else', () => {
    expect(parseRefusal('{"error":{"code":"POOL_FULL","message":"All taken"}}\n')).toEqual({
      code: 'POOL_FULL',
      message: 'All taken',
    })
    expect(parseRefusal('<html>')).toBeUndefined()
    expect(parseRefusal('{"error":"no"}')).toBeUndefined()
  })
})
