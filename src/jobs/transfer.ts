// Between one of Node's streams and a ring. Main thread. Bytes leave as views of the ring, which gets its room
// back once the system has them; neither side is read faster than the other takes.
import type { Readable, Writable } from 'node:stream'
import { fill } from '../stream/pour.ts'
import { write } from '../stream/viewing.ts'
import type { RingReader, RingWriter } from '../workers/ring.ts'

const mostPieceBytes = 256 * 1024 // of one write

/** Reads all of the source into the ring. Leaves both open.
 *  @returns false if the ring was closed before the source had ended
 *  @throws what the source fails with */
export async function receive(source: Readable, ring: RingWriter): Promise<boolean> {
  for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)
    if (!(await fill(ring, bytes))) return false
  return !ring.isClosed
}

/** Sends what comes until the ring is closed and empty. Does not end the sink.
 *  @param onSent  told what the system has taken, piece by piece
 *  @returns false if the sink takes no more */
export async function send(
  ring: RingReader,
  sink: Writable,
  onSent: (bytes: number) => void = () => undefined,
): Promise<boolean> {
  while (!ring.isDrained) {
    const piece = ring.readable(mostPieceBytes)
    if (piece.length === 0) {
      if (ring.splice === 0) ring.join()
      else await ring.whenReadable()
      continue
    }
    if (!(await write(sink, piece))) return false
    ring.release(piece.length)
    onSent(piece.length)
  }
  return true
}
