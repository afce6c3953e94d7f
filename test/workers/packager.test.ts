// The packager by what a player meets: whole channels of the demo receiver, remuxed, cut, and put together
// again. What is measured with is not the addon's.
import { execFileSync, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kind } from '../../src/demo/channels.ts'
import { Playback } from '../../src/demo/signal/playback.ts'
import { Packager } from '../../src/workers/packager.ts'
import {
  containers,
  type Container,
  type PackagedPart,
  type PackagedTrack,
} from '../../src/workers/packaging.ts'
import { generationMs } from '../demo/client.ts'
import { channelOf, loopOf } from '../demo/signal/loops.ts'
import { remux, type Remuxed } from '../samples/remuxing.ts'
import { readStream } from '../samples/stream.ts'
import { packetBytes } from './packet.ts'
import { fileOf, nowMs, packaged, partTicks, segmentsOf, slotTicks, type Packaged } from './packaged.ts'

const leastSec = 15
const wrapTicks = 2 ** 33
const channels: readonly Kind[] = ['h264-1080i', 'h264-long-gop', 'open-gop', 'hevc', 'mpeg2', 'radio-aac']
const inFragments = channels.filter((kind) => containersOf(kind).includes('mp4'))
const cases = channels.flatMap((kind) => containersOf(kind).map((container) => ({ kind, container })))
// What a playlist will say of each.
const announced: Readonly<Record<string, readonly string[]>> = {
  'h264-1080i.ts': ['avc1.4D4028,mp4a.40.2 1920x1080i25 deu 2', 'mp4a.40.2 deu 2', 'mp4a.40.2 eng 2'],
  'h264-1080i.mp4': ['avc1.4D4028 1920x1080i25', 'mp4a.40.2 deu 2', 'mp4a.40.2 deu 2', 'mp4a.40.2 eng 2'],
  'h264-long-gop.ts': ['avc1.4D4020,mp4a.40.2 1280x720p50 deu 2'],
  'h264-long-gop.mp4': ['avc1.4D4020 1280x720p50', 'mp4a.40.2 deu 2'],
  'open-gop.ts': ['avc1.4D401F,mp4a.40.2 1280x720p25 deu 2'],
  'open-gop.mp4': ['avc1.4D401F 1280x720p25', 'mp4a.40.2 deu 2'],
  'hevc.ts': ['hvc1.1.6.L123.90,mp4a.40.2 1920x1080p50 deu 2', 'mp4a.40.2 deu 2 description'],
  'hevc.mp4': ['hvc1.1.6.L123.90 1920x1080p50', 'mp4a.40.2 deu 2', 'mp4a.40.2 deu 2 description'],
  'mpeg2.ts': ['mp4v.61,mp4a.40.2 720x576i25 deu 2'],
  'radio-aac.ts': ['mp4a.40.2 deu 2'],
  'radio-aac.mp4': ['mp4a.40.2 deu 2'],
}
const sources = new Map<Kind, Remuxed>()
let folder = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'xg2g-'))
  for (const kind of channels) sources.set(kind, remux(await broadcast(kind)))
}, generationMs)
afterAll(() => rmSync(folder, { recursive: true }))

function containersOf(kind: Kind): readonly Container[] {
  return kind === 'mpeg2' ? ['ts'] : containers
}

/** Whole rounds of a channel, as a receiver would send them.
 *  @param wrapsAfterSec  when the 33 bits of its time stamps begin anew */
async function broadcast(kind: Kind, { wrapsAfterSec }: { wrapsAfterSec?: number } = {}): Promise<Buffer> {
  const loop = await loopOf(kind)
  const playback = new Playback(loop, 0, { programme: channelOf(kind).programme })
  if (wrapsAfterSec !== undefined) playback.shift(wrapTicks - wrapsAfterSec * 90_000 - playback.ticks)
  const rounds = Math.ceil((leastSec * 90_000) / loop.durationTicks)
  return Buffer.concat([playback.opening(), playback.next(rounds * loop.packets)])
}

function sourceOf(kind: Kind): Remuxed {
  const source = sources.get(kind)
  if (source === undefined) throw new Error(`${kind} was not made`)
  return source
}

const results = new Map<string, Packaged>()
const decodings = new Map<string, Decoded>()

/** From the first unit on, but for those that are shown before it. */
function withoutLead<Unit extends { pts: number | undefined }>([first, ...rest]: readonly Unit[]): Unit[] {
  if (first === undefined) return []
  const end = rest.findIndex(({ pts = 0 }) => pts > (first.pts ?? 0))
  return [first, ...rest.slice(end)]
}

