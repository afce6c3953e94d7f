// The number of an HDHomeRun device: 8 hex digits, of which the last one is made to fit the others.
import { createHash, randomInt } from 'node:crypto'

const substitutes = [0xa, 0x5, 0xf, 0x6, 0x7, 0xc, 0x1, 0xb, 0x9, 0x2, 0x8, 0xd, 0x4, 0x3, 0xe, 0x0] as const
const prefix = 0x10 // as real devices have it
const freeBits = 24 // below the prefix

/** What is wrong with the last digit, to be XORed into it; 0 for a valid number.
 *  @param id  32 bits
 *  @source    libhdhomerun, hdhomerun_discover_validate_device_id */
export function checksum(id: number): number {
  let sum = 0
  for (let digit = 0; digit < 8; digit++) {
    const nibble = (id >>> (4 * digit)) & 0xf
    sum ^= digit % 2 === 0 ? nibble : (substitutes[nibble] ?? 0)
  }
  return sum
}

/** Is it 8 hex digits, the last one right? */
export function isDeviceId(text: string): boolean {
  return isHex(text) && checksum(parseInt(text, 16)) === 0
}

/** The same digits with a last one that is right; of other text always the same id. */
export function repairDeviceId(text: string): string {
  if (isHex(text)) return format(parseInt(text, 16))
  return format(withPrefix(createHash('sha256').update(text).digest().readUIntBE(0, 3)))
}

/** A new one. */
export function makeDeviceId(): string {
  return format(withPrefix(randomInt(2 ** freeBits)))
}

/** That of a further device of the same house; the first one's for 0.
 *  @param index  below 2^20 */
export function deriveDeviceId(id: string, index: number): string {
  const first = parseInt(id, 16)
  const free = 2 ** freeBits
  return format(first - (first % free) + (((first % free) + index * 0x10) % free))
}

function isHex(text: string): boolean {
  return /^[0-9a-f]{8}$/i.test(text)
}

function withPrefix(rest: number): number {
  return prefix * 2 ** freeBits + rest
}

// With its last digit put right.
function format(id: number): string {
  return ((id ^ checksum(id)) >>> 0).toString(16).toUpperCase().padStart(8, '0')
}
