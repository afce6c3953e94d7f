// The tables at the head of a transport stream: which programme there is and what it consists of. For the
// engine that has to name PIDs to another program; the native remuxer reads its tables itself.
// Source: ISO/IEC 13818-1, 2.4.4; ETSI EN 300 468, annex D.

/** One track of sound. */
export interface SoundTrack {
  readonly pid: number
  /** ISO 639-2 as broadcast, '' where nothing is said */
  readonly language: string
  /** for those who do not see the picture */
  readonly isDescription: boolean
}

export interface ProgramTables {
  readonly program: number
  readonly pmtPid: number
  readonly pcrPid: number
  readonly video: readonly number[]
  readonly sound: readonly SoundTrack[]
  /** all PIDs that the PMT names */
  readonly pids: readonly number[]
}

const syncByte = 0x47
const packetBytes = 188
const strides = [188, 192, 204] // plain, with a time stamp, with a check sum
const syncsWanted = 5
const videoTypes = [0x01, 0x02, 0x10, 0x1b, 0x24, 0x33]
const soundTypes = [0x03, 0x04, 0x0f, 0x11, 0x81, 0x87]
const soundDescriptors = [0x6a, 0x7a, 0x7b, 0x7c] // AC-3, E-AC-3, DTS, AAC
const soundRegistrations = ['AC-3', 'EAC3', 'DTS1', 'DTS2', 'DTS3']
const privateType = 0x06
const languageTag = 0x0a
const registrationTag = 0x05
const visuallyImpaired = 3 // audio_type

/** What the bytes tell of the programme with this number; 0, or a number that the PAT does not have, takes
 *  the first whose PMT is there. Undefined while the tables are not complete. */
export function findProgram(bytes: Uint8Array, wanted: number): ProgramTables | undefined {
  const packets = packetsIn(bytes)
  const places = sectionsOf(packets, 0).filter(isTable(0x00)).flatMap(readPat)
  const asked = places.filter(({ program }) => program === wanted)
  for (const { program, pmtPid } of asked.length > 0 ? asked : places) {
    const pmt = sectionsOf(packets, pmtPid).find(
      (section) => isTable(0x02)(section) && section.readUInt16BE(3) === program,
    )
    if (pmt !== undefined) return readPmt(program, pmtPid, pmt)
  }
  return undefined
}

// Without those that an error bit or a scrambling bit makes useless.
function packetsIn(bytes: Uint8Array): Buffer[] {
  const all = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length)
  const sync = findSync(all)
  if (sync === undefined) return []
  const packets: Buffer[] = []
  for (let at = sync.at; at + packetBytes <= all.length; at += sync.stride) {
    const packet = all.subarray(at, at + packetBytes)
    if (packet[0] === syncByte && (packet.readUInt8(1) & 0x80) === 0 && (packet.readUInt8(3) & 0xc0) === 0)
      packets.push(packet)
  }
  return packets
}

function findSync(bytes: Buffer): { at: number; stride: number } | undefined {
  for (let at = 0; at + packetBytes <= bytes.length; at++) {
    if (bytes[at] !== syncByte) continue
    for (const stride of strides) {
      let count = 1
      while (count < syncsWanted && bytes[at + count * stride] === syncByte) count++
      if (count === syncsWanted) return { at, stride }
    }
  }
  return undefined
}

function sectionsOf(packets: readonly Buffer[], pid: number): Buffer[] {
  const sections: Buffer[] = []
  let open = Buffer.alloc(0)
  for (const packet of packets) {
    if ((packet.readUInt16BE(1) & 0x1fff) !== pid) continue
    const control = packet.readUInt8(3) & 0x30
    if (control === 0 || control === 0x20) continue // no payload
    let payload = packet.subarray(control === 0x30 ? 5 + packet.readUInt8(4) : 4)
    if ((packet.readUInt8(1) & 0x40) !== 0 && payload.length > 0) {
      const begin = 1 + payload.readUInt8(0)
      cut(Buffer.concat([open, payload.subarray(1, begin)]), sections)
      open = Buffer.alloc(0)
      payload = payload.subarray(begin)
    } else if (open.length === 0) continue
    open = cut(Buffer.concat([open, payload]), sections)
  }
  return sections
}

// Moves the whole sections at the front to the list. @returns what is left
function cut(bytes: Buffer, sections: Buffer[]): Buffer<ArrayBuffer> {
  let at = 0
  while (at + 3 <= bytes.length && bytes[at] !== 0xff) {
    const end = at + 3 + (bytes.readUInt16BE(at + 1) & 0x0fff)
    if (end > bytes.length) return Buffer.from(bytes.subarray(at))
    const section = bytes.subarray(at, end)
    if (section.length >= 12 && crcOf(section) === 0) sections.push(section)
    at = end
  }
  return Buffer.alloc(0)
}

// 0 over a whole section with its own at the end. Source: ISO/IEC 13818-1, annex A.
function crcOf(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0)
  }
  return crc
}

function isTable(id: number): (section: Buffer) => boolean {
  return (section) => section[0] === id && (section.readUInt8(5) & 1) === 1 // in effect now
}

function readPat(section: Buffer): { program: number; pmtPid: number }[] {
  const places: { program: number; pmtPid: number }[] = []
  for (let at = 8; at + 8 <= section.length; at += 4) {
    const program = section.readUInt16BE(at)
    if (program !== 0) places.push({ program, pmtPid: section.readUInt16BE(at + 2) & 0x1fff })
  }
  return places
}

function readPmt(program: number, pmtPid: number, section: Buffer): ProgramTables {
  const video: number[] = []
  const sound: SoundTrack[] = []
  const pids: number[] = []
  const last = section.length - 4
  for (let at = 12 + (section.readUInt16BE(10) & 0x0fff); at + 5 <= last;) {
    const type = section.readUInt8(at)
    const pid = section.readUInt16BE(at + 1) & 0x1fff
    const end = Math.min(last, at + 5 + (section.readUInt16BE(at + 3) & 0x0fff))
    const descriptors = readDescriptors(section.subarray(at + 5, end))
    pids.push(pid)
    if (videoTypes.includes(type)) video.push(pid)
    else if (isSound(type, descriptors)) sound.push(trackOf(pid, descriptors))
    at = end
  }
  return { program, pmtPid, pcrPid: section.readUInt16BE(8) & 0x1fff, video, sound, pids }
}

type Descriptors = ReadonlyMap<number, Buffer>

function readDescriptors(bytes: Buffer): Descriptors {
  const descriptors = new Map<number, Buffer>()
  for (let at = 0; at + 2 <= bytes.length;) {
    const end = at + 2 + bytes.readUInt8(at + 1)
    descriptors.set(bytes.readUInt8(at), bytes.subarray(at + 2, end))
    at = end
  }
  return descriptors
}

function isSound(type: number, descriptors: Descriptors): boolean {
  if (type !== privateType) return soundTypes.includes(type)
  const registration = descriptors.get(registrationTag)?.toString('latin1', 0, 4) ?? ''
  return soundDescriptors.some((tag) => descriptors.has(tag)) || soundRegistrations.includes(registration)
}

function trackOf(pid: number, descriptors: Descriptors): SoundTrack {
  const language = descriptors.get(languageTag)
  return {
    pid,
    language: language?.toString('latin1', 0, 3).toLowerCase() ?? '',
    isDescription: language?.[3] === visuallyImpaired,
  }
}