/** What becomes of a channel. */
function made(kind: Kind, container: Container): Packaged {
  return kept(results, `${kind}.${container}`, () => packaged(sourceOf(kind).output, container))
}

/** What a decoder makes of the first segments of a track of it. */
function decodedTrack(kind: Kind, container: Container, track = 0): Decoded {
  const name = `${kind}-${track}.${container}`
  return kept(decodings, name, () => decoded(write(name, fileOf(made(kind, container), track, 5))))
}

function kept<T>(all: Map<string, T>, name: string, make: () => T): T {
  const result = all.get(name) ?? make()
  all.set(name, result)
  return result
}

function trackNumbers({ parts }: Packaged): number[] {
  return [...new Set(parts.map(({ track }) => track))].sort()
}

function write(name: string, bytes: Buffer): string {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return file
}

interface Decoded {
  readonly complaints: string
  /** a hash of each picture as it is shown; of each frame where there is sound alone */
  readonly frames: readonly string[]
}

function decoded(file: string): Decoded {
  const input = ['-v', 'warning', '-xerror', '-i', file, '-map', '0']
  const output = ['-fps_mode', 'passthrough', '-f', 'framemd5', '-']
  const { status, stdout, stderr } = spawnSync('ffmpeg', [...input, ...output], { maxBuffer: 2 ** 26 })
  const lines = stdout.toString().split('\n')
  return {
    complaints: status === 0 ? stderr.toString() : `exit ${status}: ${stderr.toString()}`,
    frames: lines.filter((line) => line.startsWith('0,')).map((line) => line.split(',').at(-1)!.trim()),
  }
}

/** Time stamps of the packets of a file's only stream, 90 kHz. */
function stampsIn(file: string): { pts: number; dts: number }[] {
  const args = ['-v', 'error', '-show_entries', 'packet=pts_time,dts_time', '-of', 'json', file]
  const { packets } = JSON.parse(execFileSync('ffprobe', args, { maxBuffer: 2 ** 26 }).toString()) as {
    packets: { pts_time: string; dts_time: string }[]
  }
  return packets.map(({ pts_time: pts, dts_time: dts }) => ({ pts: +pts * 90_000, dts: +dts * 90_000 }))
}

const steps = (values: readonly number[]) => values.slice(1).map((value, index) => value - values[index]!)

/** A track in one line. */
function summary(track: PackagedTrack): string {
  const { codecs, width, height, isInterlaced, frameRate, language, channels, isDescription } = track
  const picture = track.kind === 'video' ? [`${width}x${height}${isInterlaced ? 'i' : 'p'}${frameRate}`] : []
  const sound = channels > 0 ? [language, channels] : []
  return [codecs, ...picture, ...sound, ...(isDescription ? ['description'] : [])].join(' ')
}

/** All of a part but its bytes. */
function headOf({ bytes, ...head }: PackagedPart) {
  return { ...head, size: bytes.length }
}

