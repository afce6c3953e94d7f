// The tagged values inside a frame: tag, length, value, one behind the other.

/** The tags that are read or written here. */
export const tags = {
  deviceType: 0x01, // u32
  deviceId: 0x02, // u32
  name: 0x03, // text
  value: 0x04, // text
  error: 0x05, // text
  tunerCount: 0x10, // u8
  lineupUrl: 0x27,
  baseUrl: 0x2a,
  deviceTypes: 0x2d, // n x u32
} as const

/** One tagged value. */
export interface Tagged {
  readonly tag: number
  readonly value: Buffer
}

const mostShort = 0x7f // bytes of a value whose length is written in one byte

/** Tagged values as bytes. */
export function encodeTags(list: readonly Tagged[]): Buffer {
  return Buffer.concat(list.flatMap(({ tag, value }) => [Buffer.from([tag, ...lengthOf(value)]), value]))
}

/** Tagged values out of bytes; undefined if one is longer than what is there. */
export function decodeTags(bytes: Buffer): Tagged[] | undefined {
  const list: Tagged[] = []
  for (let at = 0; at < bytes.length;) {
    const [tag = 0, low, high = 0] = bytes.subarray(at, at + 3)
    if (low === undefined) return undefined
    const isShort = low <= mostShort
    const length = isShort ? low : (low & mostShort) | (high << 7)
    const start = at + (isShort ? 2 : 3)
    at = start + length
    if (at > bytes.length) return undefined
    list.push({ tag, value: bytes.subarray(start, at) })
  }
  return list
}

/** The value of the first with this tag. */
export function valueOf(list: readonly Tagged[], tag: number): Buffer | undefined {
  return list.find((tagged) => tagged.tag === tag)?.value
}

/** The numbers of 32 bits in a value; undefined if it holds something else. */
export function numbersOf(value: Buffer): number[] | undefined {
  if (value.length % 4 !== 0) return undefined
  return Array.from({ length: value.length / 4 }, (_, index) => value.readUInt32BE(4 * index))
}

/** A number of 32 bits as a value. */
export function number32(number: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

function lengthOf({ length }: Buffer): number[] {
  return length <= mostShort ? [length] : [(length & mostShort) | 0x80, length >> 7]
}
