import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame, frameOf } from '../../src/hdhomerun/frame.ts'
import { parseInquiry, repliesTo } from '../../src/hdhomerun/inquiry.ts'
import { decodeTags, tags, valueOf } from '../../src/hdhomerun/tag.ts'
import { device, second, vectors } from './devices.ts'

const all = { deviceId: undefined }

function inquiry(payload: string, type = 2): Buffer {
  return encodeFrame(type, Buffer.from(payload.replaceAll(' ', ''), 'hex'))
}

function told(reply: Buffer, tag: number): string | undefined {
  return valueOf(decodeTags(frameOf(reply)!.payload)!, tag)?.toString()
}

describe('parseInquiry', () => {
  it.each([
    ['any device', vectors.anyDevice],
    ['any tuner, no id', vectors.tunersOnly],
    ['tuners and storage, no id', vectors.severalTypes],
    ['tuners and every id', inquiry('0104 00000001 0204 ffffffff')],
    ['storage and, in a list, tuners', inquiry('0104 00000005 2d04 00000001')],
    ['tags nobody knows', inquiry('7700 0104 00000001 99020000')],
  ])('understands who asks for %s', (_, packet) => {
    expect(parseInquiry(packet)).toEqual(all)
  })

  it('understands who asks for one id', () => {
    expect(parseInquiry(inquiry('0104 00000001 0204 10439efd'))).toEqual({ deviceId: 0x10439efd })
  })

  it.each([
    ['storage', inquiry('0104 00000005')],
    ['a list without tuners', inquiry('2d08 00000005 00000006')],
    ['nothing', inquiry('')],
    ['an id alone', inquiry('0204 10439efd')],
    ['a type of two bytes', inquiry('0102 0001')],
    ['an id of two bytes', inquiry('0104 00000001 0202 1043')],
    ['a list that is no list', inquiry('2d03 000001')],
    ['a tag cut short', inquiry('0104 00000001 02')],
    ['a reply', vectors.reply],
    ['a variable', vectors.getModel],
    ['an upgrade', inquiry('0104 00000001', 6)],
    ['noise', Buffer.from('M-SEARCH * HTTP/1.1')],
    ['an empty packet', Buffer.alloc(0)],
  ])('hears nothing in %s', (_, packet) => {
    expect(parseInquiry(packet)).toBeUndefined()
  })
})

describe('repliesTo', () => {
  it('is the documented reply', () => {
    expect(repliesTo(all, [device], '192.168.1.10')).toEqual([vectors.reply])
  })

  it('is one for each device, or for the one that was asked for', () => {
    const urls = (deviceId?: number) =>
      repliesTo({ deviceId }, [device, second], '10.0.0.1').map((reply) => told(reply, tags.lineupUrl))
    const lineups = ['http://10.0.0.1:5004/lineup.json', 'http://10.0.0.1:5004/2/lineup.json']
    expect(urls()).toEqual(lineups)
    expect(urls(0x124205a5)).toEqual([lineups[1]])
    expect(urls(0x12345674)).toEqual([])
  })

  it('puts an IPv6 address into brackets', () => {
    expect(told(repliesTo(all, [device], 'fd00::2')[0]!, tags.baseUrl)).toBe('http://[fd00::2]:5004')
  })

  it('tells of any number of tuners', () => {
    fc.assert(
      fc.property(fc.nat(1000), (tuners) => {
        const [reply] = repliesTo(all, [{ ...device, tuners }], '10.0.0.1')
        const count = valueOf(decodeTags(frameOf(reply!)!.payload)!, tags.tunerCount)
        expect(count).toEqual(Buffer.from([Math.min(255, tuners)]))
      }),
    )
  })
})
