// Guests who mean no harm and do some: a thousand who come and go, and those who do not speak HTTP.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dice } from './dice.ts'
import { calmDownMs, farewells, glance, Guest, pester } from './guest.ts'
import { House } from './house.ts'
import { until } from './storm.ts'

const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const mebibyte = 1024 * 1024
const limitMs = 180_000

let house: House

beforeAll(async () => {
  house = await House.open(seed)
}, 300_000)

afterAll(() => house.close())

/** A viewer who watches while the others come, to the end. */
async function watch(dice: Dice, during: () => Promise<unknown>): Promise<void> {
  const guest = new Guest(house, 'watcher', dice, { kind: 'mpeg2', stayMs: limitMs })
  expect(await until(() => guest.packets > 1000, 30_000)).toBe(true)
  await during()
  const before = guest.packets
  expect(await until(() => guest.packets > before + 1000, 30_000)).toBe(true)
  guest.leave('polite')
  await guest.done
}

async function expectEmpty(): Promise<void> {
  let left: string[] = []
  await until(async () => (left = await house.leftovers()).length === 0, calmDownMs)
  expect(left).toEqual([])
}

describe(`guests with seed ${seed}`, () => {
  it('come and go a thousand times, and nothing of them is left', { timeout: limitMs }, async () => {
    const dice = new Dice(seed)
    // Fifty at a time, all on a channel of their own choice, gone before or after the first bytes.
    const lap = async (guests: number) => {
      for (let left = guests; left > 0; left -= 50) {
        const round = Array.from({ length: 50 }, () =>
          glance(house, dice.pick(['mpeg2', 'radio-mp2', 'latm']), dice.whole(0, 300), dice.pick(farewells)),
        )
        await Promise.all(round)
      }
      await expectEmpty()
      return house.use()
    }
    const before = await lap(200)
    let after = before
    await watch(dice.fork(1), async () => undefined)
    after = await lap(1000)
    await until(async () => {
      after = await house.use()
      return after.files <= before.files && after.threads <= before.threads
    }, 20_000)
    expect(after.files).toBeLessThanOrEqual(before.files)
    expect(after.threads).toBeLessThanOrEqual(before.threads)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * mebibyte)
    expect(after.rss - before.rss).toBeLessThan(96 * mebibyte)
    house.check()
  })

  it('send rubbish, are answered or let go, and disturb nobody', { timeout: limitMs }, async () => {
    const dice = new Dice(seed).fork(2)
    await watch(dice.fork(1), async () => {
      for (let round = 0; round < 6; round++)
        await Promise.all(
          Array.from({ length: 50 }, () => pester(house, 'rubbish', dice, dice.whole(0, 1500))),
        )
    })
    await expectEmpty()
    house.check()
  })
})
