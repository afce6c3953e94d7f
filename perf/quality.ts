// What becomes of the sound: its level and its noise, ours and ffmpeg's, against the decoded source.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './command.ts'
import { radio, type Input, type SourceCodec } from './input.ts'
import { lagOf, levelDb, overlap } from './quality/align.ts'
import { noiseToMask, type Nmr } from './quality/nmr.ts'
import { atMost, round, type Benchmark, type Goal } from './report.ts'
import { ffmpegCommand } from './rival.ts'
import type { SoundName } from './sound.ts'

const contenders = ['xg2g', 'ffmpeg default', 'ffmpeg fast'] as const
type Contender = (typeof contenders)[number]

interface Judgement extends Nmr {
  /** against the source */
  readonly levelDb: number
  readonly kbits: number
}

export const quality: Benchmark = {
  title: 'Sound: level and noise to mask against ffmpeg',
  async run({ seconds, isQuick }) {
    const length = seconds ?? (isQuick ? 8 : 30)
    const sounds: SoundName[] = isQuick ? ['programme'] : ['programme', 'tonal', 'castanets', 'speech']
    const sources: SourceCodec[] = ['mp2', 'ac3', 'eac3']
    const rows: string[][] = []
    const goals: Goal[] = []
    const inputs: string[] = []
    for (const codec of sources) {
      const distances: number[] = []
      const excesses: number[] = []
      for (const sound of sounds) {
        const input = await radio(sound, codec, length)
        inputs.push(input.description)
        const found = await judge(input)
        for (const name of contenders) rows.push([input.name, name, ...cells(found[name])])
        const { xg2g: ours, 'ffmpeg default': rival } = found
        distances.push(Math.abs(ours.levelDb - rival.levelDb))
        excesses.push(ours.meanDb - rival.meanDb)
      }
      const [distance, excess] = [Math.max(...distances), Math.max(...excesses)]
      goals.push(atMost(`level, distance to ffmpeg default, worst sound, ${codec}`, 0.2, distance, ' dB'))
      goals.push(atMost(`noise to mask, above ffmpeg default, worst sound, ${codec}`, 0, excess, ' dB'))
    }
    return {
      task:
        'Each makes AAC 192k stereo of the same stream. The result is decoded, moved to where it fits the decoded source ' +
        '(ffmpeg -ac 2, so with the same downmix) by cross-correlation, and compared with it sample by sample.',
      inputs,
      tables: [
        {
          title: 'Against the decoded source',
          columns: ['input', '', 'level dB', 'mean NMR dB', 'over mask', '> +6 dB', 'kbit/s'],
          rows,
        },
      ],
      goals,
      notes: [
        'NMR: the model of perf/quality/nmr.ts, crude, one Bark per band; lower is better. It is no listening test.',
        'Bands that an encoder replaces by noise of the same level (PNS, on by default) count as noise, for all three.',
        'The sounds are computed (perf/sound.ts). The two-loop search gets more bits than asked for.',
      ],
    }
  },
}

function cells({ levelDb: level, meanDb, over, farOver, kbits }: Judgement): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  return [level.toFixed(3), meanDb.toFixed(2), percent(over), percent(farOver), round(kbits)]
}

async function judge(input: Input): Promise<Record<Contender, Judgement>> {
  const reference = await decode(input.path)
  const folder = await mkdtemp(join(tmpdir(), 'xg2g-quality-'))
  try {
    const all: Partial<Record<Contender, Judgement>> = {}
    for (const name of contenders) {
      const output = join(folder, 'out.ts')
      await run(commandOf(name, input.path, output))
      all[name] = { ...compare(reference, await decode(output)), kbits: await kbitsOf(output, input.seconds) }
    }
    return all as Record<Contender, Judgement>
  } finally {
    await rm(folder, { recursive: true })
  }
}

function commandOf(name: Contender, input: string, output: string): string[] {
  switch (name) {
    case 'xg2g':
      return ['./xg2g', 'remux', input, output]
    case 'ffmpeg default':
      return ffmpegCommand({ input, output, hasVideo: false })
    case 'ffmpeg fast':
      return ffmpegCommand({ input, output, hasVideo: false, coder: 'fast' })
  }
}

function compare(source: Float32Array[], result: Float32Array[]): Nmr & { levelDb: number } {
  const [left = new Float32Array()] = source
  const lag = lagOf(left, result[0] ?? left)
  const pairs = source.map((channel, index) => overlap(channel, result[index] ?? channel, lag))
  const reference = pairs.map((pair) => pair.reference)
  const test = pairs.map((pair) => pair.test)
  return { ...noiseToMask(reference, test), levelDb: levelDb(test) - levelDb(reference) }
}

/** Stereo samples, one array for each channel. */
async function decode(path: string): Promise<Float32Array[]> {
  const how = ['-map', '0:a:0', '-ac', '2', '-f', 'f32le', 'pipe:1']
  const { stdout } = await run(['ffmpeg', '-hide_banner', '-loglevel', 'error', '-i', path, ...how])
  const all = new Float32Array(stdout.buffer, stdout.byteOffset, Math.floor(stdout.length / 8) * 2)
  return [0, 1].map((channel) =>
    Float32Array.from({ length: all.length / 2 }, (_, i) => all[2 * i + channel] ?? 0),
  )
}

async function kbitsOf(path: string, seconds: number): Promise<number> {
  const how = ['-map', '0:a:0', '-c', 'copy', '-f', 'adts', 'pipe:1']
  const { stdout } = await run(['ffmpeg', '-hide_banner', '-loglevel', 'error', '-i', path, ...how])
  return (stdout.length * 8) / seconds / 1000
}
