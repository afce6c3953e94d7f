// The ffmpeg engine with the ffmpeg of this machine, on streams that it has made itself.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EngineStream } from '../../src/stream/engine.ts'
import { FfmpegEngine, type FfmpegOptions } from '../../src/stream/ffmpeg.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'
import { play } from '../workers/play.ts'

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).error === undefined
if (!hasFfmpeg) process.stderr.write('\nSKIPPED: there is no ffmpeg program to test the engine with\n\n')

const limit = { timeout: 15_000 }
const sid = 0x132f
const pids = { video: 0x1ff, german: 0x200, english: 0x210, map: 0x64 }
const folder = mkdtempSync(join(tmpdir(), 'ffmpeg-engine-'))
const engines: FfmpegEngine[] = []
let sample: Buffer

beforeAll(() => {
  if (hasFfmpeg) sample = makeSample()
})
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
  expect(children()).toEqual([])
})
afterAll(() => rmSync(folder, { recursive: true }))

function engineOf(options: FfmpegOptions = {}): FfmpegEngine {
  const engine = new FfmpegEngine(options)
  engines.push(engine)
  return engine
}

function open(profile: Partial<Profile> = {}, options: FfmpegOptions = {}): EngineStream {
  return engineOf(options).open({ ...defaultProfile, ...profile })
}

