// One HTTP client and its seat: waits for the first bytes, sends, and leaves when either side ends.
// Main thread. A write is one piece of what the rendition keeps, and is let go when the socket has taken it.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { AppError } from '../base/errors.ts'
import type { TraceContext } from '../base/trace.ts'
import type { Account } from './account.ts'
import type { Cursor } from './cursor.ts'
import type { Feeds, Seat } from './feeds.ts'
import type { StreamQuery } from './query.ts'
import type { Service } from './service.ts'

export interface SendLimits {
  /** A client that has not taken one write in this time is dropped. */
  stallMs: number
}

export const sendLimits: SendLimits = { stallMs: 10_000 }

/** How sending ended: all was sent, the client left, did not read, or was too slow for the policy. */
export type SendEnd = 'complete' | 'left' | 'stalled' | 'slow'

export interface ViewingOptions {
  /** Ends the stream so long after its first byte. */
  durationMs?: number | undefined
  /** Called when there is something to send. */
  onStart: () => void
  /** Besides those of every stream. */
  headers?: OutgoingHttpHeaders | undefined
  limits?: Partial<SendLimits> | undefined
}

export interface ViewingEnd {
  readonly end: SendEnd
  readonly bytesIn: number
  readonly bytesSent: number
  /** What ended the stream early. */
  readonly error: AppError | undefined
}

/** What every answer with a stream says of itself. */
export const streamHeaders = {
  'Content-Type': 'video/mp2t',
  'Cache-Control': 'no-store',
  'Accept-Ranges': 'none',
  Connection: 'close',
}

export interface WatchOptions {
  readonly feeds: Feeds
  readonly account: Account
  /** The request's span. */
  readonly trace?: TraceContext | undefined
  readonly limits?: Partial<SendLimits> | undefined
  /** Called with the client's seat, before anything is sent. @returns headers for the answer */
  readonly onSeat?: ((seat: Seat) => OutgoingHttpHeaders) | undefined
}

/** Seats a client, sends it what it asked for, and gives the seat back.
 *  @throws why there is nothing to send; then nothing has been sent */
export async function watch(
  service: Service,
  query: StreamQuery,
  response: ServerResponse,
  { feeds, account, trace, limits, onSeat }: WatchOptions,
): Promise<void> {
  const { name } = service
  const address = response.socket?.remoteAddress
  const seat = await feeds.join(service, query.profile, { address, priority: query.priority, trace })
  try {
    if (response.destroyed) return account.abandoned(name) // it did not wait
    const onStart = () => account.started(name, seat.rendition.engineName)
    account.ended(name, await view(seat, response, { ...query, limits, onStart, headers: onSeat?.(seat) }))
  } catch (error) {
    if (response.destroyed) return account.abandoned(name)
    throw error
  } finally {
    feeds.leave(seat)
  }
}

/** Sends the seat's stream as the response. Does not give the seat back.
 *  @throws why there is nothing to send; then nothing has been sent */
export async function view(
  { feed, rendition, cursor }: Seat,
  response: ServerResponse,
  { durationMs, onStart, headers, limits }: ViewingOptions,
): Promise<ViewingEnd> {
  let timer: NodeJS.Timeout | undefined
  response.once('close', () => cursor.leave())
  try {
    await rendition.ready
    onStart()
    response.removeHeader('Transfer-Encoding') // no chunks: the stream ends with the connection
    response.writeHead(200, { ...streamHeaders, ...headers })
    if (durationMs !== undefined) timer = setTimeout(() => cursor.end(), durationMs)
    const end = await send(cursor, response, limits)
    const { error } = cursor
    if (end === 'complete') response.end()
    else response.destroy()
    return {
      end,
      error: end === 'complete' ? error : undefined,
      bytesIn: feed.bytesIn,
      bytesSent: cursor.bytes,
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Sends all that comes until there is no more or the client is gone. Does not end the response. */
export async function send(
  cursor: Cursor,
  response: ServerResponse,
  limits: Partial<SendLimits> = {},
): Promise<SendEnd> {
  const { stallMs } = { ...sendLimits, ...limits }
  let writingSince = Infinity
  let isStalled = false
  const watch = setInterval(() => {
    isStalled = performance.now() - writingSince >= stallMs
    if (isStalled) response.destroy()
  }, stallMs / 4)
  try {
    while (!response.destroyed) {
      const piece = cursor.next()
      if (piece === undefined) {
        if (cursor.isDropped) return 'slow'
        if (cursor.isDone) return 'complete'
        await cursor.whenReadable()
        continue
      }
      writingSince = performance.now()
      const isTaken = await write(response, piece.bytes)
      if (isTaken) piece.release()
      else break
      writingSince = Infinity
    }
    return isStalled ? 'stalled' : 'left'
  } finally {
    clearInterval(watch)
  }
}

/** Resolves when the system has taken the bytes; false if it never will. */
export function write(sink: Writable, bytes: Uint8Array): Promise<boolean> {
  if (sink.destroyed || sink.writableEnded) return Promise.resolve(false)
  return new Promise((resolve) => {
    const left = () => resolve(false)
    sink.once('close', left)
    sink.write(bytes, (error) => {
      sink.off('close', left)
      resolve(error === null || error === undefined)
    })
  })
}
