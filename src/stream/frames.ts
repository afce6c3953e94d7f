// The protocol between a daemon and a transcoder: one stream there and back on one connection, in frames.
// A bare transport stream can tell neither where the source begins anew nor where a decoder can start.
//
// A frame is one byte for its kind, three for the length of what follows (big-endian), then that.
//
//   kind      from      holds
//   d data    both      1 .. mostDataBytes of the stream
//   s splice  both      nothing; what comes next is of another connection to the source
//   e end     daemon    nothing; the source has ended, what is there is still worked off. Last.
//   c cancel  daemon    nothing; nobody wants the rest. Last.
//   m marks   transcoder  JSON, see News: before the data that it is about, and as a sign of life
//   r report  transcoder  JSON, see EngineReport: all has been sent. Last.
//   x error   transcoder  JSON, {"error":{"code","message"}}. Last.
//
// The transcoder begins with marks: it has taken the stream. The daemon sends no frame before that, so that
// one that is refused has lost nothing. Who gets the other's last frame sends its own last one, too; then the
// connection waits for the next stream. Who breaks the protocol is left.
//
// On a Unix socket a line of JSON comes first, with "framed":true and the profile; a refusal may come as a line
// of JSON, too. Over HTTP it is a POST, and both bodies have the type below; a refusal is another status than 200.
import type { Writable } from 'node:stream'
import { z } from 'zod'
import { expected } from '../base/errors.ts'
import { markKinds, type Mark, type RemuxStats } from '../workers/native.ts'
import { mostMarks } from '../workers/marks.ts'
import { noteCount } from '../workers/ring.ts'
import type { EngineReport } from './engine.ts'

/** The type of both bodies over HTTP. */
export const framesType = 'application/vnd.xg2g.frames'
/** Of one frame: bounds what a write holds. */
export const mostDataBytes = 256 * 1024
/** Of one frame: bounds what a reader gathers. */
export const mostTextBytes = 64 * 1024

/** What is new about a stream besides its bytes. */
export interface News {
  /** Access points and cuts; offsets in bytes of all data frames of the stream. */
  readonly marks: readonly Mark[]
  /** Faults of the source so far. */
  readonly errors: number
  /** Where the remuxer stands, see Place in workers/native.ts: another one can go on after it. */
  readonly place: readonly number[]
}

export type Frame =
  /** A part of a data frame: bytes are handed on as they come. Borrowed until the next push(). */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'splice' | 'end' | 'cancel' }
  | { readonly kind: 'marks'; readonly news: News }
  | { readonly kind: 'report'; readonly report: EngineReport }
  | { readonly kind: 'error'; readonly error: Refusal }

/** What the other side says of a stream that it refused or that failed. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

const headBytes = 4
const codes = { data: 'd', splice: 's', end: 'e', cancel: 'c', marks: 'm', report: 'r', error: 'x' } as const
type Kind = keyof typeof codes
const kinds = new Map(Object.entries(codes).map(([kind, code]) => [code.charCodeAt(0), kind as Kind]))
const limits: Readonly<Record<Kind, readonly [least: number, most: number]>> = {
  data: [1, mostDataBytes],
  splice: [0, 0],
  end: [0, 0],
  cancel: [0, 0],
  marks: [2, mostTextBytes],
  report: [2, mostTextBytes],
  error: [2, mostTextBytes],
}

const count = z.int().nonnegative()
const markShape = z.object({ offset: count, pts: z.number(), pcr: z.number(), kind: z.enum(markKinds) })
const newsShape = z.object({
  marks: z.array(markShape).max(mostMarks),
  errors: count,
  place: z.array(z.number()).length(noteCount),
})
const reportShape = z.object({
  bytesIn: count,
  bytesOut: count,
  errors: count,
  stats: z.looseObject({ problem: z.string() }).optional(),
})
const refusalShape = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/** Writes frames. Each call resolves when the system has taken the frame; false if it never will. */
export class FrameWriter {
  readonly #sink: Writable
  #frames = 0

  /** @param sink  whoever made it listens to its errors */
  constructor(sink: Writable) {
    this.#sink = sink
  }

  /** Frames so far. */
  get frames(): number {
    return this.#frames
  }

  /** @param bytes  1 .. mostDataBytes, sent in place: to be left alone until this resolves */
  data(bytes: Uint8Array): Promise<boolean> {
    return this.#write('data', bytes)
  }

  signal(kind: 'splice' | 'end' | 'cancel'): Promise<boolean> {
    return this.#write(kind)
  }

  marks(news: News): Promise<boolean> {
    return this.#write('marks', Buffer.from(JSON.stringify(news)))
  }

  report({ bytesIn, bytesOut, errors, stats }: EngineReport): Promise<boolean> {
    return this.#write('report', Buffer.from(JSON.stringify({ bytesIn, bytesOut, errors, stats })))
  }

  /** @param error  as AppError.toJSON() says it */
  error(error: { error: Refusal }): Promise<boolean> {
    return this.#write('error', Buffer.from(JSON.stringify(error)))
  }

