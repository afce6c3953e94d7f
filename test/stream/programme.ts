// A programme written packet by packet, with continuity counters as they ought to be, and a strict reader
// of what a client of it got.
import { createHash } from 'node:crypto'

export const pmtPid = 0x100
export const videoPid = 0x101
export const audioPid = 0x102
const packetBytes = 188

export class Programme {
  readonly #counters = new Map<number, number>()
  readonly #parts: Buffer[] = []

  /** What was written since the last call. */
  take(): Buffer {
    return Buffer.concat(this.#parts.splice(0))
  }

  tables(): this {
    const pat = [0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | (pmtPid >> 8), pmtPid & 0xff, 0, 0, 0, 0]
    const stream = (type: number, pid: number) => [type, 0xe0 | (pid >> 8), pid & 0xff, 0xf0, 0]
    const streams = [...stream(0x1b, videoPid), ...stream(0x0f, audioPid)]
    const pmt = [
      ...[2, 0xb0, 13 + streams.length, 0, 1, 0xc1, 0, 0, 0xe0 | (videoPid >> 8), videoPid & 0xff, 0xf0, 0],
      ...streams,
      ...[0, 0, 0, 0],
    ]
    this.#section(0, pat)
    this.#section(pmtPid, pmt)
    return this
  }

  /** A picture of some packets; the first has a PCR. @param pts  90 kHz */
  picture(pts: number, count = 3): this {
    this.#unit(videoPid, pts, count, Math.max(0, pts - 9000))
    return this
  }

  sound(pts: number): this {
    this.#unit(audioPid, pts, 2)
    return this
  }

  /** One packet in the middle of a unit. */
  more(pid: number): this {
    this.#packet(pid, false, Buffer.alloc(184, 0x55))
    return this
  }

  #unit(pid: number, pts: number, count: number, pcr?: number): void {
    const header = Buffer.alloc(14)
    header.set([0, 0, 1, pid === videoPid ? 0xe0 : 0xc0, 0, 0, 0x80, 0x80, 5])
    header[9] = 0x21 | (Math.floor(pts / 2 ** 30) << 1)
    header.writeUInt16BE((Math.floor(pts / 2 ** 14) & 0xfffe) | 1, 10)
    header.writeUInt16BE(((pts << 1) & 0xfffe) | 1, 12)
    const room = pcr === undefined ? 184 : 176
    this.#packet(pid, true, Buffer.concat([header, Buffer.alloc(room - 14, 0x66)]), pcr)
    for (let rest = 1; rest < count; rest++) this.more(pid)
  }

  #section(pid: number, bytes: readonly number[]): void {
    const payload = Buffer.alloc(184, 0xff)
    payload.set([0, ...bytes])
    this.#packet(pid, true, payload)
  }

  #packet(pid: number, isStart: boolean, payload: Buffer, pcr?: number): void {
    const counter = ((this.#counters.get(pid) ?? 15) + 1) & 0x0f
    this.#counters.set(pid, counter)
    const packet = Buffer.alloc(packetBytes)
    packet.set([
      0x47,
      (isStart ? 0x40 : 0) | (pid >> 8),
      pid & 0xff,
      (pcr === undefined ? 0x10 : 0x30) | counter,
    ])
    if (pcr !== undefined) {
      packet.set([7, 0x10], 4)
      packet.writeUInt32BE(Math.floor(pcr / 2), 6)
      packet.set([((pcr % 2) << 7) | 0x7e, 0], 10)
    }
    payload.copy(packet, packetBytes - payload.length)
    this.#parts.push(packet)
  }
}

/** The stream without what it was cut off in: the last unit of each PID. */
export function withoutLastUnits(bytes: Buffer): Buffer {
  const last = new Map<number, number>()
  const offsets = Array.from(
    { length: Math.floor(bytes.length / packetBytes) },
    (_, index) => index * packetBytes,
  )
  const pidAt = (at: number) => bytes.readUInt16BE(at + 1) & 0x1fff
  for (const at of offsets) if ((bytes[at + 1]! & 0x40) !== 0 && pidAt(at) >= 0x20) last.set(pidAt(at), at)
  return Buffer.concat(
    offsets
      .filter((at) => at < (last.get(pidAt(at)) ?? Infinity))
      .map((at) => bytes.subarray(at, at + packetBytes)),
  )
}

/** What a strict reader says of a client's bytes. */
export interface Reading {
  /** Breaks of a counter that no discontinuity indicator tells of. */
  readonly faults: string[]
  /** Breaks that are told. */
  readonly breaks: number
  /** PTS of the units that begin, by PID, in their order. */
  readonly units: ReadonlyMap<number, number[]>
  /** PIDs in the order in which they come first. */
  readonly first: readonly number[]
  /** Packets with a PCR. */
  readonly clocks: number
  readonly hash: string
}

export function readStream(bytes: Buffer): Reading {
  const counters = new Map<number, number>()
  const units = new Map<number, number[]>()
  const faults: string[] = []
  let breaks = 0
  let clocks = 0
  if (bytes.length % packetBytes !== 0) faults.push(`${bytes.length % packetBytes} bytes of a torn packet`)
  for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
    const packet = bytes.subarray(at, at + packetBytes)
    if (packet[0] !== 0x47) faults.push(`no packet at ${at}`)
    const pid = packet.readUInt16BE(1) & 0x1fff
    if (pid === 0x1fff) continue
    const control = packet[3]! >> 4
    const hasField = (control & 2) !== 0 && packet[4]! > 0
    const isBreak = hasField && (packet[5]! & 0x80) !== 0
    if (hasField && (packet[5]! & 0x10) !== 0) clocks++
    const counter = packet[3]! & 0x0f
    const before = counters.get(pid)
    if (isBreak) breaks++
    else if (before !== undefined && counter !== ((before + (control & 1)) & 0x0f))
      faults.push(`${pid.toString(16)}: ${counter} after ${before} at packet ${at / packetBytes}`)
    counters.set(pid, counter)
    if ((packet[1]! & 0x40) === 0) continue
    const pts = ptsOf(packet, (control & 2) !== 0 ? 5 + packet[4]! : 4)
    if (!units.has(pid)) units.set(pid, [])
    if (pts !== undefined) units.get(pid)?.push(pts)
  }
  const hash = createHash('sha1').update(bytes).digest('hex')
  return { faults, breaks, clocks, units, first: [...counters.keys()], hash }
}

function ptsOf(packet: Buffer, at: number): number | undefined {
  if (at + 14 > packetBytes || packet.readUIntBE(at, 3) !== 1 || (packet[at + 7]! & 0x80) === 0)
    return undefined
  const high = (packet[at + 9]! >> 1) & 7
  return high * 2 ** 30 + (packet.readUInt16BE(at + 10) >> 1) * 2 ** 15 + (packet.readUInt16BE(at + 12) >> 1)
}