describe.skipIf(!hasFfmpeg)('a stream of the ffmpeg engine', () => {
  it('goes on with another connection, and tells where that begins', async () => {
    const stream = open()
    const parts: Buffer[] = []
    const reading = (async () => {
      while (!stream.output.isDrained) {
        const bytes = stream.output.readable()
        if (bytes.length === 0) {
          await stream.output.whenReadable()
          continue
        }
        parts.push(Buffer.from(bytes))
        stream.output.release(bytes.length)
      }
    })()
    for (const [place, source] of [sample, Buffer.from('noise'), sample].entries()) {
      if (place > 0) stream.input.splice()
      for (let at = 0; at < source.length;) {
        const taken = stream.input.write(source.subarray(at, at + 65_536))
        at += taken
        if (taken === 0) await stream.input.whenWritable()
      }
    }
    stream.input.close('end')
    const { bytesIn } = await stream.done
    await reading
    expect(bytesIn).toBe(2 * sample.length + 5)
    const cuts = stream.marks()
    expect(cuts.map(({ kind }) => kind)).toContain('cut')
    const output = Buffer.concat(parts)
    const second = output.subarray(cuts.at(-1)!.offset)
    expect(pictureOf(second)).toBe(pictureOf(sample))
  }, 20_000)

  it('has its sound as AAC, and its picture, PIDs, numbers, languages and times as they were', async () => {
    const stream = open()
    const { output, marks } = await play(stream, sample)
    expect(marks).toEqual([])
    expect(pictureOf(output)).toBe(pictureOf(sample))
    const before = probe(sample)
    const after = probe(output)
    expect(after.program).toEqual(before.program)
    expect(after.streams.map(({ codec, pid, language }) => [codec, pid, language])).toEqual([
      ['mpeg2video', pids.video, undefined],
      ['aac', pids.german, 'deu'],
      ['aac', pids.english, 'eng'],
    ])
    after.streams.forEach(({ startPts }, place) => {
      expect(Math.abs(startPts - before.streams[place]!.startPts)).toBeLessThanOrEqual(2 * 1024 * (90 / 48))
    })
    expect(await stream.done).toEqual({ bytesIn: sample.length, bytesOut: output.length, errors: 0 })
  })

  it.each<[Partial<Profile>, [string, number, number][]]>([
    [
      { audio: 'mp3', bitrate: 128_000 },
      [
        ['mp3', pids.german, 2],
        ['mp3', pids.english, 1],
      ],
    ],
    [
      { audio: 'copy' },
      [
        ['mp2', pids.german, 2],
        ['mp2', pids.english, 1],
      ],
    ],
    [
      { channels: 1 },
      [
        ['aac', pids.german, 1],
        ['aac', pids.english, 1],
      ],
    ],
    [
      { channels: 6 },
      [
        ['aac', pids.german, 2],
        ['aac', pids.english, 1],
      ],
    ],
    [{ language: ['eng'] }, [['aac', pids.english, 1]]],
    [{ language: ['ger'], tracks: 'one' }, [['aac', pids.german, 2]]],
    [{ language: ['fra'] }, [['aac', pids.german, 2]]],
    [
      { tracks: 'one', keepOriginal: true, program: sid },
      [
        ['aac', pids.german, 2],
        ['mp2', 0x1e00, 2],
      ],
    ],
    [{ tracks: 'one', program: 77 }, [['aac', pids.german, 2]]],
  ])('gives what %j asks for', async (profile, tracks) => {
    const { output } = await play(open(profile), sample)
    const sound = probe(output).streams.filter(({ type }) => type === 'audio')
    expect(sound.map(({ codec, pid, channels }) => [codec, pid, channels])).toEqual(tracks)
    expect(pictureOf(output)).toBe(pictureOf(sample))
  })

  it('goes on through damage', async () => {
    const damaged = Buffer.from(sample)
    for (let at = 400 * 188; at < 440 * 188; at++) damaged[at] = (at * 73) & 0xff
    const stream = open()
    const { output } = await play(stream, damaged)
    expect((await stream.done).bytesOut).toBeGreaterThan(damaged.length / 2)
    expect(output.length % 188).toBe(0)
  })

  it('fails with NO_STREAM where there is no stream in the input', async () => {
    const noise = Buffer.alloc(100_000)
    for (let at = 0, seed = 1; at < noise.length; at++) noise[at] = (seed = (seed * 48_271) % 2147483647) >> 8
    const stream = open()
    const { output } = await play(stream, noise)
    expect(output.length).toBe(0)
    await expect(stream.done).rejects.toMatchObject({ code: 'NO_STREAM' })
  })

  it('does not wait for tables for ever', async () => {
    const stream = open()
    for (const bytes = Buffer.alloc(65_536, 0x11); !stream.input.isClosed;) {
      if (stream.input.write(bytes) === 0) await stream.input.whenWritable()
    }
    await expect(stream.done).rejects.toMatchObject({ code: 'NO_STREAM' })
  })

  it('ends where nothing came', async () => {
    const stream = open()
    stream.input.close()
    expect(await stream.done).toEqual({ bytesIn: 0, bytesOut: 0, errors: 0 })
    expect(stream.output.isDrained).toBe(true)
  })

  it('fails with FFMPEG_FAILED when its process is killed, and leaves nothing behind', async () => {
    const before = pipes()
    const stream = open()
    const written = feed(stream, sample)
    await stream.output.whenReadable()
    process.kill(children()[0]!, 'SIGKILL')
    const drained = drain(stream)
    await expect(stream.done).rejects.toMatchObject({ code: 'FFMPEG_FAILED', message: /SIGKILL/ })
    await Promise.all([written, drained])
    expect(stream.input.write(sample)).toBe(-1)
    expect(children()).toEqual([])
    expect(pipes()).toBe(before)
  })

  it('ends its process when it is closed, also twice, also in a stream that nobody reads', async () => {
    const before = pipes()
    const stream = open()
    const written = feed(stream, sample)
    await stream.output.whenReadable()
    expect(children()).toHaveLength(1)
    stream.close()
    stream.close()
    expect((await stream.done).bytesIn).toBeGreaterThan(0)
    await written
    expect(children()).toEqual([])
    expect(pipes()).toBe(before)
  })

  it('ends its process when the reader closes the output', async () => {
    const stream = open()
    const written = feed(stream, sample)
    await stream.output.whenReadable()
    stream.output.close('cancel')
    await expect(stream.done).rejects.toMatchObject({ code: 'FFMPEG_FAILED' })
    await written
  })

  it('holds up who writes while nobody reads, and goes on where it was', async () => {
    const stream = open()
    const long = lengthened(sample, 16)
    let sent = 0
    const written = feed(stream, long, (bytes) => (sent += bytes))
    let before = -1
    await vi.waitFor(
      () => {
        const isStuck = sent > 0 && sent === before && stream.output.fill > stream.output.capacity - 188
        before = sent
        expect(isStuck).toBe(true)
      },
      { interval: 300, ...limit },
    )
    expect(sent).toBeLessThan(long.length)
    const first = Buffer.from(stream.output.readable(188))
    expect(first[0]).toBe(0x47)
    await drain(stream)
    await written
    expect((await stream.done).bytesIn).toBe(long.length)
  })

  it('fails when its process takes input and gives nothing', async () => {
    const stream = open({}, { program: script('cat > /dev/null'), hangMs: 200, killMs: 200 })
    const trickle = setInterval(() => stream.input.write(sample.subarray(0, 18_800)), 10)
    await expect(stream.done).rejects.toMatchObject({ code: 'FFMPEG_FAILED', message: /nothing for 200 ms/ })
    clearInterval(trickle)
  })

  it('kills a process that does not listen to signals', async () => {
    const stream = open({}, { program: script("trap '' TERM; while :; do sleep 0.05; done"), killMs: 100 })
    void feed(stream, sample)
    await vi.waitFor(() => expect(children()).toHaveLength(1), limit)
    stream.close()
    await stream.done
    expect(children()).toEqual([])
  })

  it('says what ffmpeg said, but not all of it', async () => {
    const program = script('yes complaint | head -c 2000000 >&2; echo the last word >&2; exit 3')
    const stream = open({}, { program })
    void feed(stream, sample)
    const error: unknown = await stream.done.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'FFMPEG_FAILED', message: /ended with 3: .*the last word/ })
    expect((error as Error).message.length).toBeLessThan(5000)
  })

  it('fails when its process ends before the input does', async () => {
    const stream = open({}, { program: script('exit 0') })
    stream.input.write(sample.subarray(0, 188_000))
    await expect(stream.done).rejects.toMatchObject({ code: 'FFMPEG_FAILED', message: /before its input/ })
  })
})

