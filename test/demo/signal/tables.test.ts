import { describe, expect, it } from 'vitest'
import {
  pidAt,
  readPcrBase,
  readStamp,
  startsUnit,
  writePcrBase,
  writeStamp,
} from '../../../src/demo/signal/packet.ts'
import { crc32, descriptor, eit, packetise, pat, pmt, sdt, tdt } from '../../../src/demo/signal/tables.ts'
import { teletextHeaderBytes, teletextPage } from '../../../src/demo/signal/teletext.ts'

const service = { serviceId: 1, transportId: 2, networkId: 3, serviceType: 1, name: 'Eins', provider: 'P' }

describe('a section', () => {
  it('has a CRC that comes out as 0, and says its length', () => {
    const event = { id: 7, begin: 0, durationSec: 60, title: 'ä'.repeat(200), text: 'x'.repeat(300) }
    const sections = [
      pat(1, new Map([[1, 256]])),
      pmt(1, 3, 256, []),
      sdt(service),
      ...eit(service, 0, [event, undefined]),
    ]
    for (const section of sections) {
      expect(crc32(section)).toBe(0)
      expect((section.readUInt16BE(1) & 0xfff) + 3).toBe(section.length)
    }
  })

  it('fills as many packets as it needs', () => {
    const entries = Array.from({ length: 30 }, (_, index) => ({
      pid: 300 + index,
      type: 6,
      descriptors: [descriptor(0x52, [index])],
    }))
    const packets = packetise(0x99, [pmt(1, 0, 300, entries)])
    expect(packets.length).toBe(2 * 188)
    expect([0, 188].map((at) => pidAt(packets, at))).toEqual([0x99, 0x99])
    expect([0, 188].map((at) => startsUnit(packets, at))).toEqual([true, false])
    expect(packets[188 + 3]).toBe(0x11)
  })
})

describe('tdt', () => {
  it('writes the example of EN 300 468, annex C', () => {
    const time = Date.UTC(1993, 9, 13, 12, 45, 0) / 1000
    expect(tdt(time).toString('hex')).toBe('707005c079124500')
  })
})

describe('a clock', () => {
  it.each([0, 1, 2 ** 30, 2 ** 32 + 12_345, 2 ** 33 - 1])('%d is read as it was written', (ticks) => {
    const bytes = Buffer.from([0x31, 0, 0, 0, 0, 0xff])
    writeStamp(bytes, 0, ticks)
    expect(readStamp(bytes, 0)).toBe(ticks)
    expect([bytes[0]! & 0xf1, bytes[2]! & 1, bytes[4]! & 1]).toEqual([0x31, 1, 1])
    const pcr = Buffer.from([0, 0, 0, 0, 0x7f, 0xff])
    writePcrBase(pcr, 0, ticks)
    expect(readPcrBase(pcr, 0)).toBe(ticks)
    expect([pcr[4]! & 0x7f, pcr[5]]).toEqual([0x7f, 0xff])
  })
})

describe('teletextPage', () => {
  it('makes payloads that fill a packet with their header', () => {
    const payloads = teletextPage(0x100, ['EINS', 'zwei', 'drei', 'vier'])
    expect(payloads).toHaveLength(2)
    for (const payload of payloads) expect(payload.length + teletextHeaderBytes).toBe(184)
  })
})