  #write(kind: Kind, payload?: Uint8Array): Promise<boolean> {
    const sink = this.#sink
    if (sink.destroyed || sink.writableEnded) return Promise.resolve(false)
    const length = payload?.length ?? 0
    checkLength(kind, length)
    this.#frames++
    const head = Buffer.allocUnsafe(headBytes)
    head.writeUInt32BE(codes[kind].charCodeAt(0) * 2 ** 24 + length)
    return new Promise((resolve) => {
      const left = () => resolve(false)
      const taken = (error?: Error | null) => {
        sink.off('close', left)
        resolve(error === null || error === undefined)
      }
      sink.once('close', left)
      sink.cork() // one system call for both
      if (payload === undefined) sink.write(head, taken)
      else {
        sink.write(head)
        sink.write(payload, taken)
      }
      sink.uncork()
    })
  }
}

const nothing = new Uint8Array(0)

/** Finds the frames in bytes that come in pieces of any length. Data is not copied, text gathered. */
export class FrameReader {
  readonly #head = Buffer.alloc(headBytes)
  #headFill = 0
  #kind: Kind | undefined // of the frame that is being read
  #left = 0 // bytes of it that have not come yet
  #text: Uint8Array[] = []
  #bytes: Uint8Array = nothing

  /** Takes a piece once the one before has been read out: next() has answered undefined.
   *  @param bytes  borrowed until the next call */
  push(bytes: Uint8Array): void {
    if (this.#bytes.length > 0)
      throw new TypeError(`Expected the frames before to be read but ${this.#bytes.length} bytes are left`)
    this.#bytes = bytes
  }

  /** Bytes that came behind the last frame. */
  get rest(): Uint8Array {
    return this.#bytes
  }

  /** The next frame; undefined where there is none yet.
   *  @throws BAD_REQUEST  for a kind, length or content that cannot be; nothing more can then be read */
  next(): Frame | undefined {
    const kind = (this.#kind ??= this.#begin())
    if (kind === undefined) return undefined
    const bytes = this.#take(this.#left)
    this.#left -= bytes.length
    if (kind === 'data') {
      if (this.#left === 0) this.#kind = undefined
      return bytes.length > 0 ? { kind, bytes } : undefined
    }
    if (this.#left > 0) {
      if (bytes.length > 0) this.#text.push(Uint8Array.from(bytes)) // it was only borrowed
      return undefined
    }
    const text = Buffer.concat([...this.#text, bytes])
    this.#text = []
    this.#kind = undefined
    return parse(kind, text)
  }

  #begin(): Kind | undefined {
    const part = this.#take(headBytes - this.#headFill)
    this.#head.set(part, this.#headFill)
    this.#headFill += part.length
    const code = this.#head[0]
    if (this.#headFill === 0 || code === undefined) return undefined
    const kind = kinds.get(code) // at once: what is no frame may not have four bytes
    if (kind === undefined)
      throw expected(`one of ${Object.values(codes).join(', ')}`, 'a frame', shown(code))
    if (this.#headFill < headBytes) return undefined
    this.#headFill = 0
    this.#left = this.#head.readUIntBE(1, 3)
    checkLength(kind, this.#left)
    return kind
  }

  #take(most: number): Uint8Array {
    const bytes = this.#bytes.subarray(0, most)
    this.#bytes = this.#bytes.subarray(bytes.length)
    return bytes
  }
}

/** What a refusal in JSON says; undefined where it is none. */
export function parseRefusal(text: string): Refusal | undefined {
  return refusalShape.safeParse(parseJson(text)).data?.error
}

function parse(kind: Exclude<Kind, 'data'>, text: Buffer): Frame {
  switch (kind) {
    case 'splice':
    case 'end':
    case 'cancel':
      return { kind }
    case 'marks':
      return { kind, news: shaped(newsShape, kind, text) }
    case 'report': {
      const { stats, ...counts } = shaped(reportShape, kind, text)
      // The transcoder's remuxer made them; what is looked at has been checked.
      return { kind, report: { ...counts, ...(stats && { stats: stats as unknown as RemuxStats }) } }
    }
    case 'error':
      return { kind, error: shaped(refusalShape, kind, text).error }
    default:
      return kind satisfies never
  }
}

function shaped<T>(shape: z.ZodType<T>, kind: Kind, text: Buffer): T {
  const { data, error } = shape.safeParse(parseJson(text.toString()))
  if (data !== undefined) return data
  const problem = error?.issues[0]
  const where = [kind, ...(problem?.path ?? [])].join('.')
  throw expected(`JSON that fits (${problem?.message ?? ''})`, `the frame ${where}`, text.toString())
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function checkLength(kind: Kind, length: number): void {
  const [least, most] = limits[kind]
  if (length < least || length > most)
    throw expected(`${least} to ${most} bytes`, `the length of a ${kind} frame`, length)
}

function shown(code: number): string {
  return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : `0x${code.toString(16).padStart(2, '0')}`
}
