import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/demo/signal/tables.ts'
import { adaptationPacket, continuityOf, packetBytes, pidOf, setContinuity } from '../../src/stream/packet.ts'
import { audioPid, pmtPid, Programme, videoPid } from '../stream/programme.ts'
import { Judge, type Strictness } from './judge.ts'

const frameTicks = 3600
const frameMs = 40

/** Tables, then so many pictures with sound, as packets; the tables have their check sums. */
function stream(frames: number): Buffer[] {
  const programme = new Programme()
  for (let frame = 0; frame < frames; frame++) {
    if (frame % 10 === 0) programme.tables()
    programme.picture(90_000 + frame * frameTicks).sound(90_000 + frame * frameTicks)
  }
  return packetsOf(programme.take()).map(sealed)
}

function packetsOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length / packetBytes }, (_, place) =>
    bytes.subarray(place * packetBytes, (place + 1) * packetBytes),
  )
}

function sealed(packet: Buffer): Buffer {
  if (pidOf(packet) !== 0 && pidOf(packet) !== pmtPid) return packet
  const end = 8 + (packet.readUInt16BE(6) & 0x0fff) - 4
  packet.writeUInt32BE(crc32(packet.subarray(5, end)), end)
  return packet
}

/** What the judge says of packets that come one after the other in real time. */
function judged(packets: readonly Buffer[], strictness: Strictness = 'all', rest: Buffer = Buffer.alloc(0)) {
  const faults: string[] = []
  let now = 0
  const judge = new Judge({ strictness, onFault: (what) => faults.push(what), now: () => now })
  for (const packet of packets) {
    now += frameMs / 5
    judge.take(packet)
  }
  judge.take(rest)
  judge.end()
  return faults
}

const without = (packets: readonly Buffer[], place: number) => packets.toSpliced(place, 1)
const placesOf = (packets: readonly Buffer[], wanted: number) =>
  packets.flatMap((packet, place) => (pidOf(packet) === wanted ? [place] : []))

describe('Judge', () => {
  it('has nothing to say of a stream as it ought to be, however it is cut', () => {
    const faults: string[] = []
    const judge = new Judge({ onFault: (what) => faults.push(what) })
    const bytes = Buffer.concat(stream(40))
    for (let at = 0; at < bytes.length; at += 777) judge.take(bytes.subarray(at, at + 777))
    judge.end()
    expect(faults).toEqual([])
    expect(judge.packets).toBe(bytes.length / packetBytes)
  })

  it('finds a packet that is missing, unless a break is told', () => {
    const packets = stream(20)
    const place = placesOf(packets, videoPid)[10]!
    const broken = without(packets, place)
    expect(judged(broken)).toEqual([expect.stringContaining('PID 0x101: counter')])
    const told = adaptationPacket(videoPid, continuityOf(packets[place]!), { isDiscontinuous: true })
    expect(judged(broken.toSpliced(place, 0, told))).toEqual([])
    expect(judged(broken, 'tables')).toEqual([])
  })

  it('finds a table that is missing or damaged also where the source is', () => {
    const packets = stream(30)
    const place = placesOf(packets, pmtPid)[1]!
    expect(judged(without(packets, place), 'tables')).toEqual([expect.stringContaining('PID 0x100: counter')])
    packets[place]![9]! ^= 1
    expect(judged(packets, 'tables')).toEqual([expect.stringContaining('wrong check sum')])
    expect(judged(packets, 'nothing')).toEqual([])
  })

  it('finds a stream that does not begin with its tables', () => {
    expect(judged(stream(5).slice(2))[0]).toContain('comes before PAT and PMT')
  })

  it('finds a PID that nobody announced', () => {
    const packets = stream(5)
    const stray = Buffer.from(packets.at(-1)!)
    stray.writeUInt16BE(0x300, 1)
    expect(judged([...packets, stray])).toEqual([expect.stringContaining('the PMT does not have it')])
  })

  it('finds a jump of time', () => {
    const calm = stream(100)
    const programme = new Programme()
      .tables()
      .picture(90_000)
      .picture(90_000 + 4 * 90_000)
    expect(judged(packetsOf(programme.take()).map(sealed))).toEqual([
      expect.stringContaining('time moves by 360000 ticks'),
    ])
    expect(judged(calm)).toEqual([])
  })

  it('finds sound that is announced and does not come any more', () => {
    const packets = stream(600)
    const silent = packets.filter((packet, place) => place < 100 || pidOf(packet) !== audioPid)
    expect(judged(silent)[0]).toContain('PID 0x102 is announced and did not come')
  })

  it('finds a torn packet, at the end and inside', () => {
    const packets = stream(3)
    expect(judged(packets, 'all', packets[0]!.subarray(0, 100))).toEqual([
      'it ended with 100 bytes of a packet',
    ])
    const lost = Buffer.concat(packets).subarray(1)
    const faults: string[] = []
    new Judge({ onFault: (what) => faults.push(what) }).take(lost)
    expect(faults[0]).toContain('packet 0 begins with')
  })

  it('does not count filling, and takes a counter that stands still without payload', () => {
    const packets = stream(3)
    const filling = Buffer.alloc(packetBytes, 0xff)
    filling.set([0x47, 0x1f, 0xff, 0x10])
    const pause = adaptationPacket(videoPid, 0)
    setContinuity(pause, continuityOf(packets.findLast((packet) => pidOf(packet) === videoPid)!))
    expect(judged([...packets, filling, pause, filling])).toEqual([])
  })
})
