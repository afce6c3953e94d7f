// What happens in the middle of a stream: the sound stays with the picture across all of it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { withoutPart } from './alterations.ts'
import { analyse, changedPids, hear } from './analysis.ts'
import { testFaithfulness } from './faithful.ts'
import { listen, measure, run } from './media.ts'
import { hasSamples, readSample, workFolder } from './places.ts'
import { made, pictures, recipe, type Recipe, type SoundRecipe } from './recipes.ts'
import { remux } from './remuxing.ts'
import { compareTime, type Heard } from './sound.ts'
import { readStream, type Unit } from './stream.ts'

const offsetMs = 0.1
const pid = 0x101
const dvb = ['-mpegts_flags', 'system_b']
const stereo: SoundRecipe = { voice: 1, coding: ['-c', 'mp2', '-b', '256k'] }
const plain = recipe('h264-mp2', pictures.h264, [stereo])
const wrapping = recipe('h264-mp2-wrap', pictures.h264, [stereo], ['-output_ts_offset', '95440'])
const surround = recipe(
  'h264-ac3-surround',
  pictures.h264,
  [{ voice: 1, channels: 6, coding: ['-c', 'ac3', '-b', '448k'] }],
  dvb,
)

/** What follows the stream of another recipe, with a short gap. */
function following(name: string, sound: SoundRecipe): Recipe {
  return recipe(name, pictures.h264, [sound], [...dvb, '-output_ts_offset', '5.2', '-tables_version', '1'])
}

describe('half a second that is missing', () => {
  const expected = { sound: [[pid, 'mp2', 'transcode']] } as const
  testFaithfulness(expected, async () => withoutPart(await made(plain), 0.5, 0.6))
})

describe('three seconds that are missing', () => {
  const expected = { sound: [[pid, 'mp2', 'transcode']] } as const
  testFaithfulness(expected, async () => withoutPart(await made(plain), 0.2, 0.8))
})

describe('a second that is missing while the clock wraps', () => {
  const expected = { sound: [[pid, 'mp2', 'transcode']] } as const
  testFaithfulness(expected, async () => withoutPart(await made(wrapping), 0.35, 0.55))
})

describe('a stream behind another, a day later', () => {
  const expected = { sound: [[pid, 'mp2', 'transcode']] } as const
  testFaithfulness(expected, async () => Buffer.concat([await made(plain), await made(wrapping)]))
})

describe('surround sound that becomes stereo', () => {
  const second = following('h264-ac3-stereo-later', { voice: 1, coding: ['-c', 'ac3', '-b', '192k'] })
  const expected = { sound: [[pid, 'ac3', 'transcode']] } as const
  testFaithfulness(expected, async () => Buffer.concat([await made(surround), await made(second)]))
})

describe('two recordings that follow one another over the wrap', () => {
  const parts = ['28', '29'].map(
    (part) => `shaka__hls-ts-rollover__360p30_h264_48k_160_aac_ts-00000000${part}.ts`,
  )
  const both = () => Buffer.concat(parts.map(readSample))

  it.skipIf(!hasSamples)('pass as they are where their sound is AAC already', async () => {
    const found = await analyse(both())
    expect(changedPids(found)).toEqual([])
    expect(found.output.stream.faults).toEqual(found.source.stream.faults)
  })

  it.skipIf(!hasSamples)('keep their sound in place where it becomes MP3', async () => {
    const found = await analyse(both(), { audio: 'mp3' })
    const { windows, alike, offsetMs: offset } = hear(found, 0x102)
    expect(windows).toBeGreaterThan(0)
    expect(alike).toBe(windows)
    expect(offset).toBeLessThanOrEqual(offsetMs)
  })
})

describe.each([
  { what: 'its rate', later: { voice: 1, rate: 44_100, coding: ['-c', 'mp2', '-b', '256k'] } },
  { what: 'its codec', later: { voice: 1, coding: ['-c', 'ac3', '-b', '192k'] } },
  { what: 'its channels', later: { voice: 1, channels: 1, coding: ['-c', 'mp2', '-b', '96k'] } },
])('a track that changes $what', ({ what, later }) => {
  const { rate = 48_000 } = later
  let sources: Buffer[]
  let output: Buffer

  beforeAll(async () => {
    sources = [await made(plain), await made(following(`h264-later-${what.replace('its ', '')}`, later))]
    output = remux(Buffer.concat(sources)).output
  })

  it('stays with the picture', async () => {
    const last = lastPts(sources[0]!)
    const { faults, units } = readStream(output)
    const mine = units.get(pid) ?? []
    expect(faults.filter((fault) => fault.pid === pid)).toEqual([])
    const early = mine.filter(({ pts, data }) => pts <= last && rateOf(data) === 48_000)
    const late = mine.filter(({ pts, data }) => pts > last && rateOf(data) === rate)
    const found = [
      compareTime(await decodeStream(sources[0]!), await decodeUnits(early, 48_000)),
      compareTime(await decodeStream(sources[1]!), await decodeUnits(late, rate)),
    ]
    for (const { windows, alike, offsetMs: offset } of found) {
      expect(windows).toBeGreaterThan(2)
      expect(alike).toBe(windows)
      expect(offset).toBeLessThanOrEqual(offsetMs)
    }
  })
})

/** The sound of a stream with one track. */
async function decodeStream(bytes: Buffer): Promise<Heard> {
  return inFolder(async (folder) => {
    const file = join(folder, 'stream.ts')
    writeFileSync(file, bytes)
    const [track] = await listen(file)
    const { samples } = await measure(file, { sound: [track!] })
    return { rate: track!.rate, frames: track!.frames, samples: samples.get(pid)! }
  })
}

/** The sound of PES packets with a frame of AAC each. */
async function decodeUnits(units: readonly Unit[], rate: number): Promise<Heard> {
  return inFolder(async (folder) => {
    const file = join(folder, 'sound.aac')
    writeFileSync(file, Buffer.concat(units.map(({ data }) => data)))
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-ac', '2', '-f', 'f32le', `${file}.f32`])
    const bytes = readFileSync(`${file}.f32`)
    const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    return { rate, samples, frames: units.map(({ pts }, place) => ({ pts, at: 1024 * place, count: 1024 })) }
  })
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(workFolder(), 'parts-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Of a frame of AAC in ADTS, Hz. */
function rateOf(adts: Buffer): number {
  return [96_000, 88_200, 64_000, 48_000, 44_100, 32_000][(adts[2]! >> 2) & 15] ?? 0
}

function lastPts(bytes: Buffer): number {
  return Math.max(...(readStream(bytes).units.get(pid) ?? []).map(({ pts }) => pts))
}
