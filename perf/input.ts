// The streams to measure with, made once with ffmpeg and kept in var/perf.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm, stat, writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import { spread } from './live/multiplex.ts'
import { interleave, makeSound, soundRate, type SoundName } from './sound.ts'

/** A transport stream on disk. */
export interface Input {
  readonly name: string
  readonly path: string
  readonly description: string
  readonly bytes: number
  readonly seconds: number
}

export type SourceCodec = keyof typeof codecs

const folder = 'var/perf'
const version = 2 // to be raised when the same recipe gives something else
const streamSeconds = 66
const packetBytes = 188
/** What ffmpeg's muxer gives the first picture and the first sound. */
export const pids = { video: 0x100, audio: 0x101 } as const

// 1080i from 50 fields of a moving card with noise, which fills the bitrate as film grain does.
const interlaced = (size: string, strength: number) =>
  `testsrc2=s=${size}:r=50,noise=alls=${strength}:allf=t,tinterlace=interleave_top,setfield=tff,format=yuv420p`
const steady = (rate: string, buffer: string) => ['-b:v', rate, '-maxrate', rate, '-bufsize', buffer]
const pictures = {
  h264: [
    ...['-f', 'lavfi', '-i', interlaced('1920x1080', 8), '-c:v', 'libx264', '-preset', 'ultrafast'],
    ...['-x264-params', 'keyint=50:bframes=2:b-adapt=0:scenecut=0:open-gop=1:aud=1:tff=1'],
    ...['-flags', '+ildct+ilme', '-top', '1', ...steady('10M', '10M')],
  ],
  mpeg2: [
    ...['-f', 'lavfi', '-i', interlaced('720x576', 8), '-c:v', 'mpeg2video', '-g', '12', '-bf', '2'],
    ...['-aspect', '16:9', '-flags', '+ildct+ilme', '-top', '1', ...steady('4M', '1835k')],
  ],
} as const

const codecs = {
  mp2: { encoder: ['-c:a', 'mp2', '-b:a', '256k'], channels: 2, name: 'MP2 256k stereo' },
  'mp2-192': { encoder: ['-c:a', 'mp2', '-b:a', '192k'], channels: 2, name: 'MP2 192k stereo' },
  ac3: { encoder: ['-c:a', 'ac3', '-b:a', '448k'], channels: 6, name: 'AC-3 448k 5.1' },
  eac3: { encoder: ['-c:a', 'eac3', '-b:a', '256k'], channels: 6, name: 'E-AC-3 256k 5.1' },
} as const

// One sound frame in each PES packet: what is measured is not how ffmpeg's muxer saves them up.
const mux = ['-f', 'mpegts', '-pes_payload_size', '0']

const streams = {
  m: { picture: 'h264', codec: 'mp2', muxrate: 12_000_000, about: 'H.264 1080i 10 Mbit/s' },
  a: { picture: 'h264', codec: 'ac3', muxrate: 12_500_000, about: 'H.264 1080i 10 Mbit/s' },
  s: { picture: 'mpeg2', codec: 'mp2-192', muxrate: 5_000_000, about: 'MPEG-2 576i 4 Mbit/s' },
} as const
export type StreamName = keyof typeof streams

/** A programme with picture and sound, CBR with null packets. */
export async function stream(name: StreamName): Promise<Input> {
  const { picture, codec, muxrate, about } = streams[name]
  const recipe = { pictures: pictures[picture], codec: codecs[codec], mux, muxrate }
  const path = await kept(name, recipe, async (draft) => {
    const sound = interleave(makeSound('programme', streamSeconds, codecs[codec].channels))
    const from = ['-i', await videoOf(picture), ...rawSound(codecs[codec].channels)]
    const to = ['-map', '0:v', '-map', '1:a', '-c:v', 'copy', ...codecs[codec].encoder]
    const length = ['-t', String(streamSeconds), '-muxrate', String(muxrate)]
    await run([...ffmpeg, ...from, ...to, ...length, ...mux, draft], sound)
  })
  const rate = `CBR ${muxrate / 1e6} Mbit/s with null packets`
  return describe(name, path, `${about} + ${codecs[codec].name}, ${rate}`, streamSeconds)
}

