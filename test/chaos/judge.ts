// A strict reader of what one client gets, while it comes: nothing is kept but a few numbers for each PID.
// Source: ISO/IEC 13818-1, 2.4.3.3 and 2.4.3.5 (counters, discontinuities), 2.4.4 (tables), annex A (CRC).
import {
  beginsUnit,
  continuityOf,
  hasPayload,
  nullPid,
  packetBytes,
  patPid,
  payloadStart,
  pidOf,
  ptsDistance,
  ptsOf,
  syncByte,
} from '../../src/stream/packet.ts'

/** How much of a stream can be held to be ours: all of it; tables alone, where the source was damaged and its
 *  packets pass untouched; nothing, where damage passes through tables and all. */
export type Strictness = 'all' | 'tables' | 'nothing'

export interface JudgeOptions {
  readonly strictness?: Strictness
  readonly onFault: (what: string) => void
  /** ms */
  readonly now?: () => number
}

const soundAndPicture = [0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x11, 0x1b, 0x24, 0x81, 0x87]
// Below: tables of the network, announced nowhere. Where a client goes on at another place nobody knows what
// their next counters will be, so that a break is told on the programme's PIDs alone.
const siPids = 0x20
const mostBackTicks = 90_000
const mostAheadTicks = 3 * 90_000
const mostSilenceMs = 12_000 // of flowing time; the remuxer calls a track ended after 5 s
const longestFlowStepMs = 100
const mostSectionBytes = 4096

interface Track {
  /** Of its last packet; undefined before the first. */
  counter: number | undefined
  pts: number | undefined
  /** A break was told since the last PTS. */
  isTold: boolean
  /** Flowing time of its last packet. */
  seenAt: number
  /** Told breaks of the whole stream when it last came. */
  breaks: number
}

const unseen: Track = { counter: undefined, pts: undefined, isTold: false, seenAt: 0, breaks: 0 }

export class Judge {
  strictness: Strictness
  readonly #onFault: (what: string) => void
  readonly #now: () => number
  readonly #tracks = new Map<number, Track>()
  readonly #sections = new Map<number, Buffer>() // table PID -> what has come of its section
  #rest: Buffer = Buffer.alloc(0) // of a packet
  #packets = 0
  #fillers = 0
  #breaks = 0
  #pmtPid: number | undefined
  #announced: ReadonlyMap<number, number> | undefined // PID -> stream type
  #flowMs = 0
  #lastAt: number | undefined

  constructor({ strictness = 'all', onFault, now = () => performance.now() }: JudgeOptions) {
    this.strictness = strictness
    this.#onFault = onFault
    this.#now = now
  }

  /** Packets that are no filling. */
  get packets(): number {
    return this.#packets - this.#fillers
  }

  /** Discontinuities that were told. */
  get breaks(): number {
    return this.#breaks
  }

  take(bytes: Buffer): void {
    const whole = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const end = whole.length - (whole.length % packetBytes)
    const before = this.packets
    for (let at = 0; at < end; at += packetBytes) this.#read(whole.subarray(at, at + packetBytes))
    this.#rest = Buffer.from(whole.subarray(end))
    if (this.packets > before) this.#flow()
  }

