// Gives the bytes of a stream when they are due, as a receiver would: 7 packets at a time, at the rate of
// the stream. Late timers make several groups due at once; their times are those of the giving.
import { setTimeout as delay } from 'node:timers/promises'
import { groupBytes } from './stream.ts'

export interface Pace {
  readonly bytes: Uint8Array
  /** Where to begin, a whole packet; goes on from the front at the end. */
  readonly from: number
  readonly bytesPerMs: number
  readonly signal: AbortSignal
}

/** Calls back with each group when it is due, until the signal. A promise is waited for. */
export async function pace(
  { bytes, from, bytesPerMs, signal }: Pace,
  give: (group: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const startedAt = performance.now()
  let given = 0
  while (!signal.aborted) {
    const due = (performance.now() - startedAt) * bytesPerMs
    while (given <= due && !signal.aborted) {
      const at = (from + given) % bytes.length
      const group = bytes.subarray(at, at + groupBytes)
      given += group.length
      await give(group)
    }
    await delay(1)
  }
}
