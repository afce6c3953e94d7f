import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { pids } from '../../../perf/input.ts'
import { spread } from '../../../perf/live/multiplex.ts'
import { packetAt, packetBytes, Recording, starts } from '../../../perf/live/stream.ts'

let stream: Buffer
const bitrate = 2_000_000

beforeAll(() => {
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=352x288:rate=25:duration=3']
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=3']
  const codecs = ['-c:v', 'mpeg2video', '-b:v', '1M', '-g', '12', '-c:a', 'mp2', '-b:a', '192k', '-ac', '2']
  const mux = ['-muxrate', String(bitrate), '-pes_payload_size', '0', '-f', 'mpegts', 'pipe:1']
  stream = execFileSync('ffmpeg', ['-v', 'error', ...picture, ...sound, ...codecs, ...mux], {
    maxBuffer: 2 ** 26,
  })
})

function payloads(bytes: Uint8Array, pid: number): string {
  const hash = createHash('sha1')
  for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
    const packet = packetAt(bytes, at)
    if (packet.pid === pid) hash.update(bytes.subarray(at + packet.payloadAt, at + packetBytes))
  }
  return hash.digest('hex')
}

describe('Recording', () => {
  it('has the PES packets with the time of their last byte, whatever the pieces', () => {
    const whole = new Recording()
    whole.add(stream, 5)
    const pieces = new Recording()
    for (let at = 0; at < stream.length; at += 1000) pieces.add(stream.subarray(at, at + 1000), at)
    expect(whole.startedAt).toBe(5)
    const sound = pieces.units(pids.audio)
    expect(sound.map(({ pts, payload }) => ({ pts, payload }))).toEqual(
      whole.units(pids.audio).map(({ pts, payload }) => ({ pts, payload })),
    )
    expect(sound.length).toBeGreaterThan(100)
    expect(sound[1]?.payload.length).toBe(576) // one MP2 frame of 192 kbit/s
    expect((sound[2]?.pts ?? 0) - (sound[1]?.pts ?? 0)).toBe(2160)
    const times = sound.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(pieces.firstOf(pids.video)).toBeLessThan(times[0] ?? 0)
    expect(pieces.firstOf(0x55)).toBeUndefined()
  })
})

describe('Recording of a stream that is joined', () => {
  const recorded = (from: number, to = stream.length) => {
    const recording = new Recording()
    for (let at = from; at < to; at += packetBytes) recording.add(stream.subarray(at, at + packetBytes), at)
    return recording
  }

  it('has the first picture when the next one begins, after tables and an access point', () => {
    const { beforeKeys } = starts(stream, pids.video)
    const [first = 0, second = 0] = beforeKeys
    const whole = recorded(first).units(pids.video)
    const next = recorded(first).firstPicture(pids.video)
    expect(next).toBeGreaterThan(whole[0]?.atMs ?? Infinity)
    expect(next).toBeLessThan(whole[1]?.atMs ?? 0)
    // From behind the access point on it is the next one that counts.
    expect(recorded(first + 40 * packetBytes).firstPicture(pids.video)).toBeGreaterThan(second)
    expect(recorded(first, first + 4 * packetBytes).firstPicture(pids.video)).toBeUndefined()
  })

  it('leaves out the last PES packet of each PID, and nothing else', () => {
    const cut = recorded(0, 2000 * packetBytes)
    const whole = new Recording()
    whole.add(cut.whole(), 0)
    for (const pid of [pids.video, pids.audio]) {
      const known = cut.units(pid).map(({ payload }) => payload)
      expect(whole.units(pid).map(({ payload }) => payload)).toEqual(known.slice(0, -1))
    }
  })

  it('has the DTS, in the order of the units', () => {
    const stamps = recorded(0).units(pids.video)
    expect(stamps.some(({ pts, dts }) => dts < pts)).toBe(true)
    const order = stamps.map(({ dts }) => dts)
    expect(order).toEqual(order.toSorted((one, other) => one - other))
  })

  it('has the times at which breaks were told', () => {
    const recording = recorded(0, 100 * packetBytes)
    const packet = Buffer.alloc(packetBytes, 0xff)
    packet.set([0x47, pids.video >> 8, pids.video & 0xff, 0x20, packetBytes - 5, 0x80])
    recording.add(packet, 1e9)
    expect(recording.breaks(pids.video)).toEqual([1e9])
    expect(recording.breaks(pids.audio)).toEqual([])
  })
})

describe('starts', () => {
  it('finds the tables, and the ones before key frames among them', () => {
    const { tables, beforeKeys } = starts(stream, pids.video)
    expect(tables.length).toBeGreaterThan(20)
    expect(beforeKeys.length).toBeGreaterThanOrEqual(6)
    expect(tables).toEqual(expect.arrayContaining(beforeKeys))
  })
})

describe('spread', () => {
  it('keeps every byte of each stream, spaces the sound evenly and makes none of it later than a frame', () => {
    const even = spread(stream, pids.audio, bitrate / 8)
    for (const pid of [0, pids.video, pids.audio]) expect(payloads(even, pid)).toBe(payloads(stream, pid))
    const before = positions(stream)
    const after = positions(even)
    expect(after.every((position, place) => position <= (before[place] ?? 0) + 32)).toBe(true)
    const gaps = after.slice(1).map((position, place) => position - (after[place] ?? 0))
    expect(Math.max(...gaps)).toBeLessThan(30) // 24 ms hold 31 packets, four of them with sound
  })
})

function positions(bytes: Uint8Array): number[] {
  const found: number[] = []
  for (let at = 0; at + packetBytes <= bytes.length; at += packetBytes) {
    if (packetAt(bytes, at).pid === pids.audio) found.push(at / packetBytes)
  }
  return found
}
