// What must not leak: streams opened and closed, threads killed, threads ended in a native call. Short
// here; `SOAK=1 vitest run test/workers/soak.test.ts` does the whole number of rounds.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, it } from 'vitest'
import { nativeUse } from '../../src/workers/native.ts'
import { Pool, type PoolStream } from '../../src/workers/pool.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { collectGarbage, rssBytes } from './memory.ts'
import { play } from './play.ts'
import { makeSample } from './sample.ts'
import { Viewer } from './viewer.ts'

const isLong = process.env.SOAK !== undefined
const limitMs = isLong ? 3_600_000 : 60_000
const mebibyte = 1024 * 1024
let sample: Buffer

beforeAll(() => {
  sample = makeSample(1)
})

/** Ends in the middle of the work. */
function cut(stream: PoolStream, bytes: Uint8Array): Promise<unknown> {
  stream.input.write(bytes)
  return stream.output.whenReadable().then(() => stream.close())
}

/** Ends before it began. */
function cancel(stream: PoolStream): Promise<unknown> {
  stream.close()
  return stream.done
}

interface Use {
  rss: number
  /** allocated outside of JavaScript's heaps, without what the allocator keeps */
  native: number
  remuxers: number
  threads: number
  files: number
}

async function lookAtUse(): Promise<Use> {
  await collectGarbage()
  const count = (folder: string) => readdirSync(`/proc/self/${folder}`).length
  const { bytes, remuxers } = nativeUse()
  return { rss: rssBytes(), native: bytes, remuxers, threads: count('task'), files: count('fd') }
}

/** The same threads and files, no remuxer left; memory within bounds that one leak in each round would
 *  break. Resident is also what allocator and collector keep for later, so it may rise for long. */
function expectFlat(before: Use, after: Use, mostBytes: number, mostNative = 16 * mebibyte): void {
  expect(after.remuxers).toBe(0)
  expect(after.native - before.native).toBeLessThan(mostNative)
  expect(after.threads).toBeLessThanOrEqual(before.threads)
  expect(after.files).toBeLessThanOrEqual(before.files)
  expect(after.rss - before.rss).toBeLessThan(mostBytes)
}

describe('Pool, for long', () => {
  it('opens and closes streams in the same memory, threads and files', { timeout: limitMs }, async () => {
    // Of large rings much is garbage that other threads have not collected yet: only many rounds tell.
    const rounds = isLong ? 2000 : 60
    const mostBytes = (isLong ? 160 : 48) * mebibyte
    const ringBytes = isLong ? {} : { inputBytes: 65_536, outputBytes: 65_536 }
    const pool = new Pool({ workers: 2, ...ringBytes })
    await pool.ready()
    const lap = async (streams: number) => {
      for (let opened = 0; opened < streams; opened += 3) {
        for (const end of [play, cut, cancel]) {
          const stream = pool.open(defaultProfile)
          await end(stream, sample)
          await stream.done
        }
      }
      return lookAtUse()
    }
    const before = await lap(isLong ? 400 : 40)
    expectFlat(before, await lap(rounds), mostBytes, mostBytes)
    await pool.close()
  })

  it('replaces killed threads and leaves nothing behind', { timeout: limitMs }, async () => {
    const kills = isLong ? 200 : 4
    const taskFile = resolve(import.meta.dirname, 'standin.ts')
    const pool = new Pool({ workers: 2, taskFile, inputBytes: 65_536, outputBytes: 65_536 })
    await pool.ready()
    const calm = new Viewer(pool.open(defaultProfile)) // on the other thread, to the end
    const lap = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        const victim = new Viewer(pool.open(defaultProfile))
        await victim.reach(10)
        victim.send(round % 2 === 0 ? 'throw' : 'reject')
        await victim.reach(victim.sent + 300)
        await victim.finish()
      }
      await pool.ready()
      return lookAtUse()
    }
    const before = await lap(2)
    expectFlat(before, await lap(kills), (isLong ? 160 : 32) * mebibyte)
    expect(pool.stats()).toMatchObject({ restarts: kills + 2, failures: { died: kills + 2 } })
    await calm.finish()
    expect(calm.lost).toBe(0)
    await pool.close()
  })

  it('survives threads that are ended in the middle of a native call', { timeout: limitMs }, async () => {
    const rounds = isLong ? 600 : 8
    const memory = new Uint8Array(new SharedArrayBuffer(sample.length))
    memory.set(sample)
    const end = async (delayTurns: number) => {
      const worker = new Worker(resolve(import.meta.dirname, 'pusher.ts'), { workerData: memory })
      await once(worker, 'message')
      for (let turn = 0; turn < delayTurns; turn++) await new Promise(setImmediate)
      await worker.terminate()
    }
    const lap = async (count: number) => {
      for (let round = 0; round < count; round++) await end(round % 20)
      return lookAtUse()
    }
    const before = await lap(4)
    expectFlat(before, await lap(rounds), (isLong ? 160 : 32) * mebibyte)
  })
})