/** Two tracks of sound, `deu` and `eng`, beside the picture of `m`. */
export async function bilingual(): Promise<Input> {
  const m = await stream('m')
  const tracks = ['-map', '0:v', '-map', '0:a', '-map', '0:a', '-c', 'copy']
  const languages = ['-metadata:s:a:0', 'language=deu', '-metadata:s:a:1', 'language=eng']
  const how = [...tracks, ...languages, '-muxrate', '12500000', ...mux]
  const path = await kept('bilingual', [m.path, how], (draft) =>
    run([...ffmpeg, '-i', m.path, ...how, draft]),
  )
  return describe('bilingual', path, 'the picture of m + MP2 256k twice, CBR with null packets', m.seconds)
}

/** The same several times, one after the other on one time line. */
export async function repeated(of: Input, times: number): Promise<Input> {
  const { muxrate } = streams[of.name as StreamName]
  const how = ['-map', '0', '-c', 'copy', '-muxrate', String(muxrate), ...mux]
  const name = `${of.name}-${times}-times`
  const path = await kept(name, [of.path, times, how], (draft) =>
    run([...ffmpeg, '-stream_loop', String(times - 1), '-i', of.path, ...how, draft]),
  )
  return describe(of.name, path, of.description, of.seconds * times)
}

/** The same without null packets, as a receiver sends it. */
export async function withoutNulls(of: Input): Promise<Input> {
  const name = `${of.name}-dense`
  const path = await kept(name, of.path, async (draft) => writeFile(draft, dense(await readFile(of.path))))
  return describe(name, path, `${of.name} without null packets`, of.seconds)
}

/** The same with its sound spread evenly, as a broadcast multiplexer sends it. */
export async function asBroadcast(of: Input): Promise<Input> {
  const name = `${of.name}-broadcast`
  const path = await kept(name, of.path, async (draft) =>
    writeFile(draft, spread(await readFile(of.path), pids.audio, of.bytes / of.seconds)),
  )
  return describe(name, path, `${of.description}, sound spread evenly`, of.seconds)
}

/** The first seconds of a stream, cut at a packet. */
export async function head(of: Input, seconds: number): Promise<Input> {
  const bytes = Math.floor((of.bytes * seconds) / of.seconds / packetBytes) * packetBytes
  const name = `${of.name}-head`
  const path = await kept(`${name}${seconds}`, [of.path, seconds], async (draft) => {
    await using file = await open(of.path)
    const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
    await writeFile(draft, buffer)
  })
  return describe(name, path, `the first ${seconds} s of ${of.name}`, seconds)
}

/** Sound alone. */
export async function radio(sound: SoundName, codec: SourceCodec, seconds: number): Promise<Input> {
  const { encoder, channels, name } = codecs[codec]
  const recipe = { sound, encoder, seconds, mux }
  const path = await kept(`radio-${sound}-${codec}`, recipe, async (draft) => {
    const samples = interleave(makeSound(sound, seconds, channels))
    await run([...ffmpeg, ...rawSound(channels), ...encoder, ...mux, draft], samples)
  })
  return describe(`${sound}-${codec}`, path, `${sound}, ${name}`, seconds)
}

const ffmpeg = ['ffmpeg', '-hide_banner', '-loglevel', 'error', '-y']

function rawSound(channels: 2 | 6): string[] {
  const layout = channels === 2 ? 'stereo' : '5.1'
  return [
    '-f',
    'f32le',
    '-ar',
    String(soundRate),
    '-channel_layout',
    layout,
    '-ac',
    String(channels),
    '-i',
    '-',
  ]
}

function videoOf(picture: keyof typeof pictures): Promise<string> {
  const how = [...pictures[picture], '-t', String(streamSeconds), '-f', 'mpegts', '-muxdelay', '0']
  return kept(`video-${picture}`, how, (draft) => run([...ffmpeg, ...how, draft]))
}

// The file is written beside its place and moved there when it is complete.
async function kept(
  name: string,
  recipe: unknown,
  make: (draft: string) => Promise<unknown>,
): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify([version, recipe]))
    .digest('hex')
    .slice(0, 10)
  const path = join(folder, `${name}-${key}.ts`)
  if (existsSync(path)) return path
  process.stderr.write(`Making ${path}\n`)
  await mkdir(folder, { recursive: true })
  const draft = `${path}.${process.pid}.draft`
  try {
    await make(draft)
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
  return path
}

async function describe(name: string, path: string, description: string, seconds: number): Promise<Input> {
  return { name, path, description, bytes: (await stat(path)).size, seconds }
}

function dense(bytes: Buffer): Buffer {
  let used = 0
  for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
    if ((bytes.readUInt16BE(at + 1) & 0x1fff) === 0x1fff) continue
    used += bytes.copy(bytes, used, at, at + packetBytes)
  }
  return bytes.subarray(0, used)
}