describe.each(cases)('$kind in $container', { timeout: 120_000 }, ({ kind, container }) => {
  const make = () => made(kind, container)

  it('is told before it comes', () => {
    const { tracks, stats } = make()
    expect(stats).toEqual({ problem: '', continuityErrors: 0, droppedFrames: 0 })
    expect(tracks).toHaveLength(1)
    expect(tracks[0]?.map(summary)).toEqual(announced[`${kind}.${container}`])
  })

  it('has a segment for each slot, each from where the last one ended', () => {
    const result = make()
    for (const track of trackNumbers(result)) {
      const [starter, ...segments] = segmentsOf(result, track)
      const [second] = segments
      expect(starter?.duration).toBeLessThanOrEqual(54_000)
      expect(second?.msn).toBe((starter?.msn ?? NaN) + 1)
      for (const { msn, time, duration } of segments.slice(1)) {
        expect(msn).toBe(Math.floor(time / slotTicks))
        expect(duration).toBeLessThanOrEqual(2 * slotTicks)
      }
      const all = segmentsOf(result, track)
      expect(steps(all.map(({ msn }) => msn))).toEqual(segments.map(() => 1))
      expect(steps(all.map(({ time }) => time))).toEqual(all.slice(0, -1).map(({ duration }) => duration))
      expect(segments.length).toBeGreaterThanOrEqual(7)
    }
  })

  it('has parts of about one length, but for the last of a segment', () => {
    const result = make()
    const least = kind.startsWith('radio') ? 0.8 : 0.85 // those of sound may all be shorter, and are all alike
    for (const track of trackNumbers(result))
      for (const { parts } of segmentsOf(result, track)) {
        expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index))
        expect(parts.map(({ isLast }) => isLast)).toEqual(parts.map((_, index) => index === parts.length - 1))
        for (const { duration, isLast } of parts) {
          expect(duration).toBeLessThanOrEqual(partTicks)
          if (!isLast) expect(duration).toBeGreaterThanOrEqual(least * partTicks)
        }
      }
  })

  it('is cut alike, to the byte, for who comes later', () => {
    const { output, marks } = sourceOf(kind)
    const later = marks.find(({ offset }) => offset > output.length / 8)
    if (later === undefined) throw new Error('no place to begin later')
    const first = make()
    // Tables have come before; another piece length, and another clock, change nothing.
    const second = packaged(
      output.subarray(later.offset - Math.min(later.offset >> 1, 600 * 188)),
      container,
      {
        pieceBytes: 1000,
        nowMs: nowMs + 3_600_000,
      },
    )
    for (const track of trackNumbers(first)) {
      const regular = segmentsOf(second, track).slice(3, -1)
      const msns = new Set(regular.map(({ msn }) => msn))
      expect(msns.size).toBeGreaterThanOrEqual(1)
      const theirs = segmentsOf(first, track).filter(({ msn }) => msns.has(msn))
      const withoutClock = (part: PackagedPart) => ({ ...headOf(part), utcMs: 0 })
      expect(regular.flatMap(({ parts }) => parts.map(withoutClock))).toEqual(
        theirs.flatMap(({ parts }) => parts.map(withoutClock)),
      )
      for (const [index, { bytes, msn }] of regular.entries())
        expect(bytes.equals(theirs[index]?.bytes ?? Buffer.alloc(0)), `${track}/${msn}`).toBe(true)
    }
  })

  it('decodes without a complaint', () => {
    for (const track of trackNumbers(make())) expect(decodedTrack(kind, container, track).complaints).toBe('')
  })
})

describe.each(channels)('%s as a transport stream', (kind) => {
  it('keeps the rules from segment to segment', () => {
    const result = made(kind, 'ts')
    for (const track of trackNumbers(result)) expect(readStream(fileOf(result, track)).faults).toEqual([])
  })

  it('begins each segment with tables of what is in it', () => {
    const result = made(kind, 'ts')
    for (const track of trackNumbers(result)) {
      for (const { bytes } of segmentsOf(result, track)) {
        const { maps, units, packets } = readStream(bytes)
        const announced = maps[0]?.entries.map(({ pid }) => pid) ?? []
        expect(announced).toHaveLength(track === 0 && kind !== 'radio-aac' ? 2 : 1)
        expect([...packets.keys()].slice(0, 2)).toEqual([0, maps[0]?.pid])
        expect([...units.keys()].sort()).toEqual(announced.sort())
      }
    }
  })

  it.runIf(kind !== 'radio-aac')('passes the picture as it is', () => {
    const { video } = channelOf(kind).programme
    const pid = video?.pid ?? NaN
    const before = readStream(sourceOf(kind).output).units.get(pid) ?? []
    const after = readStream(fileOf(made(kind, 'ts'))).units.get(pid) ?? []
    const skipped = before.findIndex(({ pts }) => pts === after[0]?.pts)
    expect(skipped).toBeGreaterThanOrEqual(0)
    expect(skipped).toBeLessThan(before.length / 4)
    const expected = withoutLead(before.slice(skipped))
    expect(after.length).toBe(expected.length)
    for (const [index, { pts, data }] of after.entries()) {
      expect(pts).toBe(expected[index]?.pts)
      expect(data.equals(expected[index]!.data)).toBe(true)
    }
  })
})

describe.each(inFragments)('%s in fragments', { timeout: 120_000 }, (kind) => {
  it('keeps every time stamp', () => {
    const result = made(kind, 'mp4')
    for (const track of trackNumbers(result)) {
      const stamps = stampsIn(write('fragments.mp4', fileOf(result, track)))
      const [first] = segmentsOf(result, track)
      const isSound = kind === 'radio-aac' || track > 0
      // Of 48 kHz, or of 25 or 50 pictures a second.
      const frameTicks = isSound ? 1920 : ['h264-long-gop', 'hevc'].includes(kind) ? 1800 : 3600
      // Behind the first picture those are missing that lead it.
      const [lead = 0, ...others] = steps(stamps.map(({ dts }) => dts))
      for (const step of others) expect(step).toBeCloseTo(frameTicks, -0.6)
      expect(lead / frameTicks).toBeCloseTo(Math.round(lead / frameTicks), 2)
      expect(Math.abs(stamps[0]!.pts - first!.time)).toBeLessThan(isSound ? frameTicks + 1 : 1)
    }
  })

  it.runIf(kind !== 'radio-aac')('shows the same pictures', () => {
    const { frames } = decodedTrack(kind, 'mp4')
    expect(frames.length).toBeGreaterThan(150)
    expect(frames).toEqual(decodedTrack(kind, 'ts').frames)
  })
})

