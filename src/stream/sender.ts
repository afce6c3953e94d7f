// Sends a ring to an HTTP client. Main thread. A write is one contiguous view of the ring, and its bytes
// are released when the socket has taken them: a slow client fills the ring, and so slows its source.
import type { ServerResponse } from 'node:http'
import type { RingReader } from '../workers/ring.ts'
import { Pulse } from './pulse.ts'

export interface SendLimits {
  /** A client that has not taken one write in this time is dropped. */
  stallMs: number
}

/** A receiver drops us after about 10 s without reading, so a client has no longer. */
export const sendLimits: SendLimits = { stallMs: 10_000 }

// Between two writes, so that they are few and large: 5 ms of delay on average. With 20 streams of
// 10 Mbit/s the main thread took 9.1 % of a core without, 7.9 % with 10 ms, 6.8 % with 50 ms.
const writePulse = new Pulse(10)

/** How sending ended: all was sent, the client left, the client did not read. */
export type SendEnd = 'complete' | 'left' | 'stalled'

const longestWriteBytes = 64 * 1024

/** Sends all that comes until the ring is drained or the client is gone. Does not end the response. */
export async function send(
  output: RingReader,
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
      const { fill } = output
      const view = output.readable(longestWriteBytes)
      if (view.length === 0) {
        if (output.isDrained) return 'complete'
        await output.whenReadable()
        continue
      }
      writingSince = performance.now()
      if (!(await write(response, view))) break
      writingSince = Infinity
      output.release(view.length)
      if (fill <= view.length && !output.isClosed)
        await new Promise<void>((resolve) => writePulse.next(resolve))
    }
    return isStalled ? 'stalled' : 'left'
  } finally {
    clearInterval(watch)
  }
}

// Resolves when the socket has taken the bytes; false if it never will.
function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const left = () => resolve(false)
    response.once('close', left)
    response.write(bytes, (error) => {
      response.off('close', left)
      resolve(error === null || error === undefined)
    })
  })
}
