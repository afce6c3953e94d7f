// Multiplexes recordings into one loop: a transport stream of constant rate whose every stream goes on
// smoothly where the loop begins again. Packet i of N leaves at i/N of the loop, which is also its PCR.
import { nullPid, packetSize, syncByte, wrapped, writePcrBase, writeStamp } from './packet.ts'
import { entriesOf, type Programme } from './programme.ts'
import { packetise, pat, patPid, pmt, sdt, sdtPid } from './tables.ts'
import { teletextHeaderBytes, teletextPage } from './teletext.ts'

/** One coded picture. */
export interface Picture {
  readonly data: Buffer
  /** Ticks from the decoding of the loop's first picture to the moment this one is shown. */
  readonly shown: number
  readonly isKey: boolean
}

export interface PictureTrack {
  readonly pictures: readonly Picture[]
  readonly frameTicks: number
  /** The time inside the test picture of what is shown at `shown` 0. */
  readonly contentTicks: number
}

export interface SoundTrack {
  readonly frames: readonly Buffer[]
  /** Ticks per frame, not rounded. */
  readonly frameTicks: number
  /** The time inside the test sound of the first frame. */
  readonly contentTicks: number
}

export interface Sources {
  readonly picture?: PictureTrack
  /** By PID. */
  readonly sounds: ReadonlyMap<number, SoundTrack>
}

const psiTicks = 7200 // PAT and PMT every 80 ms
const sdtTicks = 86_400
const pcrTicks = 1980 // a PCR every 22 ms or with the next packet of its PID; 40 ms is the limit
const pcrBytes = 8 // what a PCR takes from a packet
const audioLead = 10_800 // sound leaves 120 ms before it is heard
const teletextTicks = 3600
const teletextLead = 18_000
const decodingReserve = 3600 // a picture is complete 40 ms before its DTS
const lastDeparture = 2250 // nothing is scheduled within 25 ms of the loop's end: it would not get out
const nullShare = { television: 0.02, radio: 0.2 }
const carrierPmtPid = 0x1c00 // of the programmes that are listed in the PAT and do not flow

/** PES packet that waits for, or is in, transmission. */
interface Unit {
  readonly pid: number
  readonly departs: number
  readonly bytes: Buffer
  readonly isKey: boolean
  /** Ready-made packets (tables): sent as they are. */
  readonly isTable: boolean
}

/** All of a programme's loop. The bytes are whole packets; continuity counters begin at 0 on every PID. */
export function muxLoop(programme: Programme, sources: Sources): Buffer {
  const delay = new Mux(programme, sources, 0).run().lateness + decodingReserve
  const frame = sources.picture?.frameTicks ?? 1
  return new Mux(programme, sources, Math.ceil(delay / frame) * frame).run().bytes
}

/** PAT and PMT of a programme: what begins a connection and comes back every 80 ms. */
export function psiPackets(programme: Programme, pmtSection: Buffer): Buffer {
  return Buffer.concat([packetise(patPid, [patOf(programme)]), packetise(programme.pmtPid, [pmtSection])])
}

/** The PMT section of a programme as it is in its loop. */
export function pmtOf(programme: Programme, version = 0): Buffer {
  return pmt(programme.serviceId, version, programme.pcrPid, entriesOf(programme))
}

/** PAT of the whole transponder: 20 further programmes, though only the PMT of this one is sent. */
function patOf(programme: Programme): Buffer {
  const { serviceId, pmtPid, transportId } = programme
  const others = Array.from({ length: 20 }, (_, index): [number, number] => [
    0x7001 + index,
    carrierPmtPid + index,
  ])
  const listed = [...others.slice(0, 7), [serviceId, pmtPid] as [number, number], ...others.slice(7)]
  return pat(transportId, new Map(listed))
}

class Mux {
  private readonly programme: Programme
  private readonly video: Unit[] = []
  private readonly timed: Unit[]
  private readonly videoPackets: number
  private readonly packets: number
  private readonly counters = new Map<number, number>()
  private lastPcr = -Infinity

  /** @param delay  ticks from the departure of the loop to the decoding of its first picture */
  constructor(programme: Programme, sources: Sources, delay: number) {
    this.programme = programme
    const { picture, sounds } = sources
    const { loopTicks } = programme
    if (picture !== undefined) this.video = pictureUnits(programme, picture, delay)
    const contentOffset = delay - (picture?.contentTicks ?? 0)
    const audio = [...sounds].flatMap(([pid, track]) => soundUnits(programme, pid, track, contentOffset))
    this.timed = [...tableUnits(programme), ...teletextUnits(programme), ...audio]
      .sort((a, b) => a.departs - b.departs)
      .map((unit) => ({ ...unit, departs: Math.min(unit.departs, loopTicks - lastDeparture) }))
    this.videoPackets = countPackets(this.video, loopTicks)
    const others = this.timed.reduce((sum, { isTable, bytes: { length } }) => {
      return sum + (isTable ? length / packetSize : packetsFor(length + pcrBytes))
    }, 0)
    const share = picture === undefined ? nullShare.radio : nullShare.television
    this.packets = Math.ceil((this.videoPackets + others) * (1 + share))
  }