describe('HEVC in fragments', () => {
  it('is hvc1, as its codecs say', () => {
    const result = made('hevc', 'mp4')
    const file = write('hevc.mp4', fileOf(result))
    const args = [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_tag_string,width,height,level',
      '-of',
      'csv=p=0',
    ]
    expect(
      execFileSync('ffprobe', [...args, file])
        .toString()
        .trim(),
    ).toBe('hvc1,1920,1080,123')
    expect(result.tracks[0]?.[0]?.codecs).toBe('hvc1.1.6.L123.90')
  })
})

describe('a stream that is come upon in the middle of a group', () => {
  const inGroups = cases.filter(({ kind }) => kind === 'open-gop' || kind === 'hevc' || kind === 'mpeg2')

  it.each(inGroups)(
    'begins with the picture that is shown first: $kind in $container',
    ({ kind, container }) => {
      const { output } = sourceOf(kind)
      const middle = Math.floor(output.length / 3 / packetBytes) * packetBytes
      const result = packaged(output.subarray(middle), container)
      const file = write(`middle-${kind}.${container}`, fileOf(result, 0, 3))
      const args = [
        '-v',
        'error',
        '-select_streams',
        'v',
        '-show_entries',
        'packet=pts',
        '-of',
        'csv=p=0',
        file,
      ]
      const times = execFileSync('ffprobe', args).toString().match(/\d+/g)?.map(Number) ?? []
      expect(times.length).toBeGreaterThan(50)
      expect(Math.min(...times)).toBe(times[0])
      expect(decoded(file).complaints).toBe('')
    },
  )
})

describe('time stamps that wrap', () => {
  it.each(['ts', 'mp4'] as const)('go on in %s', async (container) => {
    const { output } = remux(await broadcast('h264-1080i', { wrapsAfterSec: 7 }))
    const result = packaged(output, container)
    const segments = segmentsOf(result)
    expect(segments.length).toBeGreaterThanOrEqual(8)
    expect(steps(segments.map(({ msn }) => msn)).every((step) => step === 1)).toBe(true)
    expect(steps(segments.map(({ time }) => time))).toEqual(
      segments.slice(0, -1).map(({ duration }) => duration),
    )
    expect(result.parts.some(({ isDiscontinuous }) => isDiscontinuous)).toBe(false)
    expect(decoded(write(`wrap.${container}`, fileOf(result))).complaints).toBe('')
    // It is counted from the clock: within half a round of it.
    expect(Math.abs(segments[0]!.time - nowMs * 90)).toBeLessThan(wrapTicks / 2)
  })
})

describe('the clock of the broadcast', () => {
  it('tells when a part was sent, where ours is wrong', async () => {
    const hourMs = 3_600_000
    const loop = await loopOf('h264-1080i')
    const startSec = nowMs / 1000
    const position = loop.packetAt(startSec * 90_000)
    const playback = new Playback(loop, position, { programme: channelOf('h264-1080i').programme })
    const { output } = remux(Buffer.concat([playback.opening(), playback.next(loop.packets)]))
    const { parts } = packaged(output, 'ts', { nowMs: nowMs + 5 * hourMs })
    const [first] = parts
    for (const { utcMs, time } of parts)
      expect(Math.abs(utcMs - nowMs - (time - first!.time) / 90)).toBeLessThan(3000)
  })
})

