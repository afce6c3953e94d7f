// One connection to the control port: requests in, replies out. The other end may send frames in pieces or
// many at once; it may not be slow for ever, nor ask without reading.
import type { Socket } from 'node:net'
import type { DeviceHost } from './device.ts'
import { FrameReader, type Frame } from './frame.ts'
import type { Count } from './gate.ts'
import { answerRequest } from './request.ts'

export interface ConnectionOptions {
  readonly host: DeviceHost
  /** How long a connection may be without a byte. */
  readonly idleMs: number
  /** How long a frame may take from its first byte to its last. */
  readonly frameMs: number
  /** Counts a request; false if it is one too many. */
  readonly take: () => boolean
  readonly count: Count
}

const mostUnreadBytes = 64 * 1024 // of replies

/** Serves a connection until it ends, breaks a rule, or is too slow. */
export function serveConnection(socket: Socket, options: ConnectionOptions): void {
  const reader = new FrameReader()
  let slow: NodeJS.Timeout | undefined // runs while a frame is coming
  const end = () => socket.destroy()
  const receive = (bytes: Buffer) => {
    if (socket.writableEnded) return
    const { frames, isDamaged } = reader.push(bytes)
    const isBroken = !answerAll(socket, frames, options) || isDamaged
    if (isDamaged) options.count('ignored')
    if (isBroken) socket.destroySoon()
    else if (socket.writableLength > mostUnreadBytes) socket.destroy()
    if (frames.length > 0 || isBroken) {
      clearTimeout(slow)
      slow = undefined
    }
    if (reader.hasPart && !isBroken) slow ??= setTimeout(end, options.frameMs)
  }
  socket
    .setTimeout(options.idleMs, end)
    .on('error', end)
    .on('close', () => clearTimeout(slow))
    .on('data', receive)
}

// False where there was a request too many; those before it are answered.
function answerAll(
  socket: Socket,
  frames: readonly Frame[],
  { host, take, count }: ConnectionOptions,
): boolean {
  const replies: Buffer[] = []
  const isWithin = frames.every((frame) => {
    const isTaken = take()
    const { outcome, reply } = isTaken ? answerRequest(frame, host) : { outcome: 'limited' as const }
    count(outcome)
    if (reply !== undefined) replies.push(reply)
    return isTaken
  })
  if (replies.length > 0) socket.write(Buffer.concat(replies))
  return isWithin
}
