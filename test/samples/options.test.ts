// What can be asked of the sound: another codec, none, other channels, some languages, the original too, one
// program of several.
import { beforeAll, describe, expect, it } from 'vitest'
import { withEntries } from './alterations.ts'
import { analyse, changedPids, hear, lastMap } from './analysis.ts'
import { hasSamples, readSample } from './places.ts'
import { made, pictures, recipe } from './recipes.ts'
import { remux } from './remuxing.ts'
import { readStream, type Entry, type Stream } from './stream.ts'

const mp2 = ['-c', 'mp2', '-b', '192k']
const ac3 = ['-c', 'ac3', '-b', '448k']
const dvb = ['-mpegts_flags', 'system_b']
const video = 0x100
const [deu, eng, description] = [0x101, 0x102, 0x103]

const threeTracks = recipe(
  'h264-three-tracks',
  pictures.h264,
  [
    { voice: 1, channels: 6, coding: ac3, language: 'deu' },
    { voice: 2, coding: mp2, language: 'eng' },
    { voice: 3, coding: mp2, language: 'deu', isDescription: true },
  ],
  dvb,
)
let source: Buffer
let before: Stream

beforeAll(async () => {
  source = await made(threeTracks)
  before = readStream(source)
})

describe('audio', () => {
  it('copy leaves the sound byte for byte and as it was announced', async () => {
    const both = await analyse(source, { audio: 'copy' })
    expect(changedPids(both)).toEqual([])
    expect(both.output.map.entries).toEqual(both.source.map.entries)
    expect(both.output.tracks.map(({ pid, codec }) => [pid, codec])).toEqual([
      [deu, 'ac3'],
      [eng, 'mp2'],
      [description, 'mp2'],
    ])
    expect(both.output.stream.faults).toEqual([])
  })

  it.each([
    ['xg2g', 1600],
    ['libavcodec', 1024],
  ] as const)(
    'aac is made by %s where that is asked for, and the sound is where it was',
    async (encoder, delay) => {
      const both = await analyse(source, { encoder })
      for (const pid of [deu, eng, description]) {
        const { windows, alike, offsetMs } = hear(both, pid)
        expect(alike).toBe(windows)
        expect(offsetMs).toBeLessThanOrEqual(0.1)
        const [first, last] = [both.source, both.output].map(
          ({ stream }) => stream.units.get(pid)?.[0]?.pts ?? NaN,
        )
        expect((first ?? NaN) - (last ?? NaN)).toBe((delay * 90_000) / 48_000) // the encoder's first frame lies before it
      }
    },
  )

  it('mp3 keeps the sound where it was', async () => {
    const both = await analyse(source, { audio: 'mp3' })
    expect(both.output.tracks.map(({ codec, channels, rate }) => [codec, channels, rate])).toEqual(
      Array.from({ length: 3 }, () => ['mp3', 2, 48_000]),
    )
    for (const pid of [deu, eng, description]) {
      const { windows, alike, offsetMs } = hear(both, pid)
      expect(alike).toBe(windows)
      expect(offsetMs).toBeLessThanOrEqual(0.1)
    }
    expect(changedPids(both)).toEqual([deu, eng, description])
    expect(both.output.stream.faults).toEqual([])
  })
})

describe('channels', () => {
  it('6 keeps surround sound, each channel in its place', async () => {
    const both = await analyse(source, { channels: 6 }, true)
    expect(both.output.tracks.map(({ codec, channels }) => [codec, channels])).toEqual([
      ['aac', 6],
      ['aac', 2],
      ['aac', 2],
    ])
    const { windows, alike, offsetMs, levelDb } = hear(both, deu)
    expect(alike).toBe(windows)
    expect(offsetMs).toBeLessThanOrEqual(0.1)
    expect(Math.abs(levelDb ?? NaN)).toBeLessThanOrEqual(0.2)
  })

  it('1 makes mono', async () => {
    const both = await analyse(source, { channels: 1 })
    expect(both.output.tracks.map(({ codec, channels }) => [codec, channels])).toEqual(
      Array.from({ length: 3 }, () => ['aac', 1]),
    )
    const { windows, alike, offsetMs } = hear(both, eng)
    expect(alike).toBe(windows)
    expect(offsetMs).toBeLessThanOrEqual(0.1)
  })
})

describe('bitrate', () => {
  it.each([96_000, 256_000])('%i is what comes out', (bitrate) => {
    const { units } = readStream(remux(source, { bitrate }).output)
    const sound = units.get(eng) ?? []
    const bits = 8 * sound.reduce((sum, { data }) => sum + data.length, 0)
    expect(bits / ((sound.length * 1024) / 48_000) / bitrate).toBeCloseTo(1, 0.7)
  })
})

