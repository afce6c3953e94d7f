import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { outcome, run, start } from './cli/command.ts'

let folder = ''
let input = Buffer.alloc(0)
const at = (name: string) => join(folder, name)

// Six seconds of interlaced MPEG-2 with MP2 in two languages, as a broadcaster would send it.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xg2g-'))
  const sources = [
    ...['-f', 'lavfi', '-i', 'testsrc=size=352x288:rate=25'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=880:sample_rate=48000'],
  ]
  const codecs = [
    ...['-map', '0', '-map', '1', '-map', '2', '-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-g', '12'],
    ...[
      '-c:a',
      'mp2',
      '-b:a',
      '192k',
      '-ac',
      '2',
      '-metadata:s:a:0',
      'language=deu',
      '-metadata:s:a:1',
      'language=eng',
    ],
  ]
  execFileSync('ffmpeg', ['-v', 'error', ...sources, '-t', '6', ...codecs, '-f', 'mpegts', at('in.ts')])
  input = readFileSync(at('in.ts'))
})
afterAll(() => rm(folder, { recursive: true }))

/** One line per stream: codec, channels, language; the video's field order. */
function probe(file: string): string[] {
  const fields = 'stream=codec_name,channels,field_order:stream_tags=language'
  const args = ['-v', 'error', '-show_entries', fields, '-of', 'json', file]
  const { streams } = JSON.parse(execFileSync('ffprobe', args).toString()) as {
    streams: { codec_name?: string; channels?: number; field_order?: string; tags?: { language?: string } }[]
  }
  return streams.map(({ codec_name, channels, field_order, tags }) =>
    [codec_name, channels ?? field_order, tags?.language].filter((field) => field !== undefined).join(' '),
  )
}

/** A hash of the packets of a stream, as they are in the file. */
function hash(file: string, stream: string): string {
  return execFileSync('ffmpeg', [
    '-v',
    'error',
    '-i',
    file,
    '-map',
    stream,
    '-c',
    'copy',
    '-f',
    'md5',
    '-',
  ]).toString()
}

describe('xg2g remux', () => {
  it.each([
    [[], ['aac 2 deu', 'aac 2 eng']],
    [
      ['--audio', 'mp3', '--bitrate', '128k'],
      ['mp3 2 deu', 'mp3 2 eng'],
    ],
    [
      ['--audio', 'copy'],
      ['mp2 2 deu', 'mp2 2 eng'],
    ],
    [
      ['--channels', '1'],
      ['aac 1 deu', 'aac 1 eng'],
    ],
    [
      ['--language', 'eng,deu'],
      ['aac 2 eng', 'aac 2 deu'],
    ],
    [['--language', 'eng'], ['aac 2 eng']],
    [
      ['--keep-original', '--language', 'deu'],
      ['aac 2 deu', 'mp2 2 deu'],
    ],
  ])('makes of the sound what %j says', async (options, sound) => {
    const { code, stderr } = await run(['remux', ...options, at('in.ts'), at('out.ts')])
    expect([code, stderr]).toEqual([0, ''])
    const [video, ...audio] = probe(at('out.ts'))
    expect(video).toMatch(/^mpeg2video/)
    expect(audio).toEqual(sound)
    expect(hash(at('out.ts'), '0:v')).toBe(hash(at('in.ts'), '0:v'))
  })

  it('gives the same on files and pipes, in every combination', async () => {
    await run(['remux', at('in.ts'), at('file.ts')])
    const file = readFileSync(at('file.ts'))
    const both = await run(['remux'], { input })
    const fromPipe = await run(['remux', '-', at('piped.ts')], { input })
    const toPipe = await run(['remux', at('in.ts'), '-'])
    expect([both.code, fromPipe.code, toPipe.code]).toEqual([0, 0, 0])
    expect(both.stdout.equals(file)).toBe(true)
    expect(readFileSync(at('piped.ts')).equals(file)).toBe(true)
    expect(toPipe.stdout.equals(file)).toBe(true)
  })

  it('writes what it has while the input is still coming', async () => {
    const child = start(['remux'])
    child.stdin.write(input.subarray(0, input.length / 2))
    const [piece] = (await once(child.stdout, 'data')) as [Buffer]
    expect(piece[0]).toBe(0x47)
    child.stdin.end()
    expect((await outcome(child)).code).toBe(0)
  })

  it('picks the programme that is asked for', async () => {
    const { code } = await run(['remux', '--program', '1', at('in.ts'), at('out.ts')])
    expect([code, probe(at('out.ts')).length]).toEqual([0, 3])
  })

  it('writes statistics as JSON, to a file or to stderr', async () => {
    await run(['remux', '--stats', at('stats.json'), at('in.ts'), at('out.ts')])
    const stats: unknown = JSON.parse(readFileSync(at('stats.json'), 'utf8'))
    expect(stats).toMatchObject({
      bytesIn: input.length,
      bytesOut: statSync(at('out.ts')).size,
      problem: '',
      tracks: [
        { language: 'deu', codec: 'mp2', target: 'aac', mode: 'transcode', channels: 2, rate: 48_000 },
        { language: 'eng', mode: 'transcode' },
      ],
    })
    const { streamSeconds, wallSeconds, cpuSeconds, speed } = stats as Record<string, number>
    expect(streamSeconds).toBeGreaterThan(5.5)
    expect(streamSeconds).toBeLessThan(6.5)
    expect([wallSeconds, cpuSeconds, speed].every((value) => value !== undefined && value > 0)).toBe(true)
    const { stderr } = await run(['remux', '--stats', '-', at('in.ts'), at('out.ts')])
    expect(JSON.parse(stderr)).toMatchObject({ bytesIn: input.length })
  })

  it('ends quietly when the reader of a pipe has enough', async () => {
    const child = start(['remux', at('in.ts')])
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await outcome(child)).toMatchObject({ code: 0, stderr: '' })
  })

  it('ends with what it has when it is interrupted', async () => {
    const child = start(['remux', '-', at('interrupted.ts')])
    child.stdin.on('error', () => undefined)
    child.stdin.write(input)
    await vi.waitFor(() => expect(existsSync(at('interrupted.ts'))).toBe(true), { timeout: 10_000 })
    child.kill('SIGINT')
    const { code, stderr } = await outcome(child)
    expect(code).toBe(1)
    expect(stderr).toContain('interrupted')
    expect(statSync(at('interrupted.ts')).size % 188).toBe(0)
    expect(probe(at('interrupted.ts'))).toHaveLength(3)
  })

  it('reports damage on stderr and goes on', async () => {
    const damaged = Buffer.concat([input.subarray(0, 188 * 1000), input.subarray(188 * 1003)])
    const { code, stderr } = await run(['remux', '-', at('out.ts')], { input: damaged })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^xg2g remux: in the input: .*continuity \d/)
  })

  it('passes a stream without sound', async () => {
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-i',
      at('in.ts'),
      '-map',
      '0:v',
      '-c',
      'copy',
      '-f',
      'mpegts',
      at('mute.ts'),
    ])
    const { code } = await run(['remux', at('mute.ts'), at('out.ts')])
    expect([code, probe(at('out.ts')).length]).toEqual([0, 1])
    expect(hash(at('out.ts'), '0:v')).toBe(hash(at('in.ts'), '0:v'))
  })
})

