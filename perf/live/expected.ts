// What is to come out: the work of a remuxer alone, without rings and threads.
import { readFile } from 'node:fs/promises'
import { mostPushBytes, Remuxer, type RemuxerOptions } from '../../src/workers/native.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import type { Input } from '../input.ts'
import { groupBytes } from './stream.ts'

/** What a remuxer alone makes of an input. */
export interface Expected {
  readonly input: Uint8Array
  readonly pieceBytes: number
  readonly output: Buffer
  /** Bytes of output that there are after each piece of the input. */
  readonly after: readonly number[]
}

/** @param pieceBytes  how much of it is given at once
 *  @param options     as the stream's: a job's tracks are looked at longer */
export function alone(input: Uint8Array, pieceBytes: number, options: RemuxerOptions = {}): Expected {
  using remuxer = new Remuxer(defaultProfile, options)
  const window = new Uint8Array(4 * mostPushBytes)
  const pieces: Uint8Array[] = []
  const after: number[] = []
  let total = 0
  const take = (length: number) => {
    for (; length > 0; length = remuxer.pull(window)) {
      pieces.push(Uint8Array.from(window.subarray(0, length)))
      total += length
    }
  }
  for (let at = 0; at < input.length; at += pieceBytes) {
    take(remuxer.push(input.subarray(at, at + pieceBytes), window))
    after.push(total)
  }
  remuxer.flush()
  take(remuxer.pull(window))
  return { input, pieceBytes, output: Buffer.concat(pieces), after }
}

/** The front of a stream, whole groups. */
export async function beginning({ path, bytes, seconds }: Input, ms: number): Promise<Uint8Array> {
  const length = Math.min(bytes, ((bytes / seconds) * ms) / 1000)
  return (await readFile(path)).subarray(0, length - (length % groupBytes))
}
