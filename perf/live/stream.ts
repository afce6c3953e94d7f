// Reads a transport stream for the benchmarks: where it may begin, and its PES packets with their times.
export const packetBytes = 188
/** What a receiver's network card brings at once. */
export const groupBytes = 7 * packetBytes
const patPid = 0
const pmtTable = 2 // after the pointer; a PES packet has a 0 there
const startCode = 0x000001

export interface Packet {
  readonly pid: number
  readonly isStart: boolean
  /** Offset of the payload in the packet; 188 where there is none. */
  readonly payloadAt: number
  /** random_access_indicator */
  readonly isAccess: boolean
  /** discontinuity_indicator */
  readonly isBreak: boolean
}

/** The packet at an offset. */
export function packetAt(bytes: Uint8Array, at: number): Packet {
  const byte = (offset: number) => bytes[at + offset] ?? 0
  const hasAdaptation = (byte(3) & 0x20) !== 0
  const hasPayload = (byte(3) & 0x10) !== 0
  return {
    pid: ((byte(1) & 0x1f) << 8) | byte(2),
    isStart: (byte(1) & 0x40) !== 0,
    payloadAt: hasPayload ? 4 + (hasAdaptation ? 1 + byte(4) : 0) : packetBytes,
    isAccess: hasAdaptation && byte(4) > 0 && (byte(5) & 0x40) !== 0,
    isBreak: hasAdaptation && byte(4) > 0 && (byte(5) & 0x80) !== 0,
  }
}

/** Offsets of the packets with a PAT; `beforeKeys` has the last one before each key frame of a PID. */
export function starts(bytes: Uint8Array, videoPid: number): { tables: number[]; beforeKeys: number[] } {
  const tables: number[] = []
  const beforeKeys = new Set<number>()
  for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
    const { pid, isStart, isAccess } = packetAt(bytes, at)
    if (pid === patPid) tables.push(at)
    const last = tables.at(-1)
    if (pid === videoPid && isStart && isAccess && last !== undefined) beforeKeys.add(last)
  }
  return { tables, beforeKeys: [...beforeKeys] }
}

/** A PES packet and when it went past. */
export interface Unit {
  /** 90 kHz; -1 where there is none */
  readonly pts: number
  /** The PTS where there is no other. */
  readonly dts: number
  readonly payload: Buffer
  /** When its last byte was there, ms. */
  readonly atMs: number
}

/** A stream that comes in pieces, each with its time. Keeps the pieces and looks into them only when asked,
 *  so that looking costs no time while it matters. */
export class Recording {
  readonly #pieces: { bytes: Uint8Array; atMs: number }[] = []

  /** Keeps a copy. */
  add(bytes: Uint8Array, atMs = performance.now()): void {
    this.#pieces.push({ bytes: Uint8Array.from(bytes), atMs })
  }

  /** When the first byte came, ms; NaN without any. */
  get startedAt(): number {
    return this.#pieces[0]?.atMs ?? NaN
  }

  /** When the first packet of a PID was there, ms; undefined if there was none. */
  firstOf(pid: number): number | undefined {
    for (const { packet, atMs } of this.#packets()) if (packetAt(packet, 0).pid === pid) return atMs
    return undefined
  }

  /** The PES packets of a PID but for the last, which may not be whole. */
  units(pid: number): Unit[] {
    const units: Unit[] = []
    let open: { parts: Uint8Array[]; atMs: number } | undefined
    for (const { packet, atMs } of this.#packets()) {
      const { pid: found, isStart, payloadAt } = packetAt(packet, 0)
      if (found !== pid || payloadAt >= packetBytes) continue
      if (isStart) {
        if (open !== undefined) units.push({ ...read(Buffer.concat(open.parts)), atMs: open.atMs })
        open = { parts: [], atMs }
      }
      open?.parts.push(packet.subarray(payloadAt))
      if (open !== undefined) open.atMs = atMs
    }
    return units
  }

  /** When a break was told on a PID, ms. */
  breaks(pid: number): number[] {
    const times: number[] = []
    for (const { packet, atMs } of this.#packets()) {
      const found = packetAt(packet, 0)
      if (found.pid === pid && found.isBreak) times.push(atMs)
    }
    return times
  }

  /** When a decoder could show the first picture, ms: the tables have come, and then an access point of this
   *  PID up to where the next picture begins. Undefined if that was never. */
  firstPicture(pid: number): number | undefined {
    let [hasPat, hasPmt, isOpen] = [false, false, false]
    for (const { packet, atMs } of this.#packets()) {
      const found = packetAt(packet, 0)
      if (!found.isStart) continue
      if (found.pid === patPid) hasPat = true
      else if (hasPat && packet[found.payloadAt + 1] === pmtTable) hasPmt = true
      if (found.pid !== pid || !hasPmt) continue
      if (isOpen) return atMs
      isOpen = beginsSequence(packet.subarray(found.payloadAt))
    }
    return undefined
  }

  /** All that came but the last PES packet of each PID, which may not be whole. */
  whole(): Buffer {
    const packets = [...this.#packets()].map(({ packet }) => packet)
    const lastStart = new Map<number, number>()
    for (const [place, packet] of packets.entries()) {
      const { pid, isStart, payloadAt } = packetAt(packet, 0)
      const isPes =
        isStart && Buffer.from(packet).readUIntBE(Math.min(payloadAt, packetBytes - 3), 3) === startCode
      if (isPes) lastStart.set(pid, place)
    }
    const isWhole = (packet: Uint8Array, place: number) =>
      place < (lastStart.get(packetAt(packet, 0).pid) ?? Infinity)
    return Buffer.concat(packets.filter(isWhole))
  }

  /** A packet that was cut belongs to the piece that brought its end. */
  *#packets(): Generator<{ packet: Uint8Array; atMs: number }> {
    let rest: Uint8Array = new Uint8Array()
    for (const { bytes, atMs } of this.#pieces) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
      let at = 0
      for (; at + packetBytes <= all.length; at += packetBytes) {
        if (all[at] !== 0x47) throw new Error('The stream is out of step')
        yield { packet: all.subarray(at, at + packetBytes), atMs }
      }
      rest = all.subarray(at)
    }
  }
}

// Broadcasters do not always set random_access_indicator: an access point is told by the parameters of the
// sequence that come with it. H.264 (an SPS) and MPEG-2 (a sequence header), within the first packet.
function beginsSequence(payload: Uint8Array): boolean {
  for (let at = 9; at + 4 <= payload.length; at++) {
    if (payload[at] !== 0 || payload[at + 1] !== 0 || payload[at + 2] !== 1) continue
    const code = payload[at + 3] ?? 0
    if (code === 0xb3 || (code & 0x9f) === 7) return true
  }
  return false
}

function read(pes: Buffer): { pts: number; dts: number; payload: Buffer } {
  const pts = ptsOf(pes)
  const dts = pts >= 0 && ((pes[7] ?? 0) & 0x40) !== 0 ? stampAt(pes, 14) : pts
  return { pts, dts, payload: pes.subarray(9 + (pes[8] ?? 0)) }
}

/** Of a PES packet, 90 kHz; -1 where there is none. */
export function ptsOf(pes: Uint8Array): number {
  return ((pes[7] ?? 0) & 0x80) === 0 ? -1 : stampAt(pes, 9)
}

function stampAt(pes: Uint8Array, at: number): number {
  const byte = (offset: number) => pes[at + offset] ?? 0
  const high = (byte(0) & 0x0e) * 2 ** 29
  return high + (byte(1) << 22) + ((byte(2) >> 1) << 15) + (byte(3) << 7) + (byte(4) >> 1)
}
