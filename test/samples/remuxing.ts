// Streams through the native remuxer, in this process and all at once, as the tests of samples need it.
import { Remuxer, mostPushBytes, type Mark, type RemuxStats } from '../../src/workers/native.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'

export interface Remuxed {
  readonly output: Buffer
  readonly stats: RemuxStats
  readonly marks: readonly Mark[]
}

export interface RemuxingOptions extends Partial<Profile> {
  /** Length of the next piece to push, 1 .. 65536; the longest unless given. */
  readonly pieceBytes?: () => number
}

/** What comes out for an input. */
export function remux(input: Uint8Array, options: RemuxingOptions = {}): Remuxed {
  const { pieceBytes = () => mostPushBytes, ...profile } = options
  using remuxer = new Remuxer({ ...defaultProfile, ...profile })
  const window = new Uint8Array(mostPushBytes)
  const parts: Buffer[] = []
  const marks: Mark[] = []
  const keep = (bytes: number): boolean => {
    if (bytes > 0) parts.push(Buffer.from(window.subarray(0, bytes)))
    return bytes > 0
  }
  const drain = (): void => {
    while (keep(remuxer.pull(window)));
    marks.push(...remuxer.marks())
  }
  for (let at = 0; at < input.length;) {
    const end = Math.min(at + pieceBytes(), input.length)
    keep(remuxer.push(input.subarray(at, end), window))
    drain()
    at = end
  }
  remuxer.flush()
  drain()
  return { output: Buffer.concat(parts), stats: remuxer.stats(), marks }
}