describe('xg2g remux of what it cannot use', () => {
  const noise = Buffer.alloc(300_000)
  for (let index = 0, state = 1; index < noise.length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    noise[index] = state >>> 16
  }
  const pidOf = (packet: Buffer) => packet.readUInt16BE(1) & 0x1fff
  const packetsOf = (bytes: Buffer) =>
    Array.from({ length: bytes.length / 188 }, (_, packet) =>
      bytes.subarray(packet * 188, packet * 188 + 188),
    )

  it.each<[string, () => Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /it is empty/],
    ['noise', () => noise, /no sync|no PAT/],
    ['zeros', () => Buffer.alloc(100_000), /no sync/],
    [
      'a stream without a PAT',
      () => Buffer.concat(packetsOf(input).filter((packet) => pidOf(packet) !== 0)),
      /no PAT/,
    ],
    [
      'a stream without a PMT',
      () => Buffer.concat(packetsOf(input).filter((packet) => pidOf(packet) !== 0x1000)),
      /no PMT/,
    ],
    ['a scrambled stream', () => scramble(input), /scrambled/],
  ])('says what was found in %s', async (_, bytes, found) => {
    const { code, stdout, stderr } = await run(['remux', '--stats', at('bad.json')], { input: bytes() })
    expect(code).toBe(1)
    expect(stderr).toMatch(/The input holds no stream that can be used: /)
    expect(stderr).toMatch(found)
    expect(JSON.parse(readFileSync(at('bad.json'), 'utf8'))).toMatchObject({ bytesIn: bytes().length })
    if (!stderr.includes('scrambled')) expect(stdout).toHaveLength(0)
  })

  it('leaves no empty file and keeps the one that was there', async () => {
    await run(['remux', '-', at('never.ts')], { input: noise })
    expect(existsSync(at('never.ts'))).toBe(false)
    writeFileSync(at('precious.ts'), 'precious')
    await run(['remux', '-', at('precious.ts')], { input: noise })
    expect(readFileSync(at('precious.ts'), 'utf8')).toBe('precious')
  })

  function scramble(bytes: Buffer): Buffer {
    const packets = packetsOf(Buffer.from(bytes))
    for (const packet of packets.filter((each) => pidOf(each) >= 0x100 && pidOf(each) < 0x1000))
      packet[3]! |= 0x80
    return Buffer.concat(packets)
  }
})