describe('a break', () => {
  it('in the counters, flagged, begins a segment that says so', () => {
    const { output } = sourceOf('h264-1080i')
    const cut = sourceOf('h264-1080i').marks.find(({ offset }) => offset > output.length / 2)!.offset
    const pid = channelOf('h264-1080i').programme.video?.pid ?? NaN
    const flag = Buffer.alloc(188, 0xff)
    flag.set([0x47, pid >> 8, pid & 0xff, 0x20, 183, 0x80])
    const flagged = Buffer.concat([output.subarray(0, cut), flag, output.subarray(cut)])
    const result = packaged(flagged, 'ts')
    const breaks = result.parts.filter(({ isDiscontinuous, track }) => isDiscontinuous && track === 0)
    expect(breaks).toMatchObject([{ part: 0, isIndependent: true }])
    expect(steps(segmentsOf(result).map(({ msn }) => msn)).every((step) => step === 1)).toBe(true)
    for (const { duration } of segmentsOf(result)) expect(duration).toBeLessThanOrEqual(2 * slotTicks)
    // From the next slot on all is as it would have been.
    const usual = segmentsOf(packaged(output, 'ts')).at(-2)
    expect(
      segmentsOf(result)
        .at(-2)
        ?.bytes.equals(usual?.bytes ?? Buffer.alloc(0)),
    ).toBe(true)
  })

  it('of ten seconds leaves numbers out', () => {
    const { output, marks } = sourceOf('h264-1080i')
    const from = marks.find(({ offset }) => offset > output.length / 6)!.offset
    const to = marks.findLast(({ offset }) => offset < (output.length * 5) / 6)!.offset
    const result = packaged(Buffer.concat([output.subarray(0, from), output.subarray(to)]), 'ts')
    const segments = segmentsOf(result)
    const at = segments.findIndex(({ parts }) => parts[0]?.isDiscontinuous)
    expect(at).toBeGreaterThan(0)
    expect(segments[at]!.msn).toBeGreaterThan(segments[at - 1]!.msn + 3)
    expect(segments[at]!.msn).toBe(Math.floor(segments[at]!.time / slotTicks))
  })

  it('back in time goes on in the next slot', () => {
    const { output } = sourceOf('h264-1080i')
    const result = packaged(Buffer.concat([output, output]), 'mp4')
    const segments = segmentsOf(result)
    expect(steps(segments.map(({ msn }) => msn)).every((step) => step === 1)).toBe(true)
    expect(steps(segments.map(({ time }) => time)).every((step) => step > 0)).toBe(true)
    expect(result.parts.filter(({ isDiscontinuous, track }) => isDiscontinuous && track === 0)).toHaveLength(
      1,
    )
  })
})

describe('tracks', () => {
  it('that end are told, and what follows is a discontinuity', async () => {
    const loop = await loopOf('h264-1080i')
    const playback = new Playback(loop, 0, { programme: channelOf('h264-1080i').programme })
    const half = Math.floor(loop.packets / 2)
    const before = [playback.opening(), playback.next(half)]
    playback.changePmt('drop-audio')
    const { output } = remux(Buffer.concat([...before, playback.next(half)]))
    const { tracks, parts } = packaged(output, 'ts')
    expect(tracks.map((list) => list.map(({ language }) => language))).toEqual([
      ['deu', 'deu', 'eng'],
      ['deu', 'deu'],
    ])
    expect(parts.filter(({ isDiscontinuous, track }) => isDiscontinuous && track === 0)).toHaveLength(1)
    expect(parts.at(-1)?.track).toBeLessThan(2)
  })
})

describe('Packager', () => {
  it('says what keeps output from flowing', () => {
    expect(packaged(sourceOf('mpeg2').output, 'mp4')).toMatchObject({
      parts: [],
      stats: { problem: 'MP4 has no place for MPEG-2 video' },
    })
    expect(packaged(Buffer.alloc(100_000, 7), 'ts').stats.problem).toBe('no tables have come')
  })

  it('refuses lengths that divide nothing, and too many bytes', () => {
    const make = (slot: number, part: number) => () =>
      new Packager({ container: 'ts', slotTicks: slot, partTicks: part, nowMs })
    for (const [slot, part] of [
      [0, 0],
      [1000, 2000],
      [slotTicks, -1],
      [90_000_000, 1],
    ] as const)
      expect(make(slot, part)).toThrow(TypeError)
    using packager = make(slotTicks, partTicks)()
    expect(() => packager.push(new Uint8Array(65_537))).toThrow(TypeError)
  })

  it('may be closed twice, and is of no use then', () => {
    const packager = new Packager({ container: 'ts', slotTicks, partTicks, nowMs })
    packager.push(sourceOf('radio-aac').output.subarray(0, 50_000))
    packager.close()
    packager.close()
    const closed = expect.objectContaining({ code: 'INTERNAL', message: 'The packager is closed' }) as unknown
    expect(() => packager.take()).toThrow(closed)
    expect(() => packager.push(new Uint8Array(188))).toThrow(closed)
  })
})
