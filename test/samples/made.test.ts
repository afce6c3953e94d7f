// The same promises on streams made on the spot, so that they hold where no samples are kept.
import { describe, expect, it } from 'vitest'
import { withEntries } from './alterations.ts'
import { testFaithfulness, type Expected } from './faithful.ts'
import { made, pictures, recipe, type Recipe } from './recipes.ts'
import { remux } from './remuxing.ts'
import { longestWait } from './stream.ts'

const mp2 = (bitrate: string) => ['-c', 'mp2', '-b', bitrate]
const dvb = ['-mpegts_flags', 'system_b'] // AC-3 and E-AC-3 as private data, as receivers send them

// Tracks begin at PID 0x100, picture first.
const streams: readonly (Expected & { recipe: Recipe })[] = [
  {
    recipe: recipe('h264-mp2-two-languages', pictures.h264, [
      { voice: 1, coding: mp2('256k'), language: 'deu' },
      { voice: 2, coding: mp2('192k'), language: 'eng' },
    ]),
    sound: [
      [0x101, 'mp2', 'transcode'],
      [0x102, 'mp2', 'transcode'],
    ],
  },
  {
    recipe: recipe(
      'h264-interlaced-ac3-surround',
      pictures.interlaced,
      [
        { voice: 1, channels: 6, coding: ['-c', 'ac3', '-b', '448k'], language: 'deu' },
        { voice: 2, coding: ['-c', 'ac3', '-b', '192k'], language: 'deu', isDescription: true },
      ],
      dvb,
    ),
    sound: [
      [0x101, 'ac3', 'transcode'],
      [0x102, 'ac3', 'transcode'],
    ],
  },
  {
    recipe: recipe('mpeg2-mp2-rates', pictures.mpeg2, [
      { voice: 1, rate: 44_100, coding: mp2('192k') },
      { voice: 2, rate: 32_000, coding: mp2('128k') },
      { voice: 3, channels: 1, coding: mp2('96k') },
    ]),
    sound: [
      [0x101, 'mp2', 'transcode'],
      [0x102, 'mp2', 'transcode'],
      [0x103, 'mp2', 'transcode'],
    ],
  },
  {
    recipe: recipe(
      'hevc-eac3',
      pictures.hevc,
      [{ voice: 1, channels: 6, coding: ['-c', 'eac3', '-b', '256k'] }],
      dvb,
    ),
    sound: [[0x101, 'eac3', 'transcode']],
  },
  {
    recipe: recipe(
      'h264-latm',
      pictures.h264,
      [{ voice: 1, coding: ['-c', 'aac', '-b', '128k'], language: 'deu' }],
      ['-mpegts_flags', 'latm'],
    ),
    sound: [[0x101, 'aac_latm', 'transcode']],
  },
  {
    recipe: recipe('h264-aac', pictures.h264, [
      { voice: 1, coding: ['-c', 'aac', '-b', '128k'], language: 'deu' },
      { voice: 2, channels: 6, coding: ['-c', 'aac', '-b', '320k'], language: 'eng' },
    ]),
    sound: [
      [0x101, 'aac', 'copy'],
      [0x102, 'aac', 'transcode'],
    ],
  },
  {
    recipe: recipe('h264-mp3', pictures.h264, [
      { voice: 1, rate: 44_100, coding: ['-c', 'libmp3lame', '-b', '160k'] },
    ]),
    sound: [[0x101, 'mp3', 'transcode']],
  },
  {
    recipe: recipe('radio-mp2', pictures.none, [{ voice: 1, coding: mp2('256k'), language: 'deu' }]),
    sound: [[0x100, 'mp2', 'transcode']],
  },
  {
    // The clock wraps 95443.7 s after its zero, here in the middle.
    recipe: recipe(
      'h264-mp2-wrap',
      pictures.h264,
      [{ voice: 1, coding: mp2('256k') }],
      ['-output_ts_offset', '95440'],
    ),
    sound: [[0x101, 'mp2', 'transcode']],
  },
]

describe('h264-dts', () => {
  const dts = recipe(
    'h264-dts',
    pictures.h264,
    [{ voice: 1, channels: 6, coding: ['-c', 'dca', '-b', '768k'] }],
    ['-strict', '-2'],
  )
  const body = Buffer.of(0, 0, 0, 0, 0)
  testFaithfulness({ sound: [[0x101, 'dts', 'transcode']], hasRival: true }, async () =>
    // ffmpeg announces it as discs do; DVB tells it by a descriptor.
    withEntries(await made(dts), (entry) =>
      entry.pid === 0x101 ? { ...entry, type: 0x06, descriptors: [{ tag: 0x7b, body }] } : entry,
    ),
  )
})

describe.each(streams)('$recipe.name', (stream) => {
  testFaithfulness({ ...stream, hasRival: true }, () => made(stream.recipe))
})

describe.each(['h264-mp2-two-languages', 'radio-mp2'])('%s', (name) => {
  it('has its tables at least every half second', async () => {
    const { recipe: asked } = streams.find((stream) => stream.recipe.name === name)!
    expect(longestWait(remux(await made(asked)).output)).toBeLessThanOrEqual(0.5)
  })
})
