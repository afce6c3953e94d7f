// Where the bytes of an accepted connection go: straight into memory that its reader names, which may be
// shared with a worker. Main thread. Nothing is copied, unless the addon is missing.
import { Socket } from 'node:net'
import { duplicate } from '../workers/peer.ts'

/** How a connection is read: as `onread` of node:net. */
export interface Reading {
  /** Where the next bytes go; asked for at once and after each read, also while reading pauses. Never empty. */
  readonly buffer: () => Uint8Array
  /** So many bytes are at the front of the view. False pauses until `resume()` of the socket. */
  readonly callback: (length: number, view: Uint8Array) => boolean
}

/** Begins to read a connection that was accepted paused and has not been read. The end of what the other side
 *  writes ends nothing but that.
 *  @param hasAddon  without it the bytes are copied
 *  @returns what to write to and to listen to: another socket in place of the accepted one, or the same */
export function readInto(accepted: Socket, reading: Reading, hasAddon: boolean): Socket {
  const fd = hasAddon ? secondOf(accepted) : undefined
  if (fd === undefined) return copyInto(accepted, reading)
  // Node cannot be told where to read a connection to that it has accepted, only one that it makes of a
  // descriptor. The first descriptor goes without a word to the other side, which has the second.
  const socket = new Socket({ fd, onread: reading, allowHalfOpen: true, readable: true, writable: true })
  accepted.destroy()
  return socket
}

/** The descriptor of a socket. Not documented, but there is no other way to it; undefined where there is none.
 *  Then callers are not told apart, and everything is copied. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null }
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined
}

function secondOf(socket: Socket): number | undefined {
  const fd = descriptorOf(socket)
  try {
    return fd === undefined ? undefined : duplicate(fd)
  } catch {
    return undefined // too many open files: this one is copied
  }
}

// As `onread` would, for want of the addon: what does not fit any more waits in the socket.
function copyInto(socket: Socket, { buffer, callback }: Reading): Socket {
  let view = buffer()
  const take = (bytes: Buffer) => {
    let rest = bytes
    while (rest.length > 0 && !socket.destroyed) {
      const length = Math.min(rest.length, view.length)
      if (length === 0) {
        socket.destroy(new TypeError('Expected a buffer with room to read to but received an empty one'))
        return
      }
      view.set(rest.subarray(0, length))
      rest = rest.subarray(length)
      const goesOn = callback(length, view)
      view = buffer()
      if (goesOn) continue
      socket.pause()
      if (rest.length > 0) socket.unshift(rest)
      return
    }
  }
  return socket.on('data', take).resume()
}
