import { describe, expect, it } from 'vitest'
import { formatXml, lineupOf } from '../../src/hdhomerun/lineup.ts'
import { channel } from './channels.ts'

const options = { base: 'http://192.0.2.1:5004', audio: 'aac', favourites: new Set<string>() } as const
const ofType = (type: string, isHd = false) => channel(1, { ref: `1:0:${type}:1:1:1:C00000:0:0:0:`, isHd })

describe('lineupOf', () => {
  it('lists number, name and address, and leaves out what is not so', () => {
    expect(lineupOf([channel(7, { name: 'Küche & Co', ref: '1:134:1:0:0:0:0:0:0:0:' })], options)).toEqual([
      { GuideNumber: '7', GuideName: 'Küche & Co', AudioCodec: 'AAC', URL: 'http://192.0.2.1:5004/auto/v7' },
    ])
  })

  it.each([
    ['1', false, 'MPEG2'],
    ['1', true, undefined],
    ['11', true, 'MPEG2'],
    ['16', false, 'H264'],
    ['19', true, 'H264'],
    ['1F', true, 'HEVC'],
    ['20', true, 'HEVC'],
    ['2', false, undefined],
  ])('says of service type %s, HD %s: %s', (type, isHd, codec) => {
    expect(lineupOf([ofType(type, isHd)], options)[0]!.VideoCodec).toBe(codec)
  })

  it.each([
    ['aac', 'AAC'],
    ['mp3', 'MPEG'],
    [undefined, undefined],
  ] as const)('says of sound that becomes %s: %s', (audio, codec) => {
    expect(lineupOf([channel(1)], { ...options, audio })[0]!.AudioCodec).toBe(codec)
  })

  it('marks high definition and favourites', () => {
    const lineup = [channel(1, { isHd: true }), channel(2)]
    const [hd, favourite] = lineupOf(lineup, { ...options, favourites: new Set([lineup[1]!.id]) })
    expect([hd!.HD, hd!.Favorite]).toEqual([1, undefined])
    expect([favourite!.HD, favourite!.Favorite]).toEqual([undefined, 1])
  })
})

describe('formatXml', () => {
  it('escapes what receivers call channels', () => {
    const text = formatXml(lineupOf([channel(1, { name: '<A> & "B"' })], options))
    expect(text).toContain('<Program><GuideNumber>1</GuideNumber><GuideName>&lt;A&gt; &amp; &quot;B&quot;<')
  })
})