  /** The stream has ended by itself. */
  end(): void {
    if (this.#rest.length > 0) this.#fault(`it ended with ${this.#rest.length} bytes of a packet`)
  }

  #read(packet: Buffer): void {
    const place = this.#packets++
    if (packet[0] !== syncByte) return this.#fault(`packet ${place} begins with ${packet[0]}`)
    const pid = pidOf(packet)
    if (pid === nullPid) {
      this.#fillers++
      return
    }
    const isTold = isDiscontinuous(packet)
    if (isTold) this.#breaks++
    const track = this.#count(pid, packet, isTold, place)
    if (hasPayload(packet)) {
      if (pid === patPid || pid === this.#pmtPid) this.#collect(pid, packet, isTold)
      else this.#checkAnnounced(pid, place)
    }
    const pts = ptsOf(packet)
    if (pts !== undefined && this.#isMain(pid)) this.#checkTime(pid, track, pts, place)
  }

  #count(pid: number, packet: Buffer, isTold: boolean, place: number): Track {
    const counter = continuityOf(packet)
    const track = this.#tracks.get(pid) ?? { ...unseen }
    this.#tracks.set(pid, track)
    const before = track.counter ?? counter - (hasPayload(packet) ? 1 : 0)
    const isNext = counter === ((before + (hasPayload(packet) ? 1 : 0)) & 0x0f)
    const isTable = pid === patPid || pid === this.#pmtPid
    const isExcused = isTold || (pid > patPid && pid < siPids && this.#breaks > track.breaks)
    if (!isNext && !isExcused && (this.#isAll || isTable))
      this.#fault(`PID ${hex(pid)}: counter ${counter} after ${before} at packet ${place}, not told`)
    track.counter = counter
    track.isTold ||= isTold
    track.seenAt = this.#flowMs
    track.breaks = this.#breaks
    return track
  }

  #checkTime(pid: number, track: Track, pts: number, place: number): void {
    if (track.pts !== undefined && !track.isTold) {
      const step = ptsDistance(track.pts, pts)
      if (step < -mostBackTicks || step > mostAheadTicks)
        this.#faultOfAll(`PID ${hex(pid)}: time moves by ${step} ticks at packet ${place}, not told`)
    }
    track.pts = pts
    track.isTold = false
  }

  #checkAnnounced(pid: number, place: number): void {
    if (pid < siPids || this.#announced?.has(pid) === true) return
    if (this.#announced === undefined)
      this.#faultOfAll(`PID ${hex(pid)} comes before PAT and PMT at packet ${place}`)
    else this.#faultOfAll(`PID ${hex(pid)} comes at packet ${place} and the PMT does not have it`)
  }

  #isMain(pid: number): boolean {
    return soundAndPicture.includes(this.#announced?.get(pid) ?? -1)
  }

  // Time in which the client got something, in small steps: where all stands still nothing is missed.
  #flow(): void {
    const now = this.#now()
    this.#flowMs += Math.min(longestFlowStepMs, now - (this.#lastAt ?? now))
    this.#lastAt = now
    for (const pid of this.#announced?.keys() ?? []) {
      const track = this.#tracks.get(pid)
      if (track === undefined || !this.#isMain(pid) || this.#flowMs - track.seenAt < mostSilenceMs) continue
      this.#faultOfAll(`PID ${hex(pid)} is announced and did not come for ${mostSilenceMs} ms`)
      track.seenAt = this.#flowMs
    }
  }

  #collect(pid: number, packet: Buffer, isTold: boolean): void {
    let payload = packet.subarray(payloadStart(packet))
    if (isTold) this.#sections.delete(pid)
    let open = this.#sections.get(pid)
    if (beginsUnit(packet)) {
      const begin = 1 + (payload[0] ?? 0)
      if (open !== undefined) this.#cut(pid, Buffer.concat([open, payload.subarray(1, begin)]))
      open = Buffer.alloc(0)
      payload = payload.subarray(begin)
    }
    if (open === undefined) return // in the middle of one
    this.#sections.delete(pid)
    const left = this.#cut(pid, Buffer.concat([open, payload]))
    if (left !== undefined) this.#sections.set(pid, left)
  }

  // Reads the whole sections. @returns what is left of one that goes on in the next packet
  #cut(pid: number, bytes: Buffer): Buffer | undefined {
    let at = 0
    while (at < bytes.length && bytes[at] !== 0xff) {
      if (at + 3 > bytes.length) return bytes.subarray(at)
      const end = at + 3 + (bytes.readUInt16BE(at + 1) & 0x0fff)
      if (end - at > mostSectionBytes) {
        this.#fault(`PID ${hex(pid)}: a table of ${end - at} bytes`)
        return undefined
      }
      if (end > bytes.length) return bytes.subarray(at)
      this.#readTable(pid, bytes.subarray(at, end))
      at = end
    }
    return undefined
  }

  #readTable(pid: number, section: Buffer): void {
    if (section.length < 12 || crcOf(section) !== 0)
      return this.#fault(`PID ${hex(pid)}: a table with a wrong check sum at packet ${this.#packets}`)
    if (pid === patPid) this.#readPat(section)
    else if (section[0] === 0x02) this.#readPmt(section)
  }

  #readPat(section: Buffer): void {
    for (let at = 8; at + 8 <= section.length; at += 4) {
      if (section.readUInt16BE(at) === 0) continue
      const pmtPid = section.readUInt16BE(at + 2) & 0x1fff
      if (pmtPid !== this.#pmtPid) this.#announced = undefined
      this.#pmtPid = pmtPid
      return
    }
    this.#fault('a PAT without a programme')
  }

  #readPmt(section: Buffer): void {
    const announced = new Map<number, number>()
    const pcrPid = section.readUInt16BE(8) & 0x1fff
    for (let at = 12 + (section.readUInt16BE(10) & 0x0fff); at + 5 <= section.length - 4;) {
      announced.set(section.readUInt16BE(at + 1) & 0x1fff, section.readUInt8(at))
      at += 5 + (section.readUInt16BE(at + 3) & 0x0fff)
    }
    if (!announced.has(pcrPid)) announced.set(pcrPid, -1)
    for (const pid of announced.keys()) {
      if (this.#announced?.has(pid) === true) continue
      const track = this.#tracks.get(pid) ?? { ...unseen }
      track.seenAt = this.#flowMs
      this.#tracks.set(pid, track)
    }
    this.#announced = announced
  }

  get #isAll(): boolean {
    return this.strictness === 'all'
  }

  #faultOfAll(what: string): void {
    if (this.#isAll) this.#fault(what)
  }

  #fault(what: string): void {
    if (this.strictness !== 'nothing') this.#onFault(what)
  }
}

function isDiscontinuous(packet: Buffer): boolean {
  const hasField = (packet.readUInt8(3) & 0x20) !== 0 && packet.readUInt8(4) > 0
  return hasField && (packet.readUInt8(5) & 0x80) !== 0
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0)
  return crc
})

// 0 over a whole section with its own at the end.
function crcOf(section: Buffer): number {
  let crc = -1
  for (const byte of section) crc = (crc << 8) ^ (crcTable[((crc >>> 24) ^ byte) & 0xff] ?? 0)
  return crc
}

function hex(pid: number): string {
  return `0x${pid.toString(16)}`
}
