import { describe, expect, it } from 'vitest'
import { parseQuery } from '../../src/stream/query.ts'
import { defaultProfile } from '../../src/workers/profile.ts'

const parse = (query: string) => parseQuery(new URLSearchParams(query), defaultProfile)

describe('parseQuery', () => {
  it.each([
    ['', {}, false, undefined],
    ['audio=mp3', { audio: 'mp3' }, true, undefined],
    ['audio=copy', { audio: 'copy' }, false, undefined],
    ['audio=copy&language=eng', { audio: 'copy', language: ['eng'] }, true, undefined],
    ['bitrate=128k', { bitrate: 128_000 }, true, undefined],
    ['bitrate=96000&channels=1', { bitrate: 96_000, channels: 1 }, true, undefined],
    ['language=deu,eng', { language: ['deu', 'eng'] }, true, undefined],
    ['duration=30', {}, false, 30_000],
    ['video=copy', {}, false, undefined],
    ['sessionid=abc&ticket=1&_=2', {}, false, undefined],
    ['program=5&keepOriginal=true', {}, false, undefined], // the reference says which programme
  ])('reads %j', (query, asked, isTransform, durationMs) => {
    expect(parse(query)).toEqual({
      profile: { ...defaultProfile, ...asked },
      isTransform,
      durationMs,
      priority: 'normal',
    })
  })

  it('reads a priority', () => {
    expect(parse('priority=high').priority).toBe('high')
  })

  it.each([
    ['priority=urgent', 'Expected one of low, normal, high for priority but received "urgent"'],
    ['audio=opus', 'Expected one of aac, mp3, copy for audio but received "opus"'],
    ['audio=', 'for audio but received ""'],
    ['bitrate=1500000', 'for bitrate but received "1500000"'],
    ['channels=5', 'for channels but received "5"'],
    ['language=german', 'for language but received "german"'],
    ['duration=0', 'Expected whole seconds from 1 to 604800 for duration but received "0"'],
    ['duration=-5', 'for duration'],
    ['duration=1e9', 'for duration'],
    ['duration=604801', 'for duration'],
    ['video=h264', 'Expected copy (the picture passes unchanged) for video but received "h264"'],
    ['height=720', 'for height but received "720"'],
  ])('refuses %s', (query, message) => {
    expect(() => parse(query)).toThrow(message)
  })
})