describe('FfmpegEngine', () => {
  it('knows that there is no ffmpeg', async () => {
    const engine = engineOf({ program: join(folder, 'absent') })
    await engine.ready()
    expect(engine.problem).toMatchObject({ code: 'FFMPEG_MISSING' })
    expect(() => engine.open(defaultProfile)).toThrow(/absent is not there/)
  })

  it('fails with FFMPEG_MISSING where it has not been asked before', async () => {
    const stream = open({}, { program: join(folder, 'absent') })
    await play(stream, sample)
    await expect(stream.done).rejects.toMatchObject({ code: 'FFMPEG_MISSING' })
  })

  it('refuses a codec that the program has no encoder for, and only that', async () => {
    const engine = engineOf({ program: script('echo " A..... aac  AAC"') })
    await engine.ready()
    expect(() => engine.open({ ...defaultProfile, audio: 'mp3' })).toThrow(/no encoder libmp3lame/)
    expect(() => engine.open(defaultProfile)).not.toThrow()
    expect(() => engine.open({ ...defaultProfile, audio: 'copy' })).not.toThrow()
  })

  it('has a limit of processes', async () => {
    const engine = engineOf({ mostProcesses: 1 })
    const first = engine.open(defaultProfile)
    expect(() => engine.open(defaultProfile)).toThrow('All 1 places')
    first.close()
    await first.done
    await vi.waitFor(() => engine.open(defaultProfile), limit)
  })

  it('takes no more streams once it is closed', async () => {
    const engine = engineOf()
    const stream = engine.open(defaultProfile)
    await engine.close()
    expect(stream.output.isDrained).toBe(true)
    expect(() => engine.open(defaultProfile)).toThrow('shutting down')
  })
})

