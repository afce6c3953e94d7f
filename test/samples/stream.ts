// A transport stream taken apart and held against the rules, with nothing of the addon in it: what leaves
// the remuxer is measured here. Source: ISO/IEC 13818-1, 2.4.
import {
  continuityAt,
  hasPayload,
  nullPid,
  packetSize,
  payloadAt,
  pcrAt,
  pidAt,
  readPcrBase,
  readStamp,
  stampsAt,
  startsUnit,
  syncByte,
  ticksPerSecond,
} from '../../src/demo/signal/packet.ts'
import { crc32, patPid } from '../../src/demo/signal/tables.ts'

export interface Descriptor {
  readonly tag: number
  readonly body: Buffer
}

/** One elementary stream as a PMT announces it. */
export interface Entry {
  readonly type: number
  readonly pid: number
  readonly descriptors: readonly Descriptor[]
}

export interface ProgramMap {
  readonly program: number
  readonly pid: number
  readonly version: number
  readonly pcrPid: number
  readonly entries: readonly Entry[]
}

/** A PES packet. */
export interface Unit {
  /** 90 kHz, -1 without one */
  readonly pts: number
  readonly data: Buffer
}

export interface Fault {
  readonly pid: number
  readonly packet: number
  readonly what: string
}

export interface Stream {
  /** The packets of each PID, in order. */
  readonly packets: ReadonlyMap<number, readonly Buffer[]>
  /** PIDs with packets that are scrambled. */
  readonly scrambled: ReadonlySet<number>
  /** Every PAT and PMT as it was sent, repeats too. */
  readonly programs: readonly ReadonlyMap<number, number>[]
  readonly maps: readonly ProgramMap[]
  /** PES packets of the PIDs that a PMT announces. */
  readonly units: ReadonlyMap<number, readonly Unit[]>
  readonly faults: readonly Fault[]
}

/** Takes a whole stream of 188-byte packets apart. Tables have to come before what they announce. */
export function readStream(bytes: Buffer): Stream {
  return new Reader(bytes).read()
}

/** The longest time without a PAT, by the PCRs around it, seconds. For a stream whose clock does not jump. */
export function longestWait(bytes: Buffer): number {
  let now: number | undefined
  let last: number | undefined
  let longest = 0
  for (let at = 0; at + packetSize <= bytes.length; at += packetSize) {
    const pcr = pcrAt(bytes, at)
    if (pcr >= 0) now = readPcrBase(bytes, pcr)
    if (pidAt(bytes, at) === patPid) last = now
    if (now !== undefined && last !== undefined) longest = Math.max(longest, now - last)
  }
  return longest / ticksPerSecond
}

const noPacket = -1
const sections = new Set([0x05, 0x0b, 0x0c, 0x0d, 0x15, 0x86]) // stream types that are not PES, or may be

class Reader {
  readonly bytes: Buffer
  readonly packets = new Map<number, Buffer[]>()
  readonly scrambled = new Set<number>()
  readonly programs: ReadonlyMap<number, number>[] = []
  readonly maps: ProgramMap[] = []
  readonly units = new Map<number, Unit[]>()
  readonly faults: Fault[] = []
  readonly counters = new Map<number, number>()
  readonly tables = new Map<number, Buffer>()
  readonly open = new Map<number, Buffer[]>()
  readonly mapPids = new Set<number>()
  readonly pesPids = new Set<number>()

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  read(): Stream {
    const { bytes, packets, scrambled, programs, maps, units, faults } = this
    if (bytes.length % packetSize !== 0) this.fault(noPacket, 0, `${bytes.length} bytes are no whole packets`)
    for (let at = 0, packet = 0; at + packetSize <= bytes.length; at += packetSize, packet++) {
      if (bytes[at] === syncByte) this.packet(bytes.subarray(at, at + packetSize), packet)
      else this.fault(noPacket, packet, 'no sync byte')
    }
    for (const pid of this.open.keys()) this.unit(pid, bytes.length / packetSize, true)
    return { packets, scrambled, programs, maps, units, faults }
  }

  private packet(bytes: Buffer, packet: number): void {
    const pid = pidAt(bytes, 0)
    const list = this.packets.get(pid)
    const last = list?.at(-1)
    if (list === undefined) this.packets.set(pid, [bytes])
    else list.push(bytes)
    if (pid === nullPid) return
    const isAdapted = (bytes[3]! & 0x20) !== 0
    const isWhole = hasPayload(bytes, 0) ? !isAdapted || bytes[4]! <= 182 : isAdapted && bytes[4] === 183
    if (!isWhole) return this.fault(pid, packet, 'adaptation field of a wrong length')
    const isFlagged = isAdapted && bytes[4]! > 0 && (bytes[5]! & 0x80) !== 0
    const isRepeat = this.count(pid, packet, bytes, isFlagged, last)
    const isScrambled = (bytes[3]! & 0xc0) !== 0
    if (isScrambled) this.scrambled.add(pid)
    if (isRepeat || isScrambled || !hasPayload(bytes, 0) || (bytes[1]! & 0x80) !== 0) return
    if (pid === patPid || this.mapPids.has(pid)) this.table(pid, packet, bytes)
    else if (this.pesPids.has(pid)) this.pes(pid, packet, bytes)
  }

