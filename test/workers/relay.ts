// A remuxer for tests: passes whole packets on, in order, publishes where it is asked to, and calls every hundredth an access point.
import type { LaneRemuxer } from '../../src/workers/lane.ts'
import type { Mark, Place, Publish, RemuxStats } from '../../src/workers/native.ts'
import { packetBytes } from './packet.ts'

const noBytes = new Uint8Array(0)
const packetsPerPause = 8 // the relay's long work, before which it publishes

export class Relay implements LaneRemuxer {
  readonly #onPacket: (packet: Uint8Array) => void
  #rest: Uint8Array = noBytes // of the input, less than a packet
  #waiting: Uint8Array = noBytes // output that no window has taken yet
  #marks: Mark[] = []
  #packets = 0
  #bytesIn = 0
  #bytesOut = 0
  isClosed = false

  constructor(onPacket: (packet: Uint8Array) => void = () => undefined) {
    this.#onPacket = onPacket
  }

  push(bytes: Uint8Array, window?: Uint8Array, publish?: Publish): number {
    this.#bytesIn += bytes.length
    const input = Buffer.concat([this.#rest, bytes])
    const kept = this.#rest.length
    let at = Math.max(0, input.indexOf(0x47))
    let begin = at // of what does not wait in #waiting yet
    let room = window
    for (; at + packetBytes <= input.length; at += packetBytes) {
      const length = this.#waiting.length + at - begin
      const isPause = this.#packets % packetsPerPause === 0 && at >= kept && length > 0
      if (isPause && room !== undefined && publish !== undefined && length <= room.length) {
        this.#wait(input.subarray(begin, at))
        begin = at
        room = room.subarray(this.pull(room))
        publish(length, at - kept)
      }
      this.#take(input.subarray(at, at + packetBytes), at - begin)
    }
    this.#wait(input.subarray(begin, at))
    this.#rest = Uint8Array.from(input.subarray(at))
    return room === undefined ? 0 : this.pull(room)
  }

  pull(window: Uint8Array): number {
    const length = Math.min(this.#waiting.length, window.length - (window.length % packetBytes))
    window.set(this.#waiting.subarray(0, length))
    this.#waiting = this.#waiting.subarray(length)
    this.#bytesOut += length
    return length
  }

  flush(): void {
    this.#rest = noBytes
  }

  marks(): Mark[] {
    return this.#marks.splice(0)
  }

  stats(): RemuxStats {
    return { ...noStats, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut, packetsIn: this.#packets }
  }

  place: (into: Place) => void = () => undefined // it has no time

  close(): void {
    this.isClosed = true
  }

  #wait(packets: Uint8Array): void {
    this.#waiting = Buffer.concat([this.#waiting, packets])
  }

  #take(packet: Uint8Array, at: number): void {
    this.#onPacket(packet)
    const offset = this.#bytesOut + this.#waiting.length + at
    if (this.#packets++ % 100 === 0)
      this.#marks.push({ offset, pts: offset / 2, pcr: offset * 300, kind: 'idr' })
  }
}

export const noStats: RemuxStats = {
  bytesIn: 0,
  bytesOut: 0,
  packetsIn: 0,
  syncLosses: 0,
  skippedBytes: 0,
  nullPackets: 0,
  droppedPackets: 0,
  teiPackets: 0,
  invalidPackets: 0,
  duplicates: 0,
  continuityErrors: 0,
  scrambledPackets: 0,
  psiErrors: 0,
  program: 0,
  pmtVersions: 0,
  accessPoints: 0,
  discontinuities: 0,
  problem: '',
  tracks: [],
}
