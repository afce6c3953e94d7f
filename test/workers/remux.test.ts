// The pool with the real addon: what the stand-in of pool.test.ts cannot show.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Heartbeat, createHeartbeat } from '../../src/workers/heartbeat.ts'
import { Job } from '../../src/workers/job.ts'
import { Lane } from '../../src/workers/lane.ts'
import { Remuxer, mostPushBytes, type RemuxStats } from '../../src/workers/native.ts'
import { Pool } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { packetBytes } from './packet.ts'
import { play } from './play.ts'
import { makeSample } from './sample.ts'

let pool: Pool
let sample: Buffer

beforeAll(async () => {
  sample = makeSample(2)
  pool = new Pool({ workers: 2 })
  await pool.ready()
})

afterAll(() => pool.close())

describe('Pool with the addon', () => {
  it('remuxes a broadcast and tells what it saw', async () => {
    const stream = pool.open(defaultProfile)
    const { output, marks } = await play(stream, sample)
    const report = await stream.done
    expect(report).toMatchObject({ bytesIn: sample.length, bytesOut: output.length, errors: 0 })
    expect(report.stats.tracks).toMatchObject([{ codec: 'mp2', mode: 'transcode', target: 'aac' }])
    expect(marks.length).toBe(report.stats.accessPoints)
    for (const { offset } of marks) expect(output[offset]).toBe(0x47)
    expect(report.stats.program).toBe(1)
  })

  it('gives every one of many streams the same bytes', async () => {
    const streams = Array.from({ length: 6 }, () => pool.open(defaultProfile))
    const played = await Promise.all(streams.map((stream) => play(stream, sample)))
    for (const { output } of played) expect(output.equals(played[0]?.output ?? Buffer.alloc(0))).toBe(true)
    await Promise.all(streams.map((stream) => stream.done))
  })

  it('carries a live stream to its end while jobs run, and gives each what a remuxer alone gives', async () => {
    const one = new Pool({ workers: 1 })
    let isOver = false
    const jobs = [1, 1, 1, 2, 3, 4].map((weight) => ({ weight, laps: 0 }))
    const playing = jobs.map((job) =>
      play(one.open(defaultProfile, { weight: job.weight }), sample, () => ++job.laps > 1 && isOver),
    )
    await vi.waitFor(() => expect(Math.min(...jobs.map(({ laps }) => laps))).toBeGreaterThan(1), 30_000)
    const live = await play(one.open(defaultProfile), sample)
    expect(one.stats().jobs).toBe(jobs.length)
    isOver = true
    const played = await Promise.all(playing)
    expect(live.output.equals(alone(1))).toBe(true)
    for (const [place, { laps }] of jobs.entries())
      expect(played[place]?.output.equals(alone(laps))).toBe(true)
    await one.close()
  })

  it.each([
    ['nothing', 0],
    ['noise', 300_000],
    ['null packets', 188 * 100],
  ])('has an error that says what was found: %s', async (kind, length) => {
    const bytes = new Uint8Array(length)
    for (let place = 0; place < length; place++) bytes[place] = kind === 'noise' ? (place * 7919) >> 4 : 0xff
    if (kind === 'null packets')
      for (let at = 0; at < length; at += 188) bytes.set([0x47, 0x1f, 0xff, 0x10], at)
    const stream = pool.open(defaultProfile)
    const { output } = await play(stream, bytes)
    expect(output).toHaveLength(0)
    await expect(stream.done).rejects.toMatchObject({
      code: 'NO_STREAM',
      details: { found: expect.stringMatching(/./) as string },
    })
  })

  it('goes on with a stream whose thread is lost', async () => {
    const job = new Job(1, defaultProfile, { label: 'test', inputBytes: 2 ** 20, outputBytes: 2 ** 20 })
    const half = Math.floor(sample.length / 2)
    void carry(job) // never ends: the thread that is lost
    job.input.write(sample.subarray(0, half))
    while (job.input.fill > 0) await job.input.whenWritable(job.input.capacity)
    await new Promise(setImmediate)
    const before = job.bytesOut
    job.rescue()
    const second = carry(job)
    const { output, marks } = await play(job, sample.subarray(half))
    const stats = await second
    expect(output.length).toBe(before + stats.bytesOut)
    expect(stats.bytesOut).toBeGreaterThan(half / 2)
    for (let at = 0; at < output.length; at += packetBytes) expect(output[at]).toBe(0x47)
    const later = marks.filter(({ offset }) => offset >= before)
    expect(later.length).toBeGreaterThan(0)
    for (const { offset } of marks) expect(output[offset]).toBe(0x47)
  })
})

function carry(job: Job): Promise<RemuxStats> {
  const make = (...[profile, options]: ConstructorParameters<typeof Remuxer>) => new Remuxer(profile, options)
  return new Lane(job.task(), make).run(new Heartbeat(createHeartbeat(), 1000))
}

/** What a remuxer alone makes of the sample, so many times. */
function alone(laps: number): Buffer {
  using remuxer = new Remuxer(defaultProfile)
  const window = new Uint8Array(mostPushBytes)
  const pieces: Uint8Array[] = []
  const take = (length: number) => {
    for (; length > 0; length = remuxer.pull(window)) pieces.push(Uint8Array.from(window.subarray(0, length)))
  }
  for (let lap = 0; lap < laps; lap++)
    for (let at = 0; at < sample.length; at += mostPushBytes)
      take(remuxer.push(sample.subarray(at, at + mostPushBytes), window))
  remuxer.flush()
  take(remuxer.pull(window))
  return Buffer.concat(pieces)
}
