import { describe, expect, it } from 'vitest'
import { descriptor, packetise, pat, pmt } from '../../src/demo/signal/tables.ts'
import { chooseTracks } from '../../src/stream/command.ts'
import { findProgram } from '../../src/stream/tables.ts'

const language = (code: string, type = 0) => descriptor(0x0a, [...Buffer.from(code), type])
const many = Array.from({ length: 30 }, (_, index) => descriptor(0x52, [index])) // a PMT of two packets
const entries = [
  { pid: 0x1ff, type: 0x1b, descriptors: many },
  { pid: 0x200, type: 0x06, descriptors: [descriptor(0x6a, [0]), language('Deu')] },
  { pid: 0x201, type: 0x03, descriptors: [language('eng', 3)] },
  { pid: 0x202, type: 0x06, descriptors: [descriptor(0x56, [0]), language('deu')] }, // teletext
  { pid: 0x203, type: 0x06, descriptors: [descriptor(0x05, Buffer.from('AC-3'))] },
]
const programs = new Map([
  [0, 0x10],
  [1, 0x100],
  [0x132f, 0x64],
])
const other = packetise(0x100, [pmt(1, 0, 0x300, [{ pid: 0x300, type: 0x02, descriptors: [] }])])
const head = packetise(0, [pat(5, programs)])
const ours = packetise(0x64, [pmt(0x132f, 0, 0x1ff, entries)])
const padding = packetise(0x1fff, [Buffer.alloc(900, 0xff)])
const stream = Buffer.concat([padding, head, other, ours])

describe('findProgram', () => {
  it('tells what a programme consists of', () => {
    expect(findProgram(stream, 0x132f)).toEqual({
      program: 0x132f,
      pmtPid: 0x64,
      pcrPid: 0x1ff,
      video: [0x1ff],
      sound: [
        { pid: 0x200, language: 'deu', isDescription: false },
        { pid: 0x201, language: 'eng', isDescription: true },
        { pid: 0x203, language: '', isDescription: false },
      ],
      pids: [0x1ff, 0x200, 0x201, 0x202, 0x203],
    })
  })

  it('takes the first whose PMT is there where none, or one that is unknown, is asked for', () => {
    expect(findProgram(stream, 0)?.program).toBe(1)
    expect(findProgram(stream, 77)?.program).toBe(1)
    expect(findProgram(Buffer.concat([padding, head, ours]), 0)?.program).toBe(0x132f)
  })

  it('waits for the PMT of the one that is asked for', () => {
    expect(findProgram(Buffer.concat([padding, head, other]), 0x132f)).toBeUndefined()
    expect(findProgram(stream.subarray(0, -1), 0x132f)).toBeUndefined()
  })

  it('finds it behind half a packet, and in packets of 192 and 204 bytes', () => {
    expect(findProgram(stream.subarray(100), 0x132f)?.pmtPid).toBe(0x64)
    for (const size of [192, 204]) {
      const packets = Array.from({ length: stream.length / 188 }, (_, at) => [
        stream.subarray(at * 188, (at + 1) * 188),
        Buffer.alloc(size - 188),
      ])
      expect(findProgram(Buffer.concat(packets.flat()), 0x132f)?.pmtPid).toBe(0x64)
    }
  })

  it('believes no table with a wrong check sum', () => {
    const broken = Buffer.from(stream)
    broken[broken.indexOf(ours) + 20]! ^= 1
    expect(findProgram(broken, 0x132f)).toBeUndefined()
  })

  it('finds nothing in nothing, and nothing in noise', () => {
    expect(findProgram(new Uint8Array(), 0)).toBeUndefined()
    expect(findProgram(Buffer.alloc(4000, 0x47), 0)).toBeUndefined()
  })
})

describe('chooseTracks', () => {
  const track = (pid: number, code: string, isDescription = false) => ({ pid, language: code, isDescription })
  const tracks = [track(1, 'eng', true), track(2, 'ger'), track(3, 'eng'), track(4, 'ger', true)]
  const pidsOf = (wanted: string[], choice: 'all' | 'one' = 'all') =>
    chooseTracks(tracks, { language: wanted, tracks: choice }).map(({ pid }) => pid)

  it('puts the languages in order, and description never first', () => {
    expect(pidsOf(['eng', 'deu'])).toEqual([3, 2, 1, 4])
    expect(pidsOf([])).toEqual([2, 3, 1, 4])
    expect(pidsOf(['deu'])).toEqual([2, 4])
    expect(pidsOf(['deu'], 'one')).toEqual([2])
  })

  it('takes another language rather than none', () => {
    expect(pidsOf(['fra'])).toEqual([2])
    expect(chooseTracks([], { language: ['fra'], tracks: 'all' })).toEqual([])
  })
})
