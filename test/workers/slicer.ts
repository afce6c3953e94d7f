// A packager for tests: each packet is a part, two parts a segment.
import type { LanePackager } from '../../src/workers/packing.ts'
import type { PackagedRecord, PackagedTrack } from '../../src/workers/packaging.ts'
import { packetBytes, readNumber } from './packet.ts'

export const soundTrack: PackagedTrack = {
  track: 0,
  kind: 'audio',
  codecs: 'mp4a.40.2',
  frameRate: 0,
  width: 0,
  height: 0,
  isInterlaced: false,
  language: 'deu',
  isDescription: true,
  channels: 2,
}

export class Slicer implements LanePackager {
  readonly #onPacket: (packet: Uint8Array) => void
  readonly #records: PackagedRecord[] = [{ kind: 'tracks', tracks: [soundTrack] }]
  #rest = Buffer.alloc(0) // of the input, less than a packet
  isClosed = false

  constructor(onPacket: (packet: Uint8Array) => void = () => undefined) {
    this.#onPacket = onPacket
  }

  push(bytes: Uint8Array): void {
    const input = Buffer.concat([this.#rest, bytes])
    const end = input.length - (input.length % packetBytes)
    for (let at = 0; at < end; at += packetBytes) {
      const packet = input.subarray(at, at + packetBytes)
      this.#onPacket(packet)
      this.#records.push(partOf(packet))
    }
    this.#rest = input.subarray(end)
  }

  flush(): void {
    this.#records.push({ kind: 'init', track: 0, bytes: Buffer.from('flushed') })
  }

  take(): PackagedRecord | undefined {
    return this.#records.shift()
  }

  close(): void {
    this.isClosed = true
  }
}

/** What a slicer makes of a packet. */
export function partOf(packet: Uint8Array): PackagedRecord {
  const number = readNumber(packet)
  return {
    kind: 'part',
    track: 1,
    msn: 900_000_000 + (number >> 1),
    part: number & 1,
    time: 2 ** 40 + number * 3600,
    duration: 3600,
    utcMs: 1_790_000_000_000 + number * 40,
    isIndependent: number % 2 === 0,
    isLast: number % 2 === 1,
    isDiscontinuous: number % 3 === 0,
    bytes: Buffer.from(packet),
  }
}
