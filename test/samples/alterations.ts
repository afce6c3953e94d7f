// Streams made out of streams: other packet sizes, packets left out, other tables, scrambled packets.
import { packetSize, pidAt } from '../../src/demo/signal/packet.ts'
import { descriptor, packetise, pat, pmt } from '../../src/demo/signal/tables.ts'
import { readStream, type Entry } from './stream.ts'

/** Random numbers that are the same for a seed, 0 .. below 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The packets of a stream; a rest at the end is left out. */
export function packetsOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.floor(bytes.length / packetSize) }, (_, place) =>
    bytes.subarray(place * packetSize, (place + 1) * packetSize),
  )
}

/** Sixteen bytes of check behind each packet. */
export function withChecks(bytes: Buffer): Buffer {
  const check = Buffer.alloc(16, 0xc5)
  return Buffer.concat(packetsOf(bytes).flatMap((packet) => [packet, check]))
}

/** Four bytes of arrival time before each packet. */
export function withArrivals(bytes: Buffer): Buffer {
  return Buffer.concat(
    packetsOf(bytes).flatMap((packet, place) => {
      const arrival = Buffer.alloc(4)
      arrival.writeUInt32BE(place * 300)
      return [arrival, packet]
    }),
  )
}

/** Without the part from one share of the packets to another, 0 .. 1. */
export function withoutPart(bytes: Buffer, from: number, to: number): Buffer {
  const packets = packetsOf(bytes)
  const isKept = (place: number) => place < from * packets.length || place >= to * packets.length
  return Buffer.concat(packets.filter((_, place) => isKept(place)))
}

/** Only the packets of the PIDs that are wanted. */
export function onlyPids(bytes: Buffer, isWanted: (pid: number) => boolean): Buffer {
  return Buffer.concat(packetsOf(bytes).filter((packet) => isWanted(pidAt(packet, 0))))
}

/** Packets of some PIDs marked as scrambled; what they carry is turned around. */
export function scramble(bytes: Buffer, isScrambled: (pid: number) => boolean): Buffer {
  return Buffer.concat(
    packetsOf(bytes).map((packet) => {
      if (!isScrambled(pidAt(packet, 0))) return packet
      const turned = Buffer.from(packet)
      turned[3] = packet[3]! | 0x80
      const hasField = (packet[3]! & 0x20) !== 0
      for (let at = hasField ? 5 + packet[4]! : 4; at < packetSize; at++) turned[at] = packet[at]! ^ 0x5a
      return turned
    }),
  )
}

/** With a PAT of other programs in place of its own. */
export function withPat(bytes: Buffer, programs: ReadonlyMap<number, number>): Buffer {
  return withTable(bytes, 0, packetise(0, [pat(1, programs)]))
}

/** With other entries in its PMT, which has to fit into a packet. */
export function withEntries(bytes: Buffer, change: (entry: Entry) => Entry): Buffer {
  const { program, pid, version, pcrPid, entries } = readStream(bytes).maps.at(-1)!
  const changed = entries.map(change).map((entry) => ({
    ...entry,
    descriptors: entry.descriptors.map(({ tag, body }) => descriptor(tag, body)),
  }))
  return withTable(bytes, pid, packetise(pid, [pmt(program, version, pcrPid, changed)]))
}

function withTable(bytes: Buffer, pid: number, table: Buffer): Buffer {
  return Buffer.concat(
    packetsOf(bytes).map((packet) => {
      if (pidAt(packet, 0) !== pid) return packet
      const other = Buffer.from(table)
      other[3] = packet[3]!
      return other
    }),
  )
}
