// Transport packets byte by byte: where a field lies, how a clock is read and written.
// Pure functions over Buffers; offsets count from the start of the buffer. Source: ISO/IEC 13818-1, 2.4.3.

export const packetSize = 188
export const syncByte = 0x47
export const nullPid = 0x1fff
/** Ticks of PTS, DTS and PCR base in a second. */
export const ticksPerSecond = 90_000
/** PTS, DTS and PCR base have 33 bits. */
export const wrapTicks = 2 ** 33

/** A value brought into 0 .. 2^33-1. */
export function wrapped(ticks: number): number {
  const rest = ticks % wrapTicks
  return rest < 0 ? rest + wrapTicks : rest
}

export function pidAt(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at + 1) & 0x1fff
}

/** Does a PES packet or a section begin in this packet? */
export function startsUnit(bytes: Buffer, at: number): boolean {
  return (bytes.readUInt8(at + 1) & 0x40) !== 0
}

export function hasPayload(bytes: Buffer, at: number): boolean {
  return (bytes.readUInt8(at + 3) & 0x10) !== 0
}

export function continuityAt(bytes: Buffer, at: number): number {
  return bytes.readUInt8(at + 3) & 0x0f
}

/** Where the payload begins; the end of the packet when there is none. */
export function payloadAt(bytes: Buffer, at: number): number {
  const control = bytes.readUInt8(at + 3)
  if ((control & 0x10) === 0) return at + packetSize
  if ((control & 0x20) === 0) return at + 4
  return Math.min(at + 5 + bytes.readUInt8(at + 4), at + packetSize)
}

/** Where the six bytes of the PCR lie, -1 without one. */
export function pcrAt(bytes: Buffer, at: number): number {
  const hasField = (bytes.readUInt8(at + 3) & 0x20) !== 0
  if (!hasField || bytes.readUInt8(at + 4) < 7) return -1
  return (bytes.readUInt8(at + 5) & 0x10) !== 0 ? at + 6 : -1
}

/** Where the timestamps of the PES header that begins at `at` lie, -1 without one. */
export function stampsAt(bytes: Buffer, at: number, end: number): { pts: number; dts: number } {
  const none = { pts: -1, dts: -1 }
  if (end - at < 9 || bytes.readUIntBE(at, 3) !== 1) return none
  const streamId = bytes.readUInt8(at + 3)
  const isMedia = streamId === 0xbd || (streamId >= 0xc0 && streamId <= 0xef) || streamId === 0xfd
  if (!isMedia || (bytes.readUInt8(at + 6) & 0xc0) !== 0x80) return none
  const flags = bytes.readUInt8(at + 7) & 0xc0
  const pts = flags !== 0 && at + 14 <= end ? at + 9 : -1
  const dts = flags === 0xc0 && at + 19 <= end ? at + 14 : -1
  return { pts, dts }
}

/** The 33 bits of a PTS or DTS. */
export function readStamp(bytes: Buffer, at: number): number {
  const high = (bytes.readUInt8(at) >> 1) & 7
  const middle = bytes.readUInt16BE(at + 1) >> 1
  const low = bytes.readUInt16BE(at + 3) >> 1
  return high * 2 ** 30 + middle * 2 ** 15 + low
}

/** Writes the 33 bits of a PTS or DTS; the four bits in front stay as they are. */
export function writeStamp(bytes: Buffer, at: number, ticks: number): void {
  const high = Math.floor(ticks / 2 ** 30)
  const rest = ticks % 2 ** 30
  bytes.writeUInt8((bytes.readUInt8(at) & 0xf0) | (high << 1) | 1, at)
  bytes.writeUInt16BE(((rest >> 15) << 1) | 1, at + 1)
  bytes.writeUInt16BE(((rest & 0x7fff) << 1) | 1, at + 3)
}

/** The 33 bits of the PCR base, 90 kHz. */
export function readPcrBase(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 + (bytes.readUInt8(at + 4) >> 7)
}

/** The 9 bits of the PCR extension, 0 .. 299 in 27 MHz. */
export function readPcrExtension(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at + 4) & 0x1ff
}

/** Writes the PCR base; the extension stays as it is. */
export function writePcrBase(bytes: Buffer, at: number, ticks: number): void {
  bytes.writeUInt32BE(Math.floor(ticks / 2), at)
  bytes.writeUInt8((bytes.readUInt8(at + 4) & 0x7f) | ((ticks % 2) << 7), at + 4)
}

/** A PES packet put together again from its transport packets. */
export interface PesUnit {
  readonly pid: number
  /** 90 kHz, -1 without one. DTS equals PTS where only that is sent. */
  readonly pts: number
  readonly dts: number
  readonly isRandomAccess: boolean
  readonly payload: Buffer
}

/** All PES packets of the PIDs asked for, in the order in which they begin. For clean, aligned streams. */
export function readPes(bytes: Buffer, wanted: (pid: number) => boolean): PesUnit[] {
  const units: PesUnit[] = []
  const open = new Map<number, { at: number; isRandomAccess: boolean; parts: Buffer[] }>()
  const done: Array<{ order: number; unit: PesUnit }> = []
  const finish = (pid: number): void => {
    const unit = open.get(pid)
    open.delete(pid)
    if (unit !== undefined)
      done.push({ order: unit.at, unit: parsePes(pid, unit.isRandomAccess, unit.parts) })
  }
  for (let at = 0; at + packetSize <= bytes.length; at += packetSize) {
    const pid = pidAt(bytes, at)
    if (!wanted(pid) || !hasPayload(bytes, at)) continue
    const begin = payloadAt(bytes, at)
    if (startsUnit(bytes, at)) {
      finish(pid)
      const isRandomAccess = begin > at + 5 && (bytes.readUInt8(at + 5) & 0x40) !== 0
      open.set(pid, { at, isRandomAccess, parts: [] })
    }
    open.get(pid)?.parts.push(bytes.subarray(begin, at + packetSize))
  }
  for (const pid of [...open.keys()]) finish(pid)
  done.sort((a, b) => a.order - b.order)
  for (const { unit } of done) units.push(unit)
  return units
}

function parsePes(pid: number, isRandomAccess: boolean, parts: Buffer[]): PesUnit {
  const bytes = Buffer.concat(parts)
  const where = stampsAt(bytes, 0, bytes.length)
  const length = bytes.readUInt16BE(4)
  const end = length === 0 ? bytes.length : Math.min(bytes.length, 6 + length)
  const pts = where.pts < 0 ? -1 : readStamp(bytes, where.pts)
  const dts = where.dts < 0 ? pts : readStamp(bytes, where.dts)
  return { pid, pts, dts, isRandomAccess, payload: bytes.subarray(9 + bytes.readUInt8(8), end) }
}
