// A look at transport packets, for the few moments in which main has to: when a client joins.
// Source: ISO/IEC 13818-1, 2.4.3 (packets, adaptation fields, PES headers) and 2.4.4 (sections).

export const packetBytes = 188
export const syncByte = 0x47
export const patPid = 0
export const nullPid = 0x1fff

export function pidOf(packet: Uint8Array): number {
  return ((byte(packet, 1) & 0x1f) << 8) | byte(packet, 2)
}

/** Does a PES packet or a section begin in it? */
export function beginsUnit(packet: Uint8Array): boolean {
  return (byte(packet, 1) & 0x40) !== 0
}

export function hasPayload(packet: Uint8Array): boolean {
  return (byte(packet, 3) & 0x10) !== 0
}

export function continuityOf(packet: Uint8Array): number {
  return byte(packet, 3) & 0x0f
}

export function setContinuity(packet: Uint8Array, counter: number): void {
  packet[3] = (byte(packet, 3) & 0xf0) | (counter & 0x0f)
}

/** Where the payload begins; 188 where there is none. */
export function payloadStart(packet: Uint8Array): number {
  if (!hasPayload(packet)) return packetBytes
  const hasAdaptation = (byte(packet, 3) & 0x20) !== 0
  return Math.min(packetBytes, hasAdaptation ? 5 + byte(packet, 4) : 4)
}

/** The six bytes of its PCR; undefined where it has none. */
export function pcrOf(packet: Uint8Array): Uint8Array | undefined {
  const hasAdaptation = (byte(packet, 3) & 0x20) !== 0
  return hasAdaptation && byte(packet, 4) >= 7 && (byte(packet, 5) & 0x10) !== 0
    ? packet.subarray(6, 12)
    : undefined
}

/** The PTS of the PES packet that begins in this packet, 90 kHz; undefined where there is none. */
export function ptsOf(packet: Uint8Array): number | undefined {
  const at = payloadStart(packet)
  if (!beginsUnit(packet) || at + 14 > packetBytes) return undefined
  const isPes = byte(packet, at) === 0 && byte(packet, at + 1) === 0 && byte(packet, at + 2) === 1
  if (!isPes || (byte(packet, at + 7) & 0x80) === 0) return undefined
  const high = (byte(packet, at + 9) >> 1) & 0x07
  const middle = (byte(packet, at + 10) << 7) | (byte(packet, at + 11) >> 1)
  const low = (byte(packet, at + 12) << 7) | (byte(packet, at + 13) >> 1)
  return high * 2 ** 30 + middle * 2 ** 15 + low
}

/** From one time stamp of 33 bits to another, by the shorter way. 90 kHz */
export function ptsDistance(from: number, to: number): number {
  const turn = 2 ** 33
  const distance = (((to - from) % turn) + turn) % turn
  return distance >= turn / 2 ? distance - turn : distance
}

const discontinuityFlag = 0x80
const pcrFlag = 0x10

/** A packet without payload. @param counter  that of the last packet with payload before it */
export function adaptationPacket(
  pid: number,
  counter: number,
  { pcr, isDiscontinuous = false }: { pcr?: Uint8Array | undefined; isDiscontinuous?: boolean } = {},
): Buffer {
  const packet = Buffer.alloc(packetBytes, 0xff)
  packet[0] = syncByte
  packet.writeUInt16BE(pid, 1)
  packet[3] = 0x20 | (counter & 0x0f)
  packet[4] = packetBytes - 5
  packet[5] = (isDiscontinuous ? discontinuityFlag : 0) | (pcr === undefined ? 0 : pcrFlag)
  if (pcr !== undefined) packet.set(pcr, 6)
  return packet
}

/** Tells that the counter of a PID breaks: to be put before its next packet, with payload, at the front. */
export function breakBefore(packet: Uint8Array): Buffer {
  return adaptationPacket(pidOf(packet), continuityOf(packet) - 1, { isDiscontinuous: true })
}

/** Null packets: to be thrown away by whoever gets them. */
export function nullPackets(count: number): Buffer {
  const packet = Buffer.alloc(packetBytes, 0xff)
  packet.set([syncByte, 0x1f, 0xff, 0x10])
  return Buffer.concat(Array.from({ length: count }, () => packet))
}

/** Where the PAT says that the PMT of its only programme is; undefined where it does not. */
export function pmtPidOf(pat: Uint8Array): number | undefined {
  const at = payloadStart(pat)
  if (at >= packetBytes) return undefined
  const section = at + 1 + byte(pat, at) // after the pointer field
  const length = ((byte(pat, section + 1) & 0x0f) << 8) | byte(pat, section + 2)
  const end = Math.min(section + 3 + length - 4, packetBytes)
  for (let entry = section + 8; entry + 4 <= end; entry += 4) {
    const program = (byte(pat, entry) << 8) | byte(pat, entry + 1)
    if (program !== 0) return ((byte(pat, entry + 2) & 0x1f) << 8) | byte(pat, entry + 3)
  }
  return undefined
}

/** The PIDs that a PMT names, the clock's first. @param section  from its table id on */
export function pidsOf(section: Uint8Array): number[] {
  const length = ((byte(section, 1) & 0x0f) << 8) | byte(section, 2)
  const end = Math.min(3 + length - 4, section.length)
  const pids = [((byte(section, 8) & 0x1f) << 8) | byte(section, 9)]
  let entry = 12 + (((byte(section, 10) & 0x0f) << 8) | byte(section, 11))
  while (entry + 5 <= end) {
    pids.push(((byte(section, entry + 1) & 0x1f) << 8) | byte(section, entry + 2))
    entry += 5 + (((byte(section, entry + 3) & 0x0f) << 8) | byte(section, entry + 4))
  }
  return [...new Set(pids)].filter((pid) => pid !== nullPid)
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
