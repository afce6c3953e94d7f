// A connection of a daemon that has its streams made here: one framed stream after the other, each behind a line
// of JSON. Main thread.
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { AppError } from '../base/errors.ts'
import { parseTraceparent } from '../base/trace.ts'
import type { EngineStream } from '../stream/engine.ts'
import type { Engines } from '../stream/engines.ts'
import type { Profile } from '../workers/profile.ts'
import { serveFramed } from './framed.ts'
import { readOrder, type TransformOrder } from './order.ts'

export interface LineContext {
  readonly engines: Engines
  readonly profile: Profile
  /** A connection without a stream is kept for so long. */
  readonly idleMs: number
}

/** Opens what carries one framed stream. It is live television unless a weight is asked for.
 *  @throws POOL_FULL ... */
export function openFramed(engines: Engines, order: TransformOrder): EngineStream {
  const { profile, label, weight, traceparent } = order
  return engines.open(profile, { label, weight, trace: parseTraceparent(traceparent) }).stream
}

/** Serves streams until one breaks, the daemon ends, or nothing is asked for a while.
 *  @param first  opened for the order that came already
 *  @throws what is told to the daemon: BAD_REQUEST, POOL_FULL ... */
export async function serveLine(
  source: Readable,
  socket: Socket,
  first: EngineStream,
  context: LineContext,
): Promise<void> {
  for (let stream: EngineStream | undefined = first; stream !== undefined;) {
    const { isReusable } = await serveFramed(source, socket, stream)
    if (!isReusable) {
      socket.destroy()
      return
    }
    const order = await nextOrder(source, context)
    if (order === undefined) return
    if (!order.isFramed) throw new AppError('BAD_REQUEST', { reason: 'Expected another framed stream' })
    stream = openFramed(context.engines, order)
  }
}

// Undefined at the end, and after the idle time.
async function nextOrder(
  source: Readable,
  { profile, idleMs }: LineContext,
): Promise<TransformOrder | undefined> {
  let head = Buffer.alloc(0)
  const timer = setTimeout(() => source.destroy(), idleMs)
  try {
    for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      head = Buffer.concat([head, bytes])
      const read = readOrder(head, profile)
      if (read === undefined) continue
      if (read.length < head.length) source.unshift(head.subarray(read.length))
      if (read.order.mode === 'transform') return read.order
      throw new AppError('BAD_REQUEST', { reason: 'Expected another framed stream' })
    }
  } catch (error) {
    if (!source.destroyed) throw error
  } finally {
    clearTimeout(timer)
  }
  return undefined
}
