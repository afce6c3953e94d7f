// One viewer's run through a loop: begins with PAT and PMT wherever the programme is now, and goes on with
// clocks and continuity counters that never break. Replaces some null packets by EIT and TDT of the moment.
import type { Loop } from './loop.ts'
import { pmtOf, psiPackets } from './mux.ts'
import { packetSize, pidAt, ticksPerSecond } from './packet.ts'
import { entriesOf, type Programme } from './programme.ts'
import { eit, type EitEvent, eitPid, packetise, patPid, pmt, tdt, tdtPid } from './tables.ts'

/** What is on now and next at a time, unix seconds. */
export type NowNext = (unixSec: number) => readonly [EitEvent?, EitEvent?]

/** How a programme's PMT may change while it is watched. */
export const pmtChanges = ['version', 'pid', 'drop-audio'] as const
export type PmtChange = (typeof pmtChanges)[number]

const siTicks = 2 * ticksPerSecond // EIT and TDT every two seconds
const movedPids = 0x20 // by how much audio PIDs move in a change 'pid'

export class Playback {
  /** Packet of the loop's endless timeline that comes next. */
  position: number
  private readonly loop: Loop
  private readonly programme: Programme | undefined
  private readonly nowNext: NowNext | undefined
  /** Added to every clock, 90 kHz. */
  private offset = 0
  private siDue: number
  private siQueue: Buffer[] = []
  private readonly siCounters = new Map<number, number>()
  private eitVersion = 0
  private eitId: number | undefined
  private pmtPackets: Buffer | undefined
  private pmtTurn = 0
  private readonly movedTo = new Map<number, number>()
  private readonly dropped = new Set<number>()
  private pmtVersion = 0

  /** @param programme  absent for a file of unknown content: nothing is added to that */
  constructor(loop: Loop, position: number, o: { programme?: Programme; nowNext?: NowNext } = {}) {
    this.loop = loop
    this.position = position
    this.programme = o.programme
    this.nowNext = o.nowNext
    this.siDue = loop.ticksAt(position)
  }

  /** PAT and PMT, with counters that lead up to those that follow. */
  opening(): Buffer {
    if (this.programme === undefined) return Buffer.alloc(0)
    const packets = psiPackets(this.programme, pmtOf(this.programme))
    for (const pid of [patPid, this.programme.pmtPid]) {
      const own = packetsOf(packets, pid)
      const follows = this.loop.counterAt(this.position, pid)
      own.forEach((at, index) => setCounter(packets, at, follows - own.length + index))
    }
    return packets
  }

  /** The next packets. */
  next(count: number): Buffer {
    const bytes = this.loop.render(this.position, count, this.offset)
    if (this.programme !== undefined) this.addSi(bytes, this.programme)
    if (this.pmtPackets !== undefined && this.programme !== undefined)
      this.changePackets(bytes, this.programme.pmtPid)
    this.position += count
    return bytes
  }

  /** From now on every clock is `ticks` later: a jump, or a start close to the 33-bit wrap. */
  shift(ticks: number): void {
    this.offset += ticks
  }

  /** The clock (90 kHz, not wrapped) at the next packet, shifts included. */
  get ticks(): number {
    return this.loop.ticksAt(this.position) + this.offset
  }

  /** From the next packet on the PMT differs: a version only, other audio PIDs, or one audio track less. */
  changePmt(change: PmtChange): void {
    if (this.programme === undefined) return
    const { serviceId, pmtPid, pcrPid, audio } = this.programme
    if (change === 'pid')
      for (const { pid } of audio) this.movedTo.set(pid, (this.movedTo.get(pid) ?? pid) + movedPids)
    if (change === 'drop-audio') for (const { pid } of audio.slice(-1)) this.dropped.add(pid)
    this.pmtVersion++
    const entries = entriesOf(this.programme)
      .filter(({ pid }) => !this.dropped.has(pid))
      .map((entry) => ({ ...entry, pid: this.moved(entry.pid) }))
    this.pmtPackets = packetise(pmtPid, [pmt(serviceId, this.pmtVersion, this.moved(pcrPid), entries)])
    this.pmtTurn = 0
  }

  private moved(pid: number): number {
    return this.movedTo.get(pid) ?? pid
  }

  private addSi(bytes: Buffer, programme: Programme): void {
    const now = this.loop.ticksAt(this.position)
    if (now >= this.siDue) {
      this.siDue = now + siTicks
      this.siQueue = this.siPackets(programme, Math.floor(now / ticksPerSecond))
    }
    if (this.siQueue.length === 0) return
    for (const at of this.nullsIn(bytes.length / packetSize)) {
      const packet = this.siQueue.shift()
      if (packet === undefined) break
      packet.copy(bytes, at)
      const pid = pidAt(bytes, at)
      const counter = this.siCounters.get(pid) ?? 0
      setCounter(bytes, at, counter)
      this.siCounters.set(pid, (counter + 1) & 0x0f)
    }
  }

  private siPackets(programme: Programme, unixSec: number): Buffer[] {
    const events = this.nowNext?.(unixSec) ?? []
    const id = events[0]?.id
    if (id !== this.eitId) this.eitVersion++
    this.eitId = id
    const sections = this.nowNext === undefined ? [] : eit(programme, this.eitVersion, [events[0], events[1]])
    return split(Buffer.concat([packetise(eitPid, sections), packetise(tdtPid, [tdt(unixSec)])]))
  }

  /** Byte offsets of the null packets among the next `count`. */
  private nullsIn(count: number): number[] {
    const { nulls, packets } = this.loop
    const from = this.position % packets
    const found: number[] = []
    for (let index = lowerBound(nulls, from); index < nulls.length; index++) {
      const packet = (nulls[index] ?? 0) - from
      if (packet >= count) break
      found.push(packet * packetSize)
    }
    return found
  }

  /** Puts the changed PMT in the place of the old one, and moves or blanks the PIDs that it changed. */
  private changePackets(bytes: Buffer, pmtPid: number): void {
    const pmtBytes = this.pmtPackets ?? Buffer.alloc(0)
    for (let at = 0; at < bytes.length; at += packetSize) {
      const pid = pidAt(bytes, at)
      const head = bytes.readUInt8(at + 1) & 0xe0
      const target = this.dropped.has(pid) ? 0x1fff : this.moved(pid)
      if (target !== pid) bytes.writeUInt16BE((head << 8) | target, at + 1)
      if (pid !== pmtPid) continue
      const counter = bytes.readUInt8(at + 3)
      const isFirst = (head & 0x40) !== 0
      this.pmtTurn = isFirst ? 0 : this.pmtTurn + packetSize
      if (this.pmtTurn < pmtBytes.length) pmtBytes.copy(bytes, at, this.pmtTurn, this.pmtTurn + packetSize)
      else bytes.fill(0xff, at + 4, at + packetSize)
      setCounter(bytes, at, counter)
    }
  }
}

function packetsOf(packets: Buffer, pid: number): number[] {
  const found: number[] = []
  for (let at = 0; at < packets.length; at += packetSize) if (pidAt(packets, at) === pid) found.push(at)
  return found
}

function setCounter(bytes: Buffer, at: number, counter: number): void {
  bytes.writeUInt8((bytes.readUInt8(at + 3) & 0xf0) | (counter & 0x0f), at + 3)
}

function split(packets: Buffer): Buffer[] {
  return Array.from({ length: packets.length / packetSize }, (_, index) =>
    packets.subarray(index * packetSize, (index + 1) * packetSize),
  )
}

function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
