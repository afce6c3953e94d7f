// Channel logos, drawn: a coloured tile with a pattern of its own for each name, as PNG.
// Source: PNG specification (RFC 2083).
import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

const width = 220
const height = 132
const cells = { across: 10, down: 6 }

/** A logo for a name: the same one every time. */
export function picon(name: string): Buffer {
  const digest = createHash('sha256').update(name).digest()
  const colour = [digest.readUInt8(0) | 0x60, digest.readUInt8(1), digest.readUInt8(2) | 0x30]
  const rows: Buffer[] = []
  for (let y = 0; y < height; y++) {
    const row = Buffer.alloc(1 + width * 4)
    for (let x = 0; x < width; x++) row.set([...shade(digest, colour, x, y), 255], 1 + x * 4)
    rows.push(row)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 6, 0, 0, 0], 8) // eight bits, RGBA
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const data = deflateSync(Buffer.concat(rows))
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Bright where the name's pattern, mirrored left to right, has a cell. */
function shade(digest: Buffer, colour: readonly number[], x: number, y: number): number[] {
  const column = Math.floor((x * cells.across) / width)
  const mirrored = Math.min(column, cells.across - 1 - column)
  const cell = Math.floor((y * cells.down) / height) * 5 + mirrored
  const isBright = (digest.readUInt8(3 + (cell >> 3)) >> (cell & 7)) & 1
  return colour.map((part) => (isBright === 1 ? Math.min(255, part + 96) : part >> 1))
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}
