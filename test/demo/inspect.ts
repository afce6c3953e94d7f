// A reader of transport streams that was written for the tests alone: counters, clocks and times as a
// measuring instrument would report them.
import {
  continuityAt,
  hasPayload,
  packetSize,
  payloadAt,
  pcrAt,
  pidAt,
  readPcrBase,
  readPcrExtension,
  readStamp,
  stampsAt,
  startsUnit,
  syncByte,
  wrapTicks,
} from '../../src/demo/signal/packet.ts'

export interface Unit {
  /** Packet in which it begins. */
  readonly packet: number
  readonly pts: number
  readonly dts: number
}

export interface Inspection {
  readonly packets: number
  /** Packets per PID. */
  readonly counts: Map<number, number>
  /** PIDs whose counter did not go on, with the packet where. */
  readonly gaps: Array<{ pid: number; packet: number }>
  /** In order, 27 MHz, by PID. */
  readonly pcrs: Map<number, Array<{ packet: number; ticks: number }>>
  /** PES packets in order of arrival, by PID. */
  readonly units: Map<number, Unit[]>
  /** Packets at which a section or PES packet begins, by PID. */
  readonly starts: Map<number, number[]>
  readonly scrambled: number
}

export function inspect(bytes: Buffer): Inspection {
  const found: Inspection & { scrambled: number } = {
    packets: Math.floor(bytes.length / packetSize),
    counts: new Map(),
    gaps: [],
    pcrs: new Map(),
    units: new Map(),
    starts: new Map(),
    scrambled: 0,
  }
  const counters = new Map<number, number>()
  for (let packet = 0; packet < found.packets; packet++) {
    const at = packet * packetSize
    if (bytes[at] !== syncByte) throw new Error(`no packet at byte ${at}`)
    const pid = pidAt(bytes, at)
    found.counts.set(pid, (found.counts.get(pid) ?? 0) + 1)
    if (pid === 0x1fff) continue
    if (bytes[at + 3]! >> 6 !== 0) found.scrambled++
    const last = counters.get(pid)
    const counter = continuityAt(bytes, at)
    const step = hasPayload(bytes, at) ? 1 : 0
    if (last !== undefined && counter !== ((last + step) & 15)) found.gaps.push({ pid, packet })
    counters.set(pid, counter)
    const pcr = pcrAt(bytes, at)
    if (pcr >= 0)
      push(found.pcrs, pid, { packet, ticks: readPcrBase(bytes, pcr) * 300 + readPcrExtension(bytes, pcr) })
    if (!startsUnit(bytes, at)) continue
    push(found.starts, pid, packet)
    const { pts, dts } = stampsAt(bytes, payloadAt(bytes, at), at + packetSize)
    if (pts < 0) continue
    const shown = readStamp(bytes, pts)
    push(found.units, pid, { packet, pts: shown, dts: dts < 0 ? shown : readStamp(bytes, dts) })
  }
  return found
}

/** Differences from one to the next, across the wrap, in -2^32 .. 2^32. */
export function steps(ticks: readonly number[], wrap = wrapTicks): number[] {
  return ticks.slice(1).map((tick, index) => {
    const step = (tick - ticks[index]! + wrap) % wrap
    return step >= wrap / 2 ? step - wrap : step
  })
}

export function range(values: readonly number[]): { least: number; most: number } {
  return { least: Math.min(...values), most: Math.max(...values) }
}

/** What a decoder can start with: no picture before the first access point or shown before it, no unit that
 *  is cut at either end. Counters are made good where packets are left out. */
export function decodable(bytes: Buffer, videoPid: number | undefined): Buffer {
  const { units } = inspect(bytes)
  const last = new Map([...units].map(([pid, list]) => [pid, list.at(-1)!.packet]))
  const isBegun = new Set<number>()
  const counters = new Map<number, number>()
  const kept: Buffer[] = []
  let firstShown: number | undefined
  let isLeading = false
  for (let at = 0, packet = 0; at + packetSize <= bytes.length; at += packetSize, packet++) {
    const pid = pidAt(bytes, at)
    if (startsUnit(bytes, at)) isBegun.add(pid)
    const isElementary = units.has(pid)
    if (isElementary && (!isBegun.has(pid) || packet >= last.get(pid)!)) continue
    if (pid === videoPid) {
      if (startsUnit(bytes, at)) {
        const pts = readStamp(bytes, stampsAt(bytes, payloadAt(bytes, at), at + packetSize).pts)
        const isAccess = (bytes[at + 3]! & 0x20) !== 0 && bytes[at + 4]! > 0 && (bytes[at + 5]! & 0x40) !== 0
        if (isAccess) firstShown ??= pts
        isLeading = firstShown === undefined || steps([firstShown, pts])[0]! < 0
      }
      if (isLeading) continue
    }
    const copy = Buffer.from(bytes.subarray(at, at + packetSize))
    const counter = ((counters.get(pid) ?? 15) + (hasPayload(copy, 0) ? 1 : 0)) & 15
    counters.set(pid, counter)
    copy[3] = (copy[3]! & 0xf0) | counter
    kept.push(copy)
  }
  return Buffer.concat(kept)
}

function push<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