  /** @returns the loop, and by how much the latest picture is complete after its DTS at delay 0 */
  run(): { bytes: Buffer; lateness: number } {
    const { loopTicks, pcrPid } = this.programme
    const bytes = Buffer.alloc(this.packets * packetSize, 0xff)
    const frames = new Sending(this.video)
    const others = new Sending(this.timed)
    let sentVideo = 0
    let lateness = 0
    for (let slot = 0; slot < this.packets; slot++) {
      const now = (slot * loopTicks) / this.packets
      const isVideoDue = sentVideo < (this.videoPackets * slot) / this.packets
      const source = others.isDue(now) ? others : isVideoDue && frames.isDue(Infinity) ? frames : undefined
      const packet = bytes.subarray(slot * packetSize, (slot + 1) * packetSize)
      if (source === undefined) {
        this.fill(packet, now)
        continue
      }
      const hasPcr = source.pid === pcrPid && now - this.lastPcr >= pcrTicks
      if (hasPcr) this.lastPcr = now
      const ended = source.write(packet, hasPcr ? now : undefined, this.nextCounter(source.pid))
      if (source !== frames) continue
      sentVideo++
      if (ended !== undefined) lateness = Math.max(lateness, now - ended.departs)
    }
    if (frames.isDue(Infinity) || others.isDue(Infinity))
      throw new RangeError('the loop is too short for its streams')
    return { bytes, lateness }
  }

  /** A packet that nobody needs: a clock of its own when the last one was long ago, else null. */
  private fill(packet: Buffer, now: number): void {
    const { pcrPid } = this.programme
    packet.set([syncByte, nullPid >> 8, nullPid & 0xff, 0x10])
    if (now - this.lastPcr < pcrTicks) return
    this.lastPcr = now
    const counter = ((this.counters.get(pcrPid) ?? 0) - 1) & 0x0f // without payload it does not count
    packet.set([syncByte, pcrPid >> 8, pcrPid & 0xff, 0x20 | counter, packetSize - 5, 0x10])
    writePcr(packet, now)
  }

  private nextCounter(pid: number): number {
    const counter = this.counters.get(pid) ?? 0
    this.counters.set(pid, (counter + 1) & 0x0f)
    return counter
  }
}

/** A queue of units, sent one packet at a time. */
class Sending {
  private readonly units: readonly Unit[]
  private index = 0
  private at = 0

  constructor(units: readonly Unit[]) {
    this.units = units
  }

  isDue(now: number): boolean {
    const unit = this.units[this.index]
    return unit !== undefined && (this.at > 0 || unit.departs <= now)
  }

  get pid(): number {
    return this.units[this.index]?.pid ?? nullPid
  }

  /** Fills one packet. @returns the unit that ends with it */
  write(packet: Buffer, pcr: number | undefined, counter: number): Unit | undefined {
    const unit = this.units[this.index]
    if (unit === undefined) return undefined
    if (unit.isTable) {
      unit.bytes.copy(packet, 0, this.at, this.at + packetSize)
      packet.writeUInt8(0x10 | counter, 3)
      this.at += packetSize
    } else {
      this.at += writePacket(packet, unit, { at: this.at, pcr, counter })
    }
    if (this.at < unit.bytes.length) return undefined
    this.at = 0
    this.index++
    return unit
  }
}

/** One packet of a PES unit, stuffed in its adaptation field. @returns payload bytes taken */
function writePacket(
  packet: Buffer,
  unit: Unit,
  o: { at: number; pcr: number | undefined; counter: number },
): number {
  const isFirst = o.at === 0
  const hasFlags = o.pcr !== undefined || (isFirst && unit.isKey)
  const needed = hasFlags ? (o.pcr === undefined ? 2 : 8) : 0
  const taken = Math.min(unit.bytes.length - o.at, packetSize - 4 - needed)
  const field = packetSize - 4 - taken // bytes of the adaptation field, its length byte included
  packet.set([
    syncByte,
    (isFirst ? 0x40 : 0) | (unit.pid >> 8),
    unit.pid & 0xff,
    (field > 0 ? 0x30 : 0x10) | o.counter,
  ])
  if (field > 0) packet.writeUInt8(field - 1, 4)
  if (field > 1) packet.writeUInt8((isFirst && unit.isKey ? 0x40 : 0) | (o.pcr === undefined ? 0 : 0x10), 5)
  if (o.pcr !== undefined) writePcr(packet, o.pcr)
  unit.bytes.copy(packet, 4 + field, o.at, o.at + taken)
  return taken
}

