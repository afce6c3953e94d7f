import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { defaultProfile, parseProfile } from '../../src/workers/profile.ts'

describe('parseProfile', () => {
  it.each([
    [{}, {}],
    [{ audio: 'mp3' }, { audio: 'mp3' }],
    [{ audio: undefined, bitrate: undefined }, {}],
    [{ encoder: 'libavcodec' }, { encoder: 'libavcodec' }],
    [{ bitrate: '256k' }, { bitrate: 256_000 }],
    [{ bitrate: '32000' }, { bitrate: 32_000 }],
    [{ bitrate: 512_000 }, { bitrate: 512_000 }],
    [{ channels: '6' }, { channels: 6 }],
    [{ channels: 1 }, { channels: 1 }],
    [{ language: 'DEU, eng' }, { language: ['deu', 'eng'] }],
    [{ language: ['fra', 'fra'] }, { language: ['fra'] }],
    [{ language: '' }, { language: [] }],
    [{ tracks: 'one' }, { tracks: 'one' }],
    [{ program: '28106' }, { program: 28_106 }],
    [{ program: 0 }, { program: 0 }],
    [{ keepOriginal: 'yes' }, { keepOriginal: true }],
    [{ keepOriginal: true }, { keepOriginal: true }],
    [
      { audio: 'mp3', bitrate: '320k', channels: 2 },
      { audio: 'mp3', bitrate: 320_000 },
    ],
  ] as const)('reads %j', (input, result) => {
    expect(parseProfile(input)).toEqual({ ...defaultProfile, ...result })
  })

  it.each([
    [{ audio: 'opus' }, 'Expected one of aac, mp3, copy for audio but received "opus"'],
    [{ audio: 5 }, 'Expected one of aac, mp3, copy for audio but received 5'],
    [{ bitrate: '31k' }, 'Expected a bitrate from 32k to 512k such as 192k for bitrate but received "31k"'],
    [{ bitrate: 192 }, 'for bitrate but received 192'],
    [{ bitrate: 'loud' }, 'for bitrate but received "loud"'],
    [{ bitrate: NaN }, 'for bitrate but received NaN'],
    [{ bitrate: 64_000.5 }, 'for bitrate but received 64000.5'],
    [{ channels: '3' }, 'Expected one of 1, 2, 6 for channels but received "3"'],
    [{ channels: 6, audio: 'mp3' }, 'Expected 1 or 2 with mp3 for channels but received 6'],
    [{ bitrate: '384k', audio: 'mp3' }, 'Expected at most 320k with mp3 for bitrate but received 384000'],
    [{ language: 'german' }, 'Expected up to 16 three-letter languages such as deu,eng for language'],
    [{ language: [1] }, 'for language but received [1]'],
    [{ language: Array.from({ length: 17 }, () => 'deu') }, 'for language'],
    [{ tracks: 'two' }, 'Expected one of all, one for tracks but received "two"'],
    [{ program: 65_536 }, 'Expected a program number from 0 to 65535 for program but received 65536'],
    [{ program: '-1' }, 'for program but received "-1"'],
    [{ program: '0x1f' }, 'for program but received "0x1f"'],
    [{ keepOriginal: 'perhaps' }, 'Expected true or false for keepOriginal but received "perhaps"'],
    [{ keepOriginal: 1 }, 'for keepOriginal but received 1'],
    [{ codec: 'aac' }, 'for a setting of the sound but received "codec"'],
    [{ toString: 'aac' }, 'for a setting of the sound but received "toString"'],
    [{ audio: null }, 'for audio but received null'],
  ])('refuses %j', (input, message) => {
    const parse = () => parseProfile(input)
    expect(parse).toThrow(message)
    expect(parse).toThrow(AppError)
    expect(parse).toThrow(expect.objectContaining({ code: 'BAD_REQUEST', status: 400 }))
  })

  it('takes from the base what is not asked for', () => {
    const base = parseProfile({ bitrate: '256k', language: 'deu' })
    expect(parseProfile({ channels: 1 }, base)).toEqual({ ...base, channels: 1 })
  })

  it('cuts what comes from the base to what MP3 can', () => {
    const base = parseProfile({ bitrate: '512k', channels: 6 })
    expect(parseProfile({ audio: 'mp3' }, base)).toEqual({
      ...base,
      audio: 'mp3',
      bitrate: 320_000,
      channels: 2,
    })
  })
})