/** Writes all, as fast as it is taken, unless the input is closed. */
async function feed({ input }: EngineStream, bytes: Buffer, taken?: (bytes: number) => void): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const count = input.write(bytes.subarray(at, at + 13_160))
    if (count < 0) return
    taken?.(count)
    at += count
    if (count === 0) await input.whenWritable()
  }
  input.close()
}

async function drain({ output }: EngineStream): Promise<void> {
  while (!output.isDrained) {
    output.release(output.readable().length)
    if (output.fill === 0) await output.whenReadable()
  }
}

/** A program with this shell text in place of ffmpeg. */
function script(text: string): string {
  const file = join(folder, `script-${Math.abs(hash(text))}`)
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
  return file
}

function hash(text: string): number {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7)
}

/** The processes of this one, zombies too. */
function children(): number[] {
  const file = `/proc/${process.pid}/task/${process.pid}/children`
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

/** How many pipes and sockets this process has open. */
function pipes(): number {
  const kinds = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // closed meanwhile
    }
  })
  return kinds.filter((kind) => /^(socket|pipe):/.test(kind)).length
}

// MPEG-2 picture, two MP2 tracks, the second one mono, with PIDs and a number as a broadcaster's.
function makeSample(): Buffer {
  const seconds = 4
  const tone = (hz: number) => [
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=${hz}:sample_rate=48000:duration=${seconds}`,
  ]
  const args = [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=352x288:rate=25:duration=${seconds}`],
    ...[...tone(440), ...tone(660), '-map', '0', '-map', '1', '-map', '2'],
    ...['-c:v', 'mpeg2video', '-b:v', '700k', '-g', '12', '-c:a', 'mp2', '-b:a', '192k'],
    ...['-ac:a:0', '2', '-ac:a:1', '1', '-metadata:s:a:0', 'language=deu', '-metadata:s:a:1', 'language=eng'],
    ...['-streamid', `0:${pids.video}`, '-streamid', `1:${pids.german}`, '-streamid', `2:${pids.english}`],
    ...['-mpegts_service_id', String(sid), '-mpegts_pmt_start_pid', String(pids.map)],
    ...['-output_ts_offset', '5000', '-f', 'mpegts', 'pipe:1'],
  ]
  return execFileSync('ffmpeg', args, { maxBuffer: 64 * 1024 * 1024 })
}

/** The same so many times more, on a clock that goes on. */
function lengthened(stream: Buffer, times: number): Buffer {
  const file = join(folder, 'short.ts')
  writeFileSync(file, stream)
  const args = ['-v', 'error', '-stream_loop', String(times), '-i', file, '-map', '0', '-c', 'copy']
  return execFileSync('ffmpeg', [...args, '-f', 'mpegts', 'pipe:1'], { maxBuffer: 64 * 1024 * 1024 })
}

/** A hash of the picture's packets as ffmpeg reads them. */
function pictureOf(stream: Buffer): string {
  const args = ['-v', 'error', '-i', 'pipe:0', '-map', '0:v', '-c', 'copy', '-copyinkf', '-f', 'md5', '-']
  return execFileSync('ffmpeg', args, { input: stream }).toString()
}

interface Probe {
  readonly programs: readonly { readonly program_id: number; readonly pmt_pid: number }[]
  readonly streams: ReadonlyArray<{
    readonly codec_type: string
    readonly codec_name: string
    readonly id: string
    readonly start_pts: number
    readonly channels?: number
    readonly tags?: { readonly language?: string }
  }>
}

function probe(stream: Buffer) {
  const args = ['-v', 'error', '-show_programs', '-show_streams', '-of', 'json', '-i', 'pipe:0']
  const { programs, streams } = JSON.parse(
    execFileSync('ffprobe', args, { input: stream }).toString(),
  ) as Probe
  return {
    program: programs.map(({ program_id: number, pmt_pid: map }) => ({ number, map })),
    streams: streams.map((each) => ({
      type: each.codec_type,
      codec: each.codec_name,
      pid: Number(each.id),
      startPts: each.start_pts,
      channels: each.channels,
      language: each.tags?.language,
    })),
  }
}
