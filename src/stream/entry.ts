// How a client enters a running stream: tables, then the access point with its sound, without the
// pictures that lead it in an open group: they refer to pictures that this client never got.
// Main thread, once for each client that joins or falls behind; nobody looks at packets otherwise.
import type { Mark } from '../workers/native.ts'
import {
  adaptationPacket,
  beginsUnit,
  continuityOf,
  hasPayload,
  nullPid,
  packetBytes,
  patPid,
  payloadStart,
  pcrOf,
  pidOf,
  pidsOf,
  pmtPidOf,
  ptsDistance,
  ptsOf,
  setContinuity,
} from './packet.ts'
import type { Reel } from './reel.ts'

/** What a client gets first, and where in the reel it reads on. */
export interface Entry {
  readonly bytes: Buffer
  readonly next: number
}

export interface EntryOptions {
  /** The client has been reading: each PID is told that its counter breaks. The reel's offset from which
   *  on the counters are those of what comes next. */
  resumedSince?: number | undefined
  /** The pictures that follow may not come: those that lead the access point are left where they are. */
  isUrgent?: boolean | undefined
}

/** Looked through for tables and for the end of the leading pictures. */
const mostLookBytes = 8 * 1024 * 1024
const mostBreakBytes = 2 * 1024 * 1024 // looked through for counters, on each side
const mostTablePackets = 8 // of one PMT

interface Tables {
  readonly packets: Buffer[]
  readonly pmtPid: number
  /** The programme's PIDs besides the tables'. */
  readonly pids: readonly number[]
}

/** The entry at an access point; undefined while what it takes has not come yet. */
export function enterAt(
  reel: Reel,
  mark: Mark,
  { resumedSince, isUrgent = false }: EntryOptions = {},
): Entry | undefined {
  if (mark.offset + packetBytes > reel.end) return undefined // told of before its bytes have come
  const tables = findTables(reel, mark.offset)
  const next = endOfLead(reel, mark) ?? (isUrgent ? mark.offset : undefined)
  if (tables === undefined || next === undefined) return undefined
  const region = cutLead(reel, mark, next, tables)
  const first = [...tables.packets, ...region]
  const flags = resumedSince === undefined ? [] : breaks(reel, mark, resumedSince, next, first)
  return { bytes: Buffer.concat([...flags, ...first]), next }
}

/** The entry at an offset that is no access point: the tables that come next, then all that comes. */
export function beginAt(reel: Reel, offset: number): Entry {
  const tables = findTables(reel, offset)
  if (tables === undefined) return { bytes: Buffer.alloc(0), next: offset }
  // Packets of the PMT may come before the PAT: the counters lead up to the first one.
  for (let at = offset; at + packetBytes <= reel.end; at += packetBytes) {
    const packet = reel.packet(at)
    if (pidOf(packet) !== tables.pmtPid || !hasPayload(packet)) continue
    recount(tables.packets, tables.pmtPid, continuityOf(packet))
    break
  }
  return { bytes: Buffer.concat(tables.packets), next: offset }
}

// The tables that come next, to be sent before those: their counters are set back.
function findTables(reel: Reel, from: number): Tables | undefined {
  const end = Math.min(reel.end, from + mostLookBytes)
  let pat: Buffer | undefined
  let pmtPid: number | undefined
  let pmt: Buffer[] = []
  for (let at = from; at + packetBytes <= end; at += packetBytes) {
    const packet = reel.packet(at)
    const pid = pidOf(packet)
    if (pid === patPid && pat === undefined) {
      pat = Buffer.from(packet)
      pmtPid = pmtPidOf(packet)
      setContinuity(pat, continuityOf(packet) - 1)
    }
    if (pid !== pmtPid || !hasPayload(packet)) continue
    if (beginsUnit(packet)) pmt = []
    else if (pmt.length === 0) continue
    pmt.push(Buffer.from(packet))
    const section = wholeSection(pmt)
    if (pat === undefined || (section === undefined && pmt.length < mostTablePackets)) continue
    for (const copy of pmt) setContinuity(copy, continuityOf(copy) - pmt.length)
    const pids = section === undefined ? [] : pidsOf(section).filter((each) => each !== pmtPid)
    return { packets: [pat, ...pmt], pmtPid, pids }
  }
  return undefined
}

