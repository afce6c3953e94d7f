// What the ports have to say to a packet, worked out apart from the code under test: by a second, slow reading
// of the protocol.

/** Is this datagram a sound request for tuners, and for which device? */
export function inquiryIn(datagram: Buffer): { id: number | undefined } | undefined {
  if (frameLength(datagram) !== datagram.length || datagram.readUInt16BE(0) !== 2) return undefined
  const values = valuesOf(datagram.subarray(4, -4))
  if (values === undefined) return undefined
  const type = values.get(1)?.toString('hex') ?? ''
  const types = values.get(0x2d)?.toString('hex') ?? ''
  const isListed = types.length % 8 === 0 && Array.from(types.matchAll(/.{8}/g), String).includes('00000001')
  if (type !== '00000001' && type !== 'ffffffff' && !isListed) return undefined
  const id = values.get(2)?.toString('hex')
  if (id === undefined || id === 'ffffffff') return { id: undefined }
  return id.length === 8 ? { id: Number.parseInt(id, 16) } : undefined
}

/** The types of the replies to what was written on a connection, and whether it is closed for damage. */
export function repliesOn(bytes: Buffer): { types: number[]; isDamaged: boolean } {
  const types: number[] = []
  for (let at = 0; ;) {
    const length = frameLength(bytes.subarray(at))
    if (length === 'none') return { types, isDamaged: true }
    if (length === 'more') return { types, isDamaged: false }
    const type = bytes.readUInt16BE(at)
    if (type === 4 || type === 6) types.push(type + 1)
    at += length
  }
}

function frameLength(bytes: Buffer): number | 'none' | 'more' {
  if (bytes.length < 4) return 'more'
  const end = 4 + bytes.readUInt16BE(2)
  if (end + 4 > 1460) return 'none'
  if (bytes.length < end + 4) return 'more'
  return crc(bytes.subarray(0, end)) === bytes.readUInt32LE(end) ? end + 4 : 'none'
}

/** CRC-32 bit by bit. */
export function crc(bytes: Uint8Array): number {
  let state = 0xffffffff
  for (const byte of bytes) {
    state ^= byte
    for (let bit = 0; bit < 8; bit++) state = (state >>> 1) ^ (state & 1 ? 0xedb88320 : 0)
  }
  return ~state >>> 0
}

// The first of each tag.
function valuesOf(payload: Buffer): Map<number, Buffer> | undefined {
  const values = new Map<number, Buffer>()
  let rest = payload
  while (rest.length > 0) {
    if (rest.length < 2) return undefined
    const tag = rest[0]!
    let [length, header] = [rest[1]!, 2]
    if (length >= 128) {
      if (rest.length < 3) return undefined
      length = length - 128 + 128 * rest[2]!
      header = 3
    }
    if (rest.length < header + length) return undefined
    if (!values.has(tag)) values.set(tag, rest.subarray(header, header + length))
    rest = rest.subarray(header + length)
  }
  return values
}
