// Codecs of a playlist, what a browser lacks of them, and how people call them.
import { describe, expect, it } from 'vitest'
import { codecsIn, isSound, missing, nameOf } from '../../../../src/web/page/player/codecs.ts'

const playlist = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS="hvc1.2.4.L150.90,mp4a.40.2",RESOLUTION=1920x1080
main/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS="avc1.640028, mp4a.40.2"
small/index.m3u8
`

describe('codecsIn', () => {
  it('names each codec once', () => {
    expect(codecsIn(playlist)).toEqual(['hvc1.2.4.L150.90', 'mp4a.40.2', 'avc1.640028'])
  })

  it('is empty where the playlist tells none', () => {
    expect(codecsIn('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n')).toEqual([])
  })
})

describe('missing', () => {
  it('asks for sound and picture by their own types', () => {
    const asked: string[] = []
    const canPlay = (type: string) => asked.push(type) > 0 && !type.includes('hvc1')
    expect(missing(codecsIn(playlist), canPlay)).toEqual(['hvc1.2.4.L150.90'])
    expect(asked).toContain('audio/mp4; codecs="mp4a.40.2"')
    expect(asked).toContain('video/mp4; codecs="avc1.640028"')
  })
})

describe('nameOf', () => {
  it.each([
    ['hvc1.2.4.L150.90', 'HEVC (H.265)', false],
    ['mp2v', 'MPEG-2', false],
    ['mp4v.61', 'MPEG-2', false],
    ['avc1.640028', 'H.264', false],
    ['ac-3', 'Dolby Digital', true],
    ['ec-3', 'Dolby Digital Plus', true],
    ['mp4a.40.2', 'AAC', true],
    ['mp4a.40.34', 'MPEG sound', true],
    ['xyz1', 'xyz1', false],
  ])('%s is %s', (codec, name, isAudible) => {
    expect(nameOf(codec)).toBe(name)
    expect(isSound(codec)).toBe(isAudible)
  })
})