function wholeSection(packets: readonly Buffer[]): Buffer | undefined {
  const payload = Buffer.concat(packets.map((packet) => packet.subarray(payloadStart(packet))))
  const section = payload.subarray(1 + (payload[0] ?? 0))
  const length = section.length < 3 ? Infinity : 3 + (section.readUInt16BE(1) & 0x0fff)
  return section.length < length ? undefined : section.subarray(0, length)
}

// Leading pictures follow their access point and are shown before it; the first picture shown after it
// ends them. Source: ISO/IEC 14496-10, 3.75 (recovery point); ISO/IEC 23008-2, 3.76 (leading picture).
function endOfLead(reel: Reel, mark: Mark): number | undefined {
  if (mark.kind === 'audio' || mark.pts < 0) return mark.offset
  const video = pidOf(reel.packet(mark.offset))
  const end = Math.min(reel.end, mark.offset + mostLookBytes)
  for (let at = mark.offset + packetBytes; at + packetBytes <= end; at += packetBytes) {
    const packet = reel.packet(at)
    if (pidOf(packet) !== video || !beginsUnit(packet)) continue
    const pts = ptsOf(packet)
    if (pts !== undefined && ptsDistance(mark.pts, pts) > 0) return at
  }
  return end < reel.end ? mark.offset : undefined
}

function cutLead(reel: Reel, mark: Mark, next: number, { pids }: Tables): Buffer[] {
  if (next === mark.offset) return []
  const video = pidOf(reel.packet(mark.offset))
  const torn = new Set(pids) // in the middle of a PES packet whose beginning was before
  const kept: Buffer[] = []
  let isLeading = false
  for (let at = mark.offset; at < next; at += packetBytes) {
    const packet = reel.packet(at)
    const pid = pidOf(packet)
    if (beginsUnit(packet)) torn.delete(pid)
    if (torn.has(pid) && pcrOf(packet) === undefined) continue
    if (pid === video && beginsUnit(packet)) {
      const pts = ptsOf(packet)
      if (pts !== undefined) isLeading = ptsDistance(mark.pts, pts) < 0
    }
    if ((pid === video && isLeading) || torn.has(pid)) {
      const pcr = pcrOf(packet)
      if (pcr !== undefined) kept.push(adaptationPacket(pid, continuityOf(packet), { pcr }))
    } else kept.push(Buffer.from(packet))
  }
  recount(kept, video, continuityOf(reel.packet(next)))
  return kept
}

// Backwards from the counter that comes next: where packets were left out, those before them move up.
function recount(packets: readonly Buffer[], pid: number, next: number): void {
  let counter = next
  for (const packet of packets.toReversed()) {
    if (pidOf(packet) !== pid) continue
    setContinuity(packet, counter - 1)
    if (hasPayload(packet)) counter--
  }
}

// One packet for each PID, with the discontinuity indicator and the counter that its next packet follows:
// from where that is known to come, else from the last one that was.
function breaks(reel: Reel, mark: Mark, since: number, next: number, first: readonly Buffer[]): Buffer[] {
  const counters = new Map<number, number>()
  const note = (packet: Uint8Array, counter: number): void => {
    const pid = pidOf(packet)
    if (hasPayload(packet) && pid !== nullPid && !counters.has(pid)) counters.set(pid, counter)
  }
  for (const packet of first) note(packet, continuityOf(packet) - 1)
  const end = Math.min(reel.end, next + mostBreakBytes)
  for (let at = next; at + packetBytes <= end; at += packetBytes) {
    const packet = reel.packet(at)
    note(packet, continuityOf(packet) - 1)
  }
  const begin = Math.max(reel.start, since, mark.offset - mostBreakBytes)
  for (let at = mark.offset - packetBytes; at >= begin; at -= packetBytes) {
    const packet = reel.packet(at)
    note(packet, continuityOf(packet))
  }
  return [...counters].map(([pid, counter]) => adaptationPacket(pid, counter, { isDiscontinuous: true }))
}
