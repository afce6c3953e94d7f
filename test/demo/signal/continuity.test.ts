// Every channel over the stream port, for more than a round of its loop: what a measuring device would see.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { channels } from '../../../src/demo/channels.ts'
import type { DemoReceiver } from '../../../src/demo/receiver.ts'
import { recipeOf } from '../../../src/demo/signal/recipes.ts'
import { demo, generationMs, packetsOf, watch } from '../client.ts'
import { inspect, range, steps } from '../inspect.ts'
import { loopOf } from './loops.ts'

let receiver: DemoReceiver

beforeAll(async () => {
  receiver = await demo({})
}, generationMs)
afterAll(() => receiver.close())

describe.each(channels)('a stream of $kind', ({ kind, ref, programme }) => {
  it('goes on smoothly across the end of its loop', async () => {
    const loop = await loopOf(kind)
    const bytes = packetsOf(await watch(receiver.streamUrl, ref, Math.ceil(loop.bytes.length * 1.15)))
    const found = inspect(bytes)
    const perPacketMs = loop.durationTicks / 90 / loop.packets
    expect(found.packets).toBeGreaterThan(loop.packets * 1.14)
    expect(found.gaps).toEqual([])

    // PAT and PMT first, then every 100 ms.
    for (const pid of [0, programme.pmtPid]) {
      expect(found.starts.get(pid)![0]).toBeLessThan(2)
      expect(range(steps(found.starts.get(pid)!)).most * perPacketMs).toBeLessThan(101)
    }

    // The PCR says when a packet leaves, often enough.
    const pcrs = found.pcrs.get(programme.pcrPid)!
    const gaps = steps(
      pcrs.map(({ ticks }) => ticks),
      2 ** 33 * 300,
    )
    expect(range(gaps).most).toBeLessThan(40 * 27_000)
    const expected = steps(pcrs.map(({ packet }) => packet)).map((count) => count * perPacketMs * 27_000)
    expect(range(gaps.map((gap, index) => Math.abs(gap - expected[index]!))).most).toBeLessThan(2)

    // Pictures at an even pace, each complete before its time.
    if (programme.video !== undefined) {
      const recipe = recipeOf(programme.video.picture)
      const frameTicks = recipe.kind === 'picture' ? 90_000 / recipe.framesPerSec : 0
      const dts = steps(found.units.get(programme.video.pid)!.map((unit) => unit.dts))
      expect(range(dts)).toEqual({ least: frameTicks, most: frameTicks })
    }

    // Sound frames one by one, each at its time, the first of them soon behind PAT and PMT.
    const tablePackets = 2
    const sent = programme.audio.filter(({ sounds }) => sounds.length > 0)
    const absent = programme.audio.filter(({ sounds }) => sounds.length === 0)
    for (const { pid, sounds } of sent) {
      const recipe = recipeOf(sounds[0]!)
      const frameTicks = recipe.kind === 'sound' ? (recipe.samplesPerFrame * 90_000) / recipe.rate : 0
      const units = found.units.get(pid)!
      const { least, most } = range(steps(units.map(({ pts }) => pts)))
      expect(least).toBeGreaterThanOrEqual(Math.floor(frameTicks))
      expect(most).toBeLessThanOrEqual(Math.ceil(frameTicks))
      expect((units[0]!.packet - tablePackets) * perPacketMs).toBeLessThan(35)
    }
    expect(absent.filter(({ pid }) => found.counts.has(pid))).toEqual([])

    // Guide and clock in the place of null packets, some of which are left.
    for (const pid of [0x11, 0x12, 0x14, 0x1fff]) expect(found.counts.get(pid)).toBeGreaterThan(0)
  })
})