describe('language', () => {
  it.each([
    { asked: ['eng'], kept: [eng] },
    { asked: ['eng', 'deu'], kept: [eng, deu, description] },
    { asked: ['ger'], kept: [deu, description] },
    { asked: ['fra'], kept: [deu] },
    { asked: [], kept: [deu, eng, description] },
  ])('$asked keeps the tracks $kept, in this order', ({ asked, kept }) => {
    const { output, stats } = remux(source, { language: asked })
    const stream = readStream(output)
    expect(soundIn(stream, stats.program).map(({ pid }) => pid)).toEqual(kept)
    expect([...stream.packets.keys()].filter((pid) => pid >= deu && pid <= description).sort()).toEqual(
      kept.toSorted(),
    )
    expect(stream.faults).toEqual([])
  })

  it('never puts audio description first', () => {
    // The first and the third track change places in what is announced.
    const turned = withEntries(source, (entry) => {
      const other = { [deu]: description, [description]: deu }[entry.pid] ?? entry.pid
      return before.maps.at(-1)!.entries.find(({ pid }) => pid === other)!
    })
    const { output, stats } = remux(turned)
    expect(soundIn(readStream(output), stats.program).map(({ pid }) => pid)).toEqual([eng, deu, description])
  })
})

describe('keepOriginal', () => {
  it('sends the sound of the source beside ours, on a PID of its own', async () => {
    const both = await analyse(source, { keepOriginal: true })
    const { entries } = both.output.map
    const kept = entries.slice(4)
    expect(entries.slice(0, 4).map(({ pid }) => pid)).toEqual([video, deu, eng, description])
    expect(kept.map(({ type, descriptors }) => ({ type, descriptors }))).toEqual(
      before.maps
        .at(-1)!
        .entries.slice(1)
        .map(({ type, descriptors }) => ({ type, descriptors })),
    )
    for (const [place, pid] of [deu, eng, description].entries()) {
      expect(both.output.stream.units.get(kept[place]!.pid)).toEqual(before.units.get(pid))
    }
    expect(both.output.stream.faults).toEqual([])
    expect(both.output.tracks.map(({ codec, language }) => [codec, language])).toEqual([
      ['aac', 'deu'],
      ['aac', 'eng'],
      ['aac', 'deu'],
      ['ac3', 'deu'],
      ['mp2', 'eng'],
      ['mp2', 'deu'],
    ])
  })
})

describe('program', () => {
  const two = recipe(
    'two-programs',
    pictures.h264,
    [
      { voice: 1, coding: mp2, language: 'deu' },
      { voice: 2, coding: ['-c', 'ac3', '-b', '192k'], language: 'eng' },
    ],
    [...dvb, '-program', 'program_num=101:st=0:st=1', '-program', 'program_num=102:st=2'],
  )

  it.each([
    { program: 0, chosen: 101, pids: [0x100, 0x101] },
    { program: 101, chosen: 101, pids: [0x100, 0x101] },
    { program: 102, chosen: 102, pids: [0x102] },
    { program: 999, chosen: 101, pids: [0x100, 0x101] },
  ])('$program sends program $chosen alone', async ({ program, chosen, pids }) => {
    const { output, stats } = remux(await made(two), { program })
    const { programs, maps, packets, faults } = readStream(output)
    expect(stats.program).toBe(chosen)
    expect(stats.problem).toBe('')
    expect(programs.every((each) => each.size === 1 && each.has(chosen))).toBe(true)
    expect(new Set(maps.map((map) => map.program))).toEqual(new Set([chosen]))
    expect([...packets.keys()].filter((pid) => pid >= 0x100 && pid < 0x1000).sort()).toEqual(pids)
    expect(faults).toEqual([])
  })

  it.skipIf(!hasSamples)('finds the scrambled one of two services when it is asked for', () => {
    const both = readSample('tsduck__ref_test-095.1.ts')
    const { stats, output } = remux(both, { program: 8803 })
    expect(stats.program).toBe(8803)
    expect(stats.problem).toMatch(/^scrambled: \d+ packets of programme 8803$/)
    expect(readStream(output).packets.has(0x3f2)).toBe(false)
    expect(remux(both, { program: 8810 }).stats.problem).toBe('')
  })
})

function soundIn(stream: Stream, program: number): Entry[] {
  return lastMap(stream, program).entries.filter(({ pid }) => pid !== video)
}
