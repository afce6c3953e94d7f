// Bytes into a ring, in order and without a loss. Main thread.
import type { RingReader, RingWriter } from '../workers/ring.ts'

/** Writes all of the bytes, waiting for room. @returns false if the ring was closed */
export async function fill(ring: RingWriter, bytes: Uint8Array): Promise<boolean> {
  let rest = bytes
  while (rest.length > 0) {
    const taken = ring.write(rest)
    if (taken < 0) return false
    rest = rest.subarray(taken)
    if (taken === 0) await ring.whenWritable(Math.min(rest.length, ring.capacity / 4))
  }
  return true
}

/** Moves what is in a ring into another one, with the place where the source changed. Where they do not fit, the
 *  newest bytes are lost, and the reader is told of a break. */
export function pour(from: RingReader, into: RingWriter): void {
  for (;;) {
    const piece = from.readable()
    if (piece.length === 0) {
      if (from.splice !== 0) return
      from.join()
      into.splice()
      continue
    }
    const taken = into.write(piece)
    if (taken < piece.length) return into.splice()
    from.release(taken)
  }
}
