// The tables of a programme: PAT, PMT, SDT, EIT, TDT, as sections and as packets.
// Sources: ISO/IEC 13818-1, 2.4.4; EN 300 468, 5.2 and 6.2.
import { packetSize, syncByte } from './packet.ts'

export const patPid = 0x00
export const sdtPid = 0x11
export const eitPid = 0x12
export const tdtPid = 0x14

/** One elementary stream as the PMT announces it. */
export interface Entry {
  readonly pid: number
  readonly type: number
  readonly descriptors: readonly Buffer[]
}

export interface Service {
  readonly serviceId: number
  readonly transportId: number
  readonly networkId: number
  /** DVB service type: 1 SD TV, 2 radio, 0x19 HD H.264, 0x1F HEVC. */
  readonly serviceType: number
  readonly name: string
  readonly provider: string
}

export interface EitEvent {
  readonly id: number
  /** Unix seconds. */
  readonly begin: number
  readonly durationSec: number
  readonly title: string
  readonly text: string
}

export function descriptor(tag: number, body: Buffer | readonly number[]): Buffer {
  return Buffer.from([tag, body.length, ...body])
}

/** PAT of a transport stream: every programme with the PID of its PMT. */
export function pat(transportId: number, programs: ReadonlyMap<number, number>): Buffer {
  const rows = [...programs].flatMap(([id, pid]) => [id >> 8, id & 0xff, 0xe0 | (pid >> 8), pid & 0xff])
  return longSection(0x00, transportId, 0, Buffer.from(rows))
}

export function pmt(serviceId: number, version: number, pcrPid: number, entries: readonly Entry[]): Buffer {
  const rows = entries.map(({ pid, type, descriptors }) => {
    const info = Buffer.concat(descriptors)
    return Buffer.concat([
      Buffer.from([type, ...pid13(pid), 0xf0 | (info.length >> 8), info.length & 0xff]),
      info,
    ])
  })
  return longSection(
    0x02,
    serviceId,
    version,
    Buffer.concat([Buffer.from([...pid13(pcrPid), 0xf0, 0]), ...rows]),
  )
}

/** SDT actual with one service. */
export function sdt(service: Service): Buffer {
  const { serviceType, networkId, serviceId } = service
  const provider = dvbText(service.provider, 60)
  const name = dvbText(service.name, 60)
  const info = descriptor(0x48, [serviceType, provider.length, ...provider, name.length, ...name])
  const body = [networkId >> 8, networkId & 0xff, 0xff, serviceId >> 8, serviceId & 0xff]
  const status = [0xfd, 0x80 | (info.length >> 8), info.length & 0xff] // present/following only; running
  return longSection(
    0x42,
    service.transportId,
    0,
    Buffer.concat([Buffer.from([...body, ...status]), info]),
    0xf0,
  )
}

/** EIT present/following: section 0 is what runs now, section 1 what follows. */
export function eit(service: Service, version: number, events: readonly [EitEvent?, EitEvent?]): Buffer[] {
  const { transportId, networkId, serviceId } = service
  const head = [transportId >> 8, transportId & 0xff, networkId >> 8, networkId & 0xff, 1, 0x4e]
  return events.map((event, number) => {
    const running = number === 0 ? 0x80 : 0x20
    const body = event === undefined ? [] : [eitRow(event, running)]
    return longSection(0x4e, serviceId, version, Buffer.concat([Buffer.from(head), ...body]), 0xf0, number, 1)
  })
}

function eitRow({ id, begin, durationSec, title, text }: EitEvent, running: number): Buffer {
  const name = dvbText(title, 100)
  const short = dvbText(text, 140)
  const info = descriptor(0x4d, [...Buffer.from('deu'), name.length, ...name, short.length, ...short])
  const head = [id >> 8, id & 0xff, ...dvbTime(begin), ...bcdDuration(durationSec)]
  return Buffer.concat([Buffer.from([...head, running | (info.length >> 8), info.length & 0xff]), info])
}

/** TDT: the time of day, UTC. Has neither version nor CRC. */
export function tdt(unixSec: number): Buffer {
  return Buffer.from([0x70, 0x70, 5, ...dvbTime(unixSec)])
}

/** Sections as packets of one PID, continuity from 0; the last packet is filled with FF. */
export function packetise(pid: number, sections: readonly Buffer[]): Buffer {
  const packets: Buffer[] = []
  for (const section of sections) {
    const bytes = Buffer.concat([Buffer.of(0), section])
    for (let from = 0; from < bytes.length; from += packetSize - 4) {
      const packet = Buffer.alloc(packetSize, 0xff)
      const begin = from === 0 ? 0x40 : 0
      packet.set([syncByte, begin | (pid >> 8), pid & 0xff, 0x10 | (packets.length & 0x0f)])
      bytes.copy(packet, 4, from)
      packets.push(packet)
    }
  }
  return Buffer.concat(packets)
}

function longSection(
  tableId: number,
  extension: number,
  version: number,
  body: Buffer,
  flags = 0xb0,
  number = 0,
  last = 0,
): Buffer {
  const length = 5 + body.length + 4
  if (length > 1021 && tableId < 0x40) throw new RangeError(`section of ${length} bytes, at most 1021`)
  const head = [tableId, flags | (length >> 8), length & 0xff, extension >> 8, extension & 0xff]
  const bytes = Buffer.concat([Buffer.from([...head, 0xc1 | ((version & 0x1f) << 1), number, last]), body])
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(bytes))
  return Buffer.concat([bytes, crc])
}

/** CRC-32/MPEG-2. */
export function crc32(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = ((crc << 8) ^ (crcTable[(crc >>> 24) ^ byte] ?? 0)) >>> 0
  return crc
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc >>> 0
})

function pid13(pid: number): [number, number] {
  return [0xe0 | (pid >> 8), pid & 0xff]
}

/** Text as DVB sends it: UTF-8 behind its selector 0x15, cut at a character. */
function dvbText(text: string, limitBytes: number): Buffer {
  let kept = ''
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > limitBytes) break
    kept += character
  }
  return Buffer.concat([Buffer.of(0x15), Buffer.from(kept)])
}

/** Modified Julian day and BCD time, 5 bytes, UTC. Source: EN 300 468, annex C. */
function dvbTime(unixSec: number): number[] {
  const day = Math.floor(unixSec / 86_400) + 40_587
  return [day >> 8, day & 0xff, ...bcdDuration(unixSec % 86_400)]
}

function bcdDuration(seconds: number): number[] {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60]
  return parts.map((part) => (Math.floor(part / 10) << 4) | (part % 10))
}
