// What ffprobe and ffmpeg make of a stream: the oracle of these tests.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ticksPerSecond, wrapTicks } from '../../src/demo/signal/packet.ts'
import { workFolder } from './places.ts'

const limitMs = 25_000
const rivalSec = 2 // of the rival's sound; its encoder is slow
// ffprobe decodes pictures only to tell their size, which nobody asks here.
const quick = ['-skip_frame:v', 'all']

/** A track of sound as ffprobe shows it. */
export interface Track {
  readonly pid: number
  readonly codec: string
  /** Hz, 0 where it cannot be decoded */
  readonly rate: number
  readonly channels: number
  readonly language: string
  /** visual_impaired, clean_effects and so on, where set */
  readonly flags: readonly string[]
  /** the decoded frames */
  readonly frames: readonly Run[]
}

/** A run of samples with its time. */
export interface Run {
  /** 90 kHz, of the first sample */
  readonly pts: number
  /** index of the first sample */
  readonly at: number
  readonly count: number
}

export interface Measured {
  /** MD5 of elementary streams, by PID */
  readonly hashes: ReadonlyMap<number, string>
  /** decoded to two channels, left and right in turn, by PID */
  readonly samples: ReadonlyMap<number, Float32Array>
  /** the beginning of what `ffmpeg -c:a aac -ac 2 -b:a 192k` makes of each track, decoded, where asked for */
  readonly rival: ReadonlyMap<number, Float32Array>
  /** errors that the decoders of the sound and the demuxer tell */
  readonly complaints: readonly string[]
}

interface Probe {
  readonly streams: ReadonlyArray<{
    readonly index: number
    readonly id: string
    readonly codec_name?: string
    readonly sample_rate?: string
    readonly channels?: number
    readonly tags?: { readonly language?: string }
    readonly disposition: Readonly<Record<string, number>>
  }>
  readonly frames: ReadonlyArray<{
    readonly stream_index: number
    readonly pts?: number
    readonly nb_samples: number
  }>
}

/** The sound in a file, track by track. */
export async function listen(file: string): Promise<Track[]> {
  const entries = 'stream:stream_tags:stream_disposition:frame=stream_index,pts,nb_samples'
  const shown = ['-show_entries', entries, '-of', 'json']
  const { stdout } = await run('ffprobe', ['-v', 'quiet', ...quick, '-select_streams', 'a', ...shown, file])
  const { streams, frames } = JSON.parse(stdout.toString()) as Probe
  return streams.map((stream) => ({
    pid: Number(stream.id),
    codec: stream.codec_name ?? '',
    rate: Number(stream.sample_rate ?? 0),
    channels: stream.channels ?? 0,
    language: stream.tags?.language ?? '',
    flags: Object.keys(stream.disposition).filter((name) => stream.disposition[name] === 1),
    frames: lineUp(
      frames.filter(({ stream_index }) => stream_index === stream.index),
      Number(stream.sample_rate ?? 0),
    ),
  }))
}

/** Reads a file once: hashes elementary streams without decoding them, decodes tracks of sound. */
export async function measure(
  file: string,
  {
    hash = [],
    sound = [],
    hasRival = false,
  }: { hash?: readonly number[]; sound?: readonly Track[]; hasRival?: boolean },
): Promise<Measured> {
  const work = await mkdtemp(join(workFolder(), 'work-'))
  const pcm = ({ pid }: Track) => join(work, `${pid}.f32`)
  const aac = ({ pid }: Track) => join(work, `${pid}.aac`)
  const outputs = [
    ...(hash.length === 0
      ? []
      : [...hash.flatMap(map), '-c', 'copy', '-copyinkf', '-f', 'streamhash', '-hash', 'md5', '-']),
    ...sound.flatMap((track) => [...map(track.pid), '-ac', '2', '-f', 'f32le', pcm(track)]),
    ...(hasRival ? sound.flatMap((track) => [...map(track.pid), ...rivalArguments, aac(track)]) : []),
  ]
  try {
    const { stdout, stderr } = await run('ffmpeg', [...loud, '-i', file, ...outputs])
    const hashes = stdout.toString().trim().split('\n')
    return {
      hashes: new Map(hash.map((pid, place) => [pid, hashes[place]?.split('=')[1] ?? ''])),
      samples: await readAll(sound, pcm),
      rival: hasRival ? await decodeAll(sound, aac) : new Map<number, Float32Array>(),
      complaints: complaintsIn(stderr),
    }
  } finally {
    await rm(work, { recursive: true })
  }
}

const loud = ['-nostdin', '-v', 'error']
const rivalArguments = ['-c:a', 'aac', '-ac', '2', '-b:a', '192k', '-t', String(rivalSec), '-f', 'adts']

/** Runs a program to its end. Rejects unless it exits with 0. */
export async function run(
  program: string,
  parameters: readonly string[],
): Promise<{ stdout: Buffer; stderr: string }> {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => out.push(part))
  child.stderr.on('data', (part: Buffer) => err.push(part))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject).once('close', resolve)
  const code = await promise
  const stderr = Buffer.concat(err).toString()
  if (code !== 0)
    throw new Error(`${program} ${parameters.join(' ')} ended with ${code}: ${stderr.slice(-2000)}`)
  return { stdout: Buffer.concat(out), stderr }
}

function map(pid: number): string[] {
  return ['-map', `0:i:${pid}`]
}

/** Frames in a row, on a clock that does not wrap. One without a time has that of the last, and its length. */
function lineUp(frames: Probe['frames'], rate: number): Run[] {
  const runs: Run[] = []
  let turns = 0
  for (const { pts, nb_samples: count } of frames) {
    const last = runs.at(-1) ?? { pts: pts ?? 0, at: 0, count: 0 }
    if (pts !== undefined && pts + turns < last.pts - wrapTicks / 2) turns += wrapTicks
    const due = last.pts + (last.count * ticksPerSecond) / rate
    runs.push({ pts: pts === undefined ? due : pts + turns, at: last.at + last.count, count })
  }
  return runs
}

async function decodeAll(
  tracks: readonly Track[],
  file: (track: Track) => string,
): Promise<Map<number, Float32Array>> {
  if (tracks.length === 0) return new Map()
  const decoded = (track: Track) => `${file(track)}.f32`
  const inputs = tracks.flatMap((track) => ['-i', file(track)])
  const outputs = tracks.flatMap((track, place) => ['-map', String(place), '-f', 'f32le', decoded(track)])
  await run('ffmpeg', [...loud, ...inputs, ...outputs])
  return readAll(tracks, decoded)
}

async function readAll(
  tracks: readonly Track[],
  file: (track: Track) => string,
): Promise<Map<number, Float32Array>> {
  const read = async (track: Track) => {
    const bytes = await readFile(file(track))
    return [
      track.pid,
      new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
    ] as const
  }
  return new Map(await Promise.all(tracks.map(read)))
}

/** The lines without those of decoders of pictures, which are opened to tell a picture's size. */
function complaintsIn(stderr: string): string[] {
  const pictures = /^\[(h264|hevc|mpeg2video|mpegvideo) @ |^ *Last message repeated/
  return stderr.split('\n').filter((line) => line !== '' && !pictures.test(line))
}
