// One stream before and after the remuxer, looked at by the reader of these tests and by ffmpeg.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RemuxStats } from '../../src/workers/native.ts'
import { listen, measure, type Measured, type Track } from './media.ts'
import { workFolder } from './places.ts'
import { remux, type RemuxingOptions } from './remuxing.ts'
import { compareLevel, compareTime, type Comparison, type Heard } from './sound.ts'
import { readStream, type Entry, type ProgramMap, type Stream } from './stream.ts'

/** Samples by which ffmpeg's AAC comes later than what went in. */
const rivalDelay = 1024

export interface Side {
  readonly stream: Stream
  /** The last PMT of the program; without entries where there is none. */
  readonly map: ProgramMap
  readonly tracks: readonly Track[]
  readonly measured: Measured
}

export interface Analysis {
  readonly source: Side
  readonly output: Side
  readonly stats: RemuxStats
}

/** Remuxes a stream of 188-byte packets and has both sides looked at.
 *  @param hasRival  levels are held against what ffmpeg's own encoder makes, not against what it decodes */
export async function analyse(
  input: Buffer,
  options: RemuxingOptions = {},
  hasRival = false,
): Promise<Analysis> {
  const { output, stats } = remux(input, options)
  const work = mkdtempSync(join(workFolder(), 'side-'))
  try {
    const side = async (bytes: Buffer, name: string, isRivalled: boolean): Promise<Side> => {
      const stream = readStream(bytes)
      const map = lastMap(stream, stats.program)
      const hash = map.entries
        .filter(isPicture)
        .filter(({ pid }) => isClear(stream, pid))
        .map(({ pid }) => pid)
      const file = join(work, name)
      writeFileSync(file, bytes)
      const ofProgram = (track: Track) => map.entries.some(({ pid }) => pid === track.pid)
      const tracks = (await listen(file)).filter(ofProgram)
      const sound = tracks.filter(({ frames }) => frames.length > 0)
      return { stream, map, tracks, measured: await measure(file, { hash, sound, hasRival: isRivalled }) }
    }
    const [a, b] = await Promise.all([side(input, 'source.ts', hasRival), side(output, 'output.ts', false)])
    return { source: a, output: b, stats }
  } finally {
    rmSync(work, { recursive: true })
  }
}

/** Where and how loud a track of the output is against the source, and against ffmpeg. */
export function hear(
  { source, output }: Analysis,
  pid: number,
): Comparison & { readonly levelDb: number | undefined } {
  const theirs = heardOn(source, pid)
  const mine = heardOn(output, pid)
  const rival = source.measured.rival.get(pid)
  const levelDb =
    rival === undefined
      ? compareLevel(theirs, mine, theirs.samples, 0)
      : compareLevel(theirs, mine, rival, rivalDelay)
  return { ...compareTime(theirs, mine), levelDb }
}

/** PIDs of the program whose packets are not those of the source, one by one. */
export function changedPids({
  source,
  output,
}: {
  source: { stream: Stream }
  output: { stream: Stream; map: ProgramMap }
}): number[] {
  const tables = [0, output.map.pid]
  const pids = [...output.stream.packets.keys()].sort((a, b) => a - b)
  return pids.filter((pid) => {
    const before = source.stream.packets.get(pid) ?? []
    const after = output.stream.packets.get(pid) ?? []
    return !tables.includes(pid) && !Buffer.concat(before).equals(Buffer.concat(after))
  })
}

export function lastMap({ maps }: Stream, program: number): ProgramMap {
  return (
    maps.findLast((map) => map.program === program) ?? {
      program,
      pid: -1,
      version: 0,
      pcrPid: -1,
      entries: [],
    }
  )
}

function isClear({ packets, scrambled }: Stream, pid: number): boolean {
  return packets.has(pid) && !scrambled.has(pid)
}

/** Pictures, DVB subtitles, teletext: what ffmpeg can copy and hash. */
function isPicture({ type, descriptors }: Entry): boolean {
  const isText = type === 0x06 && descriptors.some(({ tag }) => tag === 0x59 || tag === 0x56)
  return isText || [0x01, 0x02, 0x1b, 0x24].includes(type)
}

function heardOn({ tracks, measured }: Side, pid: number): Heard {
  const track = tracks.find((each) => each.pid === pid)
  return {
    rate: track?.rate ?? 0,
    frames: track?.frames ?? [],
    samples: measured.samples.get(pid) ?? new Float32Array(),
  }
}
