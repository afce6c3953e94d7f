import { describe, expect, it } from 'vitest'
import { Package } from '../../src/workers/package.ts'
import type { PackagedRecord } from '../../src/workers/packaging.ts'
import { RecordReader, RecordWriter } from '../../src/workers/records.ts'
import { serve } from '../../src/workers/remux.ts'
import { createRing } from '../../src/workers/ring.ts'
import { makePackets, packetBytes } from './packet.ts'
import { Relay } from './relay.ts'
import { partOf, Slicer, soundTrack } from './slicer.ts'

const options = { container: 'ts', slotTicks: 180_000, partTicks: 18_000, nowMs: 0 } as const

function tradeOf(slicer: Slicer) {
  return { make: () => new Relay(), makePackager: () => slicer, load: () => ({ file: '', libavcodec: '' }) }
}

/** All records until nothing more comes. */
async function collect(work: Package): Promise<PackagedRecord[]> {
  const records: PackagedRecord[] = []
  const ended = work.done.then(
    () => true,
    () => true,
  )
  for (let isOver = false; !isOver;) {
    isOver = await Promise.race([work.whenReadable().then(() => false), ended])
    records.push(...work.records())
  }
  return records
}

describe('serve, asked to package', () => {
  it('hands over every record as it was made, also through a full ring', async () => {
    const work = new Package(1, options)
    const slicer = new Slicer()
    const packets = makePackets(0, 6000) // twice what the ring of records holds
    const outcome = serve(work.task(), tradeOf(slicer))
    const all = collect(work)
    for (let at = 0; at < packets.length;) {
      const taken = work.input.write(packets.subarray(at))
      if (taken === 0) await work.input.whenWritable()
      at += taken
    }
    work.input.close()
    work.settle(await outcome)
    const parts = Array.from({ length: 6000 }, (_, number) => partOf(makePackets(number, 1)))
    expect(await all).toMatchObject([
      { kind: 'tracks', tracks: [soundTrack] },
      ...parts,
      { kind: 'init', track: 0, bytes: Buffer.from('flushed') },
    ])
    expect(slicer.isClosed).toBe(true)
    await work.done
  })

  it('ends when nobody wants it any more, whatever it waits for', async () => {
    for (const count of [0, 6000]) {
      const work = new Package(1, options)
      const slicer = new Slicer()
      const outcome = serve(work.task(), tradeOf(slicer))
      const packets = makePackets(0, count)
      for (let at = 0; at < packets.length;) {
        const taken = work.input.write(packets.subarray(at, at + 100 * packetBytes))
        if (taken === 0) break // the ring of records is full, and so is this one
        at += taken
        await new Promise(setImmediate)
      }
      work.close()
      expect(await outcome).toEqual({ kind: 'packaged' })
      expect(slicer.isClosed).toBe(true)
    }
  })

  it("gives a packager's error as a value and closes its rings", async () => {
    const work = new Package(1, options)
    const slicer = new Slicer(() => {
      throw new RangeError('too far')
    })
    work.input.write(makePackets(0, 1))
    const outcome = await serve(work.task(), tradeOf(slicer))
    expect(outcome).toMatchObject({ kind: 'failed', code: 'INTERNAL', details: { reason: 'too far' } })
    expect(work.input.closeReason).toBe('error')
    expect(slicer.isClosed).toBe(true)
    work.settle(outcome)
    await expect(work.done).rejects.toMatchObject({ code: 'INTERNAL', details: { label: 'package' } })
  })
})

describe('RecordReader.read', () => {
  it('gives a record that is larger than the ring once it is whole', async () => {
    const memory = createRing(4096)
    const [writer, reader] = [new RecordWriter(memory), new RecordReader(memory)]
    const bytes = Buffer.from(makePackets(0, 100))
    const written = writer.write({ kind: 'init', track: 3, bytes })
    const records: PackagedRecord[] = []
    let looks = 0
    for (; records.length === 0; looks++) {
      await reader.ring.whenReadable()
      records.push(...reader.read())
    }
    expect(await written).toBe(true)
    expect(records).toEqual([{ kind: 'init', track: 3, bytes }])
    expect(looks).toBeGreaterThan(4)
  })
})
