// Everything goes wrong at once, by chance: viewers of all manners, threads that die, a receiver that comes
// and goes. Seconds by CHAOS_SECONDS, chance by CHAOS_SEED; a failure's events and bytes are in var/test/chaos.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dice } from './dice.ts'
import { calmDownMs } from './guest.ts'
import { House, type Use } from './house.ts'
import { Storm, until } from './storm.ts'

const seconds = Number(process.env.CHAOS_SECONDS ?? 45)
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const mebibyte = 1024 * 1024
// The sharp measures are what JavaScript holds: its heap, and the buffers of sockets, rings and reels. The
// resident size has room for what glibc keeps of the highest tide, in each thread: there a leak in the addon
// would show, and a remuxer that stays with its codecs is about 2 MiB for each of hundreds of streams.
const mostGrowthBytes = 128 * mebibyte
const mostHeapBytes = 16 * mebibyte
const mostBufferBytes = 24 * mebibyte

let house: House

beforeAll(async () => {
  house = await House.open(seed)
}, 300_000)

afterAll(() => house.close())

describe(`chaos with seed ${seed}`, () => {
  it(
    `for ${seconds} s leaves streams whole and nothing behind`,
    { timeout: (seconds + 300) * 1000 },
    async () => {
      const storm = new Storm(house, new Dice(seed))
      await storm.warmUp()
      house.check()
      // A process that has been through a storm keeps memory for the next one: the second shows what is lost.
      const firstMs = Math.min(60_000, (seconds * 1000) / 2)
      await storm.run(firstMs)
      await storm.settle()
      const before = await rest(house)
      await storm.run(seconds * 1000 - firstMs)
      await storm.settle()
      const after = await rest(house)
      tell(storm, before, after)
      house.check()
      expect(storm.packets).toBeGreaterThan(1000)
      expect(after.threads).toBeLessThanOrEqual(before.threads)
      expect(after.files).toBeLessThanOrEqual(before.files)
      expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(mostBufferBytes)
      expect(after.heap - before.heap).toBeLessThan(mostHeapBytes)
      expect(after.rss - before.rss).toBeLessThan(mostGrowthBytes)
    },
  )
})

/** What the house takes when all have left and the last thread has gone or come. */
async function rest(quiet: House): Promise<Use> {
  let left: string[] = []
  const isEmpty = await until(async () => (left = await quiet.leftovers()).length === 0, calmDownMs)
  if (!isEmpty) quiet.fail('house', `is not empty: ${left.join(', ')}`)
  // Threads that were replaced end by and by.
  let use = await quiet.use()
  let same = 0
  await until(async () => {
    const now = await quiet.use()
    same = now.threads === use.threads && now.files === use.files ? same + 1 : 0
    use = now
    return same >= 20
  }, 20_000)
  return use
}

function tell({ streams, packets, most }: Storm, before: Use, after: Use): void {
  const inMiB = (bytes: number) => `${Math.round(bytes / mebibyte)} MiB`
  const lines = [
    `chaos seed ${seed}, ${seconds} s: ${streams} viewers (${most.guests} at once), ${packets} packets judged`,
    `  done: ${house.counts}`,
    `  memory ${inMiB(before.rss)}, at most ${inMiB(most.rss)}, after ${inMiB(after.rss)}; ` +
      `heap ${inMiB(before.heap)}, after ${inMiB(after.heap)}; buffers ${inMiB(before.arrayBuffers)}, after ${inMiB(after.arrayBuffers)}; ` +
      `threads ${before.threads}, ${after.threads}; files ${before.files}, ${after.files}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
