// Sends a whole stream through the pool and collects what comes out.
import type { Mark } from '../../src/workers/native.ts'
import type { PoolStream } from '../../src/workers/pool.ts'

const pieceBytes = 1316 // what a network brings at a time

/** Sends the bytes, again until it is enough, ends the input, and returns all output with its marks. */
export async function play(
  stream: Pick<PoolStream, 'input' | 'output' | 'marks'>,
  bytes: Uint8Array,
  isEnough: () => boolean = () => true,
): Promise<{ output: Buffer; marks: Mark[] }> {
  const pieces: Uint8Array[] = []
  const marks: Mark[] = []
  const send = async () => {
    do {
      for (let at = 0; at < bytes.length;) {
        const taken = stream.input.write(bytes.subarray(at, at + pieceBytes))
        if (taken < 0) return
        if (taken === 0) await stream.input.whenWritable()
        at += taken
      }
    } while (!isEnough())
    stream.input.close()
  }
  const receive = async () => {
    while (!stream.output.isDrained) {
      const piece = stream.output.readable()
      pieces.push(Uint8Array.from(piece))
      marks.push(...stream.marks())
      stream.output.release(piece.length)
      if (piece.length === 0) await stream.output.whenReadable()
    }
  }
  await Promise.all([send(), receive()])
  return { output: Buffer.concat(pieces), marks }
}