/** The clock of a packet whose adaptation field begins with it. */
function writePcr(packet: Buffer, ticks: number): void {
  const base = Math.floor(ticks)
  packet.writeUInt16BE(0x7e00 | Math.floor((ticks - base) * 300), 10)
  writePcrBase(packet, 6, wrapped(base))
}

function pictureUnits(programme: Programme, track: PictureTrack, delay: number): Unit[] {
  const pid = programme.video?.pid ?? nullPid
  return track.pictures.map(({ data, shown, isKey }, index) => {
    const dts = index * track.frameTicks
    const bytes = Buffer.concat([pesHeader(0xe0, { pts: delay + shown, dts: delay + dts }), data])
    return { pid, departs: dts, bytes, isKey, isTable: false }
  })
}

function soundUnits(programme: Programme, pid: number, track: SoundTrack, contentOffset: number): Unit[] {
  const codec = programme.audio.find((audio) => audio.pid === pid)?.codec
  const streamId = codec === 'ac3' || codec === 'eac3' ? 0xbd : 0xc0
  return track.frames.map((data, index) => {
    const heard = track.contentTicks + index * track.frameTicks + contentOffset
    const latest = modulo(heard - audioLead, programme.loopTicks)
    const header = pesHeader(streamId, { pts: Math.round(latest + audioLead), length: data.length })
    // On a grid that begins with the loop, so that the last frame before its end has time to get out.
    const departs = Math.floor(latest / track.frameTicks + 1e-6) * track.frameTicks
    return { pid, departs, bytes: Buffer.concat([header, data]), isKey: false, isTable: false }
  })
}

function tableUnits(programme: Programme): Unit[] {
  const psi = psiPackets(programme, pmtOf(programme))
  const units: Unit[] = []
  const patUnit = { pid: patPid, bytes: psi.subarray(0, packetSize), isKey: false, isTable: true }
  const pmtUnit = { pid: programme.pmtPid, bytes: psi.subarray(packetSize), isKey: false, isTable: true }
  const sdtUnit = { pid: sdtPid, bytes: packetise(sdtPid, [sdt(programme)]), isKey: false, isTable: true }
  for (let departs = 0; departs < programme.loopTicks; departs += psiTicks) {
    units.push({ ...patUnit, departs }, { ...pmtUnit, departs })
    if (departs % sdtTicks === 0) units.push({ ...sdtUnit, departs })
  }
  return units
}

function teletextUnits(programme: Programme): Unit[] {
  const pid = programme.teletextPid
  if (pid === undefined) return []
  const rows = [
    programme.name,
    '',
    'This is page 100 of the demo receiver.',
    'It says the same thing all day.',
  ]
  const payloads = teletextPage(0x100, rows)
  return Array.from({ length: Math.floor(programme.loopTicks / teletextTicks) }, (_, index) => {
    const departs = index * teletextTicks
    const data = payloads[index % payloads.length] ?? Buffer.alloc(0)
    const stamps = { pts: departs + teletextLead, length: data.length, headerBytes: teletextHeaderBytes }
    return {
      pid,
      departs,
      bytes: Buffer.concat([pesHeader(0xbd, stamps), data]),
      isKey: false,
      isTable: false,
    }
  })
}

/** A PES header. Without a length the field is 0 (video). Source: ISO/IEC 13818-1, 2.4.3.7. */
function pesHeader(
  streamId: number,
  o: { pts: number; dts?: number; length?: number; headerBytes?: number },
): Buffer {
  const hasDts = o.dts !== undefined && o.dts !== o.pts
  const header = Buffer.alloc(o.headerBytes ?? (hasDts ? 19 : 14), 0xff)
  const length = o.length === undefined ? 0 : header.length - 6 + o.length
  header.set([0, 0, 1, streamId, length >> 8, length & 0xff, 0x84, hasDts ? 0xc0 : 0x80, header.length - 9])
  header.writeUInt8(hasDts ? 0x30 : 0x20, 9)
  writeStamp(header, 9, wrapped(o.pts))
  if (hasDts) {
    header.writeUInt8(0x10, 14)
    writeStamp(header, 14, wrapped(o.dts ?? 0))
  }
  return header
}

/** How many packets pictures need at most, with a PCR every now and then, when they fill the whole loop. */
function countPackets(units: readonly Unit[], loopTicks: number): number {
  const total = units.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const pcrsPerByte = loopTicks / pcrTicks / total
  const needed = units.map(({ bytes: { length } }) =>
    packetsFor(length + (2 + length * pcrsPerByte) * pcrBytes),
  )
  return needed.reduce((sum, packets) => sum + packets, 0)
}

function packetsFor(bytes: number): number {
  return Math.ceil(bytes / (packetSize - 4))
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
