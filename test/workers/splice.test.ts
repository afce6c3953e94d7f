// A source that is connected again in mid-stream, with the real addon: what a player sees of it.
import { execFileSync, spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { Heartbeat, createHeartbeat } from '../../src/workers/heartbeat.ts'
import { Job } from '../../src/workers/job.ts'
import { Lane } from '../../src/workers/lane.ts'
import { Remuxer, type RemuxStats } from '../../src/workers/native.ts'
import { Pool } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { inspect, range, steps } from '../demo/inspect.ts'
import { readStream } from '../samples/stream.ts'
import { packetBytes } from './packet.ts'
import { makeSample } from './sample.ts'

const videoPid = 0x100
const audioPid = 0x101
const mostTicks = 9 // 0.1 ms
let sample: Buffer
let cut: Buffer // breaks off in the middle of a packet
let fresh: Buffer // of the sample alone
let first: Buffer // of what was cut
let whole: Buffer // of both, one after the other

beforeAll(async () => {
  sample = makeSample(3)
  const packets = Math.floor((sample.length * 2) / 3 / packetBytes)
  cut = sample.subarray(0, packets * packetBytes + 77)
  ;[fresh, first, whole] = await Promise.all([carry([sample]), carry([cut]), carry([cut, sample])])
})

/** The output for sources that follow one another in one stream. */
async function carry(sources: readonly Buffer[]): Promise<Buffer> {
  const pool = new Pool({ workers: 1 })
  const stream = pool.open(defaultProfile)
  const parts: Buffer[] = []
  const send = async () => {
    for (const [place, source] of sources.entries()) {
      if (place > 0) stream.input.splice()
      for (let at = 0; at < source.length;) {
        const taken = stream.input.write(source.subarray(at, at + 1316))
        if (taken === 0) await stream.input.whenWritable()
        at += taken
      }
    }
    stream.input.close()
  }
  const receive = async () => {
    while (!stream.output.isDrained) {
      const piece = stream.output.readable()
      parts.push(Buffer.from(piece))
      stream.output.release(piece.length)
      if (piece.length === 0) await stream.output.whenReadable()
    }
  }
  await Promise.all([send(), receive()])
  await stream.done
  await pool.close()
  return Buffer.concat(parts)
}

function isFlagged(bytes: Buffer, at: number): boolean {
  return (bytes[at + 3]! & 0x20) !== 0 && bytes[at + 4]! > 0 && (bytes[at + 5]! & 0x80) !== 0
}

/** What ffmpeg has to say about the streams chosen by `map`. */
function complaints(bytes: Buffer, map: string): string[] {
  const args = ['-v', 'error', '-i', 'pipe:0', '-map', map, '-f', 'null', '-']
  return spawnSync('ffmpeg', args, { input: bytes, encoding: 'utf8' }).stderr.split('\n').filter(Boolean)
}

describe('A source that is connected again', () => {
  it('goes on with the same PIDs, no packet missing that is not flagged', () => {
    expect(whole.subarray(0, first.length).equals(first)).toBe(true)
    const { faults, packets } = readStream(whole)
    expect([...packets.keys()].sort()).toEqual([...readStream(fresh).packets.keys()].sort())
    // The last picture before the break is cut off, as it came.
    expect(faults.filter(({ what }) => !what.startsWith('PES packet'))).toEqual([])
    expect(faults.length).toBeLessThanOrEqual(2)
  })

  it('flags the first packet of each PID', () => {
    const seen = new Set<number>()
    for (let at = first.length; at < whole.length; at += packetBytes) {
      const pid = whole.readUInt16BE(at + 1) & 0x1fff
      if (seen.has(pid)) continue
      seen.add(pid)
      expect(isFlagged(whole, at), `PID ${pid}`).toBe(true)
    }
    expect(seen.size).toBe(readStream(fresh).packets.size)
  })

  it('goes on in time on every PID, without a gap to speak of', () => {
    const { units, pcrs } = inspect(whole)
    expect([...units.keys()].sort()).toEqual([videoPid, audioPid])
    for (const [pid, list] of units) {
      const { least, most } = range(steps(list.map(({ dts }) => dts)))
      expect(least, `PID ${pid}`).toBeGreaterThan(0)
      expect(most, `PID ${pid}`).toBeLessThan(90_000)
    }
    const { least, most } = range(
      steps(
        (pcrs.get(videoPid) ?? []).map(({ ticks }) => ticks),
        2 ** 33 * 300,
      ),
    )
    expect(least).toBeGreaterThan(0)
    expect(most).toBeLessThan(27_000_000)
  })

  it('has sound, picture and clock as far apart as they were', () => {
    const after = whole.subarray(first.length)
    const [alone, behind] = [inspect(fresh), inspect(after)]
    const pictures = [alone, behind].map(({ units }) => units.get(videoPid)!)
    const sound = [alone, behind].map(({ units }) => units.get(audioPid)!)
    const shift = pictures[1]![0]!.pts - pictures[0]![0]!.pts
    expect(pictures[1]!.map(({ pts }) => pts - shift)).toEqual(pictures[0]!.map(({ pts }) => pts))
    expect(sound[1]!.length).toBe(sound[0]!.length)
    for (const [place, { pts }] of sound[1]!.entries())
      expect(Math.abs(pts - shift - sound[0]![place]!.pts)).toBeLessThanOrEqual(mostTicks)
    const clocks = [alone, behind].map(({ pcrs }) => pcrs.get(videoPid)!.map(({ ticks }) => ticks))
    expect(clocks[1]!.map((ticks) => ticks - 300 * shift)).toEqual(clocks[0])
    // The same sound lies at these times, not only frames.
    const coded = [fresh, after].map((bytes) =>
      readStream(bytes)
        .units.get(audioPid)!
        .map(({ data }) => data),
    )
    expect(Buffer.concat(coded[1]!).equals(Buffer.concat(coded[0]!))).toBe(true)
  })

  it('is decoded without a complaint but about the picture that was cut', () => {
    expect(complaints(whole, '0:a')).toEqual([])
    expect(complaints(whole, '0:v').length).toBeLessThanOrEqual(complaints(first, '0:v').length)
    const probe = ['-v', 'quiet', '-count_frames', '-select_streams', 'v', '-of', 'csv=p=0']
    const count = (bytes: Buffer) =>
      Number.parseInt(
        execFileSync('ffprobe', [...probe, '-show_entries', 'stream=nb_read_frames', 'pipe:0'], {
          input: bytes,
          encoding: 'utf8',
        }),
      )
    expect(count(whole)).toBeGreaterThanOrEqual(count(first) + count(fresh) - 1)
  })

  it('keeps its times when the thread is lost after it, and when it is lost in it', async () => {
    const heartbeat = new Heartbeat(createHeartbeat(), 1000)
    const job = new Job(1, defaultProfile, { label: 'test', inputBytes: 2 ** 21, outputBytes: 2 ** 22 })
    const run = (): Promise<RemuxStats> =>
      new Lane(job.task(), (profile, options) => new Remuxer(profile, options)).run(heartbeat)
    const half = Math.floor(sample.length / 2)
    job.input.write(cut)
    job.input.splice()
    job.input.write(sample.subarray(0, 20 * packetBytes)) // too little for tables and times
    void run() // waits on memory that nobody writes to any more, as a lost thread would
    while (job.input.fill > 0) await new Promise(setImmediate)
    const sentBefore = job.output.fill
    job.rescue()
    job.input.write(sample.subarray(20 * packetBytes, half))
    void run()
    while (job.input.fill > 0) await new Promise(setImmediate)
    job.rescue()
    job.input.write(sample.subarray(half))
    job.input.close()
    await run()
    const output = Buffer.alloc(job.output.fill)
    job.output.read(output)
    const alone = inspect(output.subarray(0, sentBefore)).units.get(videoPid)!
    const behind = inspect(output.subarray(sentBefore)).units.get(videoPid)!
    expect(steps([alone.at(-1)!.dts, behind[0]!.dts])[0]).toBeGreaterThan(0)
    const { least, most } = range(steps(behind.map(({ dts }) => dts)))
    expect(least).toBe(3600)
    expect(most).toBeLessThan(36_000) // what the lost thread had in hand
  })
})
