// One gzip file out of a head made now and a body that was compressed before: checksums can be joined
// without the bytes. So the body is compressed once per version, whatever stands in front of it.
// Source: RFC 1952; arithmetic of polynomials over GF(2), modulo the one of CRC-32.
import { constants, crc32, deflateRawSync } from 'node:zlib'

const polynomial = 0xedb88320 // reflected: bit 31 is x^0
const one = 0x80000000
const xToThe8 = 0x00800000
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])

/** A body's raw deflate stream is closed by its own last block; what stands here describes its content. */
export interface Body {
  /** CRC-32 of the content. */
  readonly crc: number
  /** Bytes of the content. */
  readonly bytes: number
}

/** What to write in front of the body's deflate stream, and behind it. */
export function wrap(head: Buffer, { crc, bytes }: Body): { before: Buffer; after: Buffer } {
  // Ends on a whole byte, without a last block: the body goes on.
  const deflated = deflateRawSync(head, { finishFlush: constants.Z_SYNC_FLUSH })
  const after = Buffer.alloc(8)
  after.writeUInt32LE(joinCrc(crc32(head), crc, bytes), 0)
  after.writeUInt32LE((head.length + bytes) % 2 ** 32, 4)
  return { before: Buffer.concat([header, deflated]), after }
}

/** CRC-32 of two pieces in a row from that of each.
 *  @param secondBytes  length of the second piece */
export function joinCrc(first: number, second: number, secondBytes: number): number {
  return (multiply(shift(secondBytes), first) ^ second) >>> 0
}

/** x to the power of 8 n. */
function shift(n: number): number {
  let power = one
  let square = xToThe8
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(square, power)
    square = multiply(square, square)
  }
  return power
}

function multiply(a: number, b: number): number {
  let product = 0
  let factor = b
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor
    factor = (factor & 1) === 1 ? (factor >>> 1) ^ polynomial : factor >>> 1
  }
  return product >>> 0
}
