// One client watching one feed: waits for the first bytes, sends, and closes both whoever leaves first.
// Main thread.
import type { ServerResponse } from 'node:http'
import { toAppError, type AppError } from '../base/errors.ts'
import type { Feed } from './feed.ts'
import { send, type SendEnd, type SendLimits } from './sender.ts'

export interface ViewingOptions {
  /** Ends the stream so long after its first byte. */
  durationMs?: number | undefined
  /** Called when there is something to send. */
  onStart: () => void
  limits?: Partial<SendLimits> | undefined
}

export interface ViewingEnd {
  readonly end: SendEnd
  readonly bytesIn: number
  readonly bytesSent: number
  /** What ended the feed early. */
  readonly error: AppError | undefined
}

/** What every answer with a stream says of itself. */
export const streamHeaders = {
  'Content-Type': 'video/mp2t',
  'Cache-Control': 'no-store',
  'Accept-Ranges': 'none',
  Connection: 'close',
}

/** Sends the feed as the response and closes it.
 *  @throws why there is nothing to send; then nothing has been sent */
export async function view(
  feed: Feed,
  response: ServerResponse,
  { durationMs, onStart, limits }: ViewingOptions,
): Promise<ViewingEnd> {
  let timer: NodeJS.Timeout | undefined
  response.once('close', () => feed.close())
  try {
    await feed.ready
    onStart()
    response.removeHeader('Transfer-Encoding') // no chunks: the stream ends with the connection
    response.writeHead(200, streamHeaders)
    if (durationMs !== undefined) timer = setTimeout(() => feed.end(), durationMs)
    const end = await send(feed.output, response, limits)
    if (end === 'complete') response.end()
    const error = end === 'complete' ? await feed.done.then(() => undefined, toAppError) : undefined
    return { end, error, bytesIn: feed.bytesIn, bytesSent: feed.output.total }
  } finally {
    clearTimeout(timer)
    feed.close()
  }
}
