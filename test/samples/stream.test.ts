// The reader of these tests has to find what is wrong, or the others would pass for nothing.
import { beforeAll, describe, expect, it } from 'vitest'
import { payloadAt, pcrAt, pidAt, startsUnit } from '../../src/demo/signal/packet.ts'
import { packetsOf } from './alterations.ts'
import { made, pictures, recipe } from './recipes.ts'
import { readStream } from './stream.ts'

const [video, sound] = [0x100, 0x101]
const clean = recipe('h264-mp2', pictures.h264, [{ voice: 1, coding: ['-c', 'mp2', '-b', '256k'] }])
let source: Buffer

beforeAll(async () => {
  source = await made(clean)
})

describe('readStream', () => {
  it('finds nothing wrong with what ffmpeg writes', () => {
    const { faults, maps, units } = readStream(source)
    expect(faults).toEqual([])
    expect(maps[0]?.entries.map(({ type, pid }) => [type, pid])).toEqual([
      [0x1b, video],
      [0x03, sound],
    ])
    expect(units.get(sound)?.length).toBeGreaterThan(50)
  })

  it.each([
    { what: 'counter 2 in place of 1', change: (list: Buffer[]) => list.toSpliced(nth(list, sound, 1), 1) },
    { what: 'CRC wrong', change: (list: Buffer[]) => flip(list, nth(list, 0x1000, 0), 10) },
    { what: 'CRC wrong', change: (list: Buffer[]) => flip(list, nth(list, 0, 3), 9) },
    {
      what: 'PES packet too short',
      change: (list: Buffer[]) => flip(list, nth(list, sound, 2, startsUnit), 'length'),
    },
    {
      what: 'no PES header',
      change: (list: Buffer[]) => flip(list, nth(list, sound, 2, startsUnit), 'start code'),
    },
    {
      what: 'adaptation field of a wrong length',
      change: (list: Buffer[]) => flip(list, nth(list, video, 0, hasPcr), 4),
    },
    { what: 'no sync byte', change: (list: Buffer[]) => flip(list, 100, 0) },
  ])('finds: $what', ({ what, change }) => {
    const bytes = Buffer.concat(change(packetsOf(source)))
    expect(readStream(bytes).faults.map((fault) => fault.what)).toContain(what)
  })

  it('finds a part of a packet at the end', () => {
    expect(readStream(source.subarray(0, 1000)).faults[0]?.what).toBe('1000 bytes are no whole packets')
  })
})

const places = { 'start code': 2, length: 4 } // in a PES header

function hasPcr(packet: Buffer): boolean {
  return pcrAt(packet, 0) > 0
}

/** The place of a packet of a PID, counted from 0 among those that are meant. */
function nth(
  packets: readonly Buffer[],
  pid: number,
  number: number,
  isMeant: (packet: Buffer, at: number) => boolean = () => true,
): number {
  const isFound = (packet: Buffer) => pidAt(packet, 0) === pid && isMeant(packet, 0)
  return packets.indexOf(packets.filter(isFound)[number]!)
}

/** With all bits of one byte turned: a place in the packet, or in its PES header. */
function flip(packets: readonly Buffer[], place: number, at: number | keyof typeof places): Buffer[] {
  const turned = Buffer.from(packets[place]!)
  turned[typeof at === 'number' ? at : payloadAt(turned, 0) + places[at]]! ^= 0xff
  return packets.with(place, turned)
}