describe('xg2g remux, wrongly used', () => {
  it.each([
    [['--nope'], "Unknown option '--nope'"],
    [['--audio', 'opus'], 'Expected one of aac, mp3, copy for audio but received "opus"'],
    [['--encoder', 'lame'], 'Expected one of xg2g, libavcodec for encoder but received "lame"'],
    [['--bitrate', '9M'], 'for bitrate but received "9M"'],
    [['--channels', '3'], 'for channels but received "3"'],
    [['--language', 'german'], 'for language but received "german"'],
    [['--program', '70000'], 'for program but received "70000"'],
    [['--video', 'av1'], 'Expected one of copy, h264, hevc for --video but received "av1"'],
    [['a', 'b', 'c'], 'received also c'],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stderr } = await run(['remux', ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('does not write over its own input, by name, link or redirection', async () => {
    const script = `cp ${at('in.ts')} ${at('own.ts')}; ln -sf ${at('own.ts')} ${at('link.ts')}
      ./xg2g remux ${at('own.ts')} ${at('own.ts')}; echo $?
      ./xg2g remux ${at('own.ts')} ${at('link.ts')}; echo $?
      ./xg2g remux - ${at('own.ts')} < ${at('own.ts')}; echo $?
      ./xg2g remux ${at('own.ts')} >> ${at('own.ts')}; echo $?
      ./xg2g remux --stats ${at('own.ts')} ${at('own.ts')} /dev/null; echo $?`
    const { stdout, stderr } = spawnSync('sh', ['-c', script])
    expect(stdout.toString().trim().split('\n')).toEqual(['2', '2', '2', '2', '2'])
    expect(stderr.toString()).toContain('the same file')
    expect(readFileSync(at('own.ts')).equals(input)).toBe(true)
  })

  it.each([
    [['/nowhere/in.ts', '-'], '/nowhere/in.ts'],
    [['.', '-'], 'directory'],
  ])('exits with 1 when %j cannot be read', async (args, message) => {
    const { code, stderr } = await run(['remux', ...args])
    expect(code).toBe(1)
    expect(stderr).toContain(message)
  })

  it('exits with 1 when the output cannot be written', async () => {
    const { code, stderr } = await run(['remux', at('in.ts'), '/nowhere/out.ts'])
    expect(code).toBe(1)
    expect(stderr).toContain('/nowhere/out.ts')
  })

  it('prints its options with --help', async () => {
    const { code, stdout } = await run(['remux', '--help'])
    expect(code).toBe(0)
    for (const option of [
      '--audio',
      '--encoder',
      '--bitrate',
      '--channels',
      '--language',
      '--program',
      '--keep-original',
      '--video',
      '--stats',
    ]) {
      expect(stdout.toString()).toContain(option)
    }
  })
})

describe('xg2g remux --video', () => {
  it.each([
    ['h264', 'h264 progressive'],
    ['hevc', 'hevc'],
  ])('makes %s of the picture, with the sound and times of the remuxer', async (target, video) => {
    const { code, stderr } = await run(['remux', '--video', target, at('in.ts'), at('video.ts')])
    expect([code, stderr]).toEqual([0, ''])
    expect(probe(at('video.ts'))).toEqual([video, 'aac 2 deu', 'aac 2 eng'])
    await run(['remux', at('in.ts'), at('sound.ts')])
    expect(hash(at('video.ts'), '0:a:0')).toBe(hash(at('sound.ts'), '0:a:0'))
    expect(startOf(at('video.ts'), 'a:0')).toBe(startOf(at('sound.ts'), 'a:0'))
    expect(startOf(at('video.ts'), 'v:0')).toBe(startOf(at('sound.ts'), 'v:0'))
  })

  it('says so when ffmpeg is missing', async () => {
    const { code, stderr } = await run(['remux', '--video', 'h264', at('in.ts'), at('none.ts')], {
      env: { PATH: onlyCoreutils() },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('ffmpeg is not installed')
    expect(existsSync(at('none.ts'))).toBe(false)
  })

  it('says so when the device is missing', async () => {
    const env = { VAAPI_DEVICE: '/nowhere/renderD128' }
    const { code, stderr } = await run(['remux', '--video', 'h264', at('in.ts'), at('none.ts')], { env })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^xg2g remux: ffmpeg ended with 1: .*device/i)
    expect(existsSync(at('none.ts'))).toBe(false)
  })

  it('says what was found when there is nothing to encode', async () => {
    const { code, stderr } = await run(['remux', '--video', 'h264', '-', at('none.ts')])
    expect(code).toBe(1)
    expect(stderr).toContain('it is empty')
  })

  it('ends quietly when the reader of a pipe has enough', async () => {
    const child = start(['remux', '--video', 'h264', at('in.ts')])
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await outcome(child)).toMatchObject({ code: 0, stderr: '' })
  })

  function startOf(file: string, stream: string): string {
    const entries = ['-select_streams', stream, '-show_entries', 'stream=start_time', '-of', 'csv=p=0']
    return (
      execFileSync('ffprobe', ['-v', 'error', ...entries, file])
        .toString()
        .split(/[,\n]/)[0] ?? ''
    )
  }

  // A path with what the launcher needs, and no ffmpeg.
  function onlyCoreutils(): string {
    const tools = at('tools')
    execFileSync('sh', [
      '-c',
      `mkdir -p ${tools}; for each in sh dirname readlink; do ln -sf $(command -v $each) ${tools}; done`,
    ])
    return `${tools}:${dirname(process.execPath)}`
  }
})