  /** Is it the last packet of the PID once more? */
  private count(pid: number, packet: number, bytes: Buffer, isFlagged: boolean, last?: Buffer): boolean {
    const counter = continuityAt(bytes, 0)
    const before = this.counters.get(pid)
    this.counters.set(pid, counter)
    if (before === undefined || isFlagged) return false
    const isRepeat = hasPayload(bytes, 0) && counter === before && last !== undefined && bytes.equals(last)
    if (isRepeat) return true
    const expected = hasPayload(bytes, 0) ? (before + 1) & 15 : before
    if (counter !== expected) this.fault(pid, packet, `counter ${counter} in place of ${expected}`)
    return false
  }

  private table(pid: number, packet: number, bytes: Buffer): void {
    let at = payloadAt(bytes, 0)
    const pending = this.tables.get(pid)
    if (startsUnit(bytes, 0)) {
      const pointer = bytes[at]!
      if (at + 1 + pointer > packetSize) return this.fault(pid, packet, 'pointer out of the packet')
      if (pending !== undefined && pointer > 0) {
        this.section(pid, packet, Buffer.concat([pending, bytes.subarray(at + 1, at + 1 + pointer)]))
      }
      at += 1 + pointer
      this.section(pid, packet, bytes.subarray(at))
    } else if (pending !== undefined) {
      this.section(pid, packet, Buffer.concat([pending, bytes.subarray(at)]))
    }
  }

  private section(pid: number, packet: number, bytes: Buffer): void {
    this.tables.delete(pid)
    if (bytes.length === 0 || bytes[0] === 0xff) return
    const size = bytes.length < 3 ? Infinity : 3 + (bytes.readUInt16BE(1) & 0x0fff)
    if (bytes.length < size) {
      this.tables.set(pid, bytes)
      return
    }
    const whole = bytes.subarray(0, size)
    if (size < 12 || crc32(whole) !== 0) this.fault(pid, packet, 'CRC wrong')
    else if ((whole[5]! & 1) !== 0) this.known(pid, packet, whole)
    this.section(pid, packet, bytes.subarray(size))
  }

  private known(pid: number, packet: number, section: Buffer): void {
    const body = section.subarray(8, section.length - 4)
    if (pid === patPid && section[0] === 0) {
      const programs = new Map<number, number>()
      for (let at = 0; at + 4 <= body.length; at += 4)
        programs.set(body.readUInt16BE(at), body.readUInt16BE(at + 2) & 0x1fff)
      this.programs.push(programs)
      for (const [number, mapPid] of programs) if (number !== 0) this.mapPids.add(mapPid)
    } else if (section[0] === 2) {
      const map = readMap(pid, section, body)
      const last = this.maps.findLast(({ program }) => program === map.program)
      const isStepped = last !== undefined && last.version !== map.version
      if (last !== undefined && !isStepped && !sameMap(last, map))
        this.fault(pid, packet, 'version not stepped')
      this.maps.push(map)
      for (const { pid: each, type } of map.entries) if (!sections.has(type)) this.pesPids.add(each)
    }
  }

  private pes(pid: number, packet: number, bytes: Buffer): void {
    if (startsUnit(bytes, 0)) {
      if (this.open.has(pid)) this.unit(pid, packet, false)
      this.open.set(pid, [])
    }
    this.open.get(pid)?.push(bytes.subarray(payloadAt(bytes, 0)))
  }

  private unit(pid: number, packet: number, isLast: boolean): void {
    const bytes = Buffer.concat(this.open.get(pid) ?? [])
    this.open.delete(pid)
    if (bytes.length < 9 || bytes.readUIntBE(0, 3) !== 1) return this.fault(pid, packet, 'no PES header')
    const length = bytes.readUInt16BE(4)
    const begin = 9 + bytes[8]!
    const isShort = length > 0 && bytes.length < 6 + length
    const isLong = length > 0 && bytes.length > 6 + length
    if (isLong || begin > bytes.length) this.fault(pid, packet, 'PES length wrong')
    if (isShort) this.fault(pid, packet, isLast ? 'PES packet cut off' : 'PES packet too short')
    const { pts } = stampsAt(bytes, 0, bytes.length)
    const unit = { pts: pts < 0 ? -1 : readStamp(bytes, pts), data: bytes.subarray(begin) }
    const list = this.units.get(pid)
    if (list === undefined) this.units.set(pid, [unit])
    else list.push(unit)
  }

  private fault(pid: number, packet: number, what: string): void {
    this.faults.push({ pid, packet, what })
  }
}

function readMap(pid: number, section: Buffer, body: Buffer): ProgramMap {
  const entries: Entry[] = []
  for (let at = 4 + (body.readUInt16BE(2) & 0x0fff); at + 5 <= body.length;) {
    const end = at + 5 + (body.readUInt16BE(at + 3) & 0x0fff)
    const descriptors = readDescriptors(body.subarray(at + 5, end))
    entries.push({ type: body[at]!, pid: body.readUInt16BE(at + 1) & 0x1fff, descriptors })
    at = end
  }
  const pcrPid = body.readUInt16BE(0) & 0x1fff
  return { program: section.readUInt16BE(3), pid, version: (section[5]! >> 1) & 31, pcrPid, entries }
}

function readDescriptors(bytes: Buffer): Descriptor[] {
  const list: Descriptor[] = []
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!) {
    list.push({ tag: bytes[at]!, body: bytes.subarray(at + 2, at + 2 + bytes[at + 1]!) })
  }
  return list
}

function sameMap(a: ProgramMap, b: ProgramMap): boolean {
  return JSON.stringify({ ...a, version: 0 }) === JSON.stringify({ ...b, version: 0 })
}
