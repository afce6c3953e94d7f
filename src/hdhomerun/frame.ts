// Frames of the HDHomeRun protocol, the same in a datagram and on a connection: type, length, payload, CRC-32.
import { crc32 } from 'node:zlib'

/** What a frame is. */
export const frameTypes = {
  discoverRequest: 2,
  discoverReply: 3,
  variableRequest: 4,
  variableReply: 5,
  upgradeRequest: 6,
  upgradeReply: 7,
} as const

export interface Frame {
  readonly type: number
  readonly payload: Buffer
}

const headerBytes = 4
const crcBytes = 4
/** The longest frame. */
export const mostFrameBytes = 1460
const mostPayloadBytes = mostFrameBytes - headerBytes - crcBytes

/** @throws RangeError for a payload that no frame can hold */
export function encodeFrame(type: number, payload: Buffer): Buffer {
  if (payload.length > mostPayloadBytes)
    throw new RangeError(
      `Expected at most ${mostPayloadBytes} bytes of payload but received ${payload.length}`,
    )
  const bytes = Buffer.alloc(headerBytes + payload.length + crcBytes)
  bytes.writeUInt16BE(type, 0)
  bytes.writeUInt16BE(payload.length, 2)
  payload.copy(bytes, headerBytes)
  const end = headerBytes + payload.length
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end)
  return bytes
}

/** The frame at the front of the bytes, and its length with all around it. `incomplete` if more bytes are
 *  needed; `damaged` if there is none, whatever comes. */
export function readFrame(bytes: Buffer): { frame: Frame; length: number } | 'incomplete' | 'damaged' {
  if (bytes.length < headerBytes) return 'incomplete'
  const payloadBytes = bytes.readUInt16BE(2)
  if (payloadBytes > mostPayloadBytes) return 'damaged'
  const end = headerBytes + payloadBytes
  if (bytes.length < end + crcBytes) return 'incomplete'
  if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) return 'damaged'
  const frame = { type: bytes.readUInt16BE(0), payload: bytes.subarray(headerBytes, end) }
  return { frame, length: end + crcBytes }
}

/** The one frame that a datagram is; undefined if it is something else. */
export function frameOf(datagram: Buffer): Frame | undefined {
  const read = readFrame(datagram)
  return typeof read === 'object' && read.length === datagram.length ? read.frame : undefined
}

/** Takes frames out of what comes on a connection, in pieces of any size. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0) // less than a frame

  /** Has a frame begun that is not whole yet? */
  get hasPart(): boolean {
    return this.#rest.length > 0
  }

  /** The frames that are whole now. Nothing can be found behind damage. */
  push(bytes: Buffer): { frames: Frame[]; isDamaged: boolean } {
    const frames: Frame[] = []
    let left = this.hasPart ? Buffer.concat([this.#rest, bytes]) : bytes
    for (;;) {
      const read = readFrame(left)
      if (typeof read === 'string') {
        const isDamaged = read === 'damaged'
        this.#rest = isDamaged ? Buffer.alloc(0) : Buffer.from(left) // keeps nothing larger alive
        return { frames, isDamaged }
      }
      frames.push(read.frame)
      left = left.subarray(read.length)
    }
  }
}
