import { describe, expect, it } from 'vitest'
import { passthroughEngine } from '../../src/stream/engine.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { packets } from './packets.ts'

describe('passthroughEngine', () => {
  it('gives out what went in, from the same memory', () => {
    const { input, output } = passthroughEngine().open(defaultProfile)
    input.write(packets(100))
    expect(Buffer.from(output.readable()).equals(packets(100))).toBe(true)
    expect(output.readable().buffer).toBe(input.writable().buffer)
  })

  const garbage = Buffer.alloc(20_000, 0x11)
  const bait = Buffer.alloc(400, 0x47).fill(0x11, 0, 100).fill(0x11, 101) // one sync byte that is none

  // [what goes in, what comes out of it before the end, what has come out at the end]
  it.each([
    ['a torn packet before whole ones', [packets(1).subarray(8), packets(5, 1)], packets(5, 1)],
    ['a sync byte that is none', [bait, packets(5)], packets(5)],
    ['a torn packet at the end', [packets(5), packets(1, 5).subarray(0, 9)], undefined],
    ['what has no packets for long', [garbage], garbage],
    ['too little to know', [packets(1).subarray(8), packets(2, 1)], Buffer.alloc(0), packets(2, 1)],
    ['too little that has no packets', [garbage.subarray(0, 700)], Buffer.alloc(0), garbage.subarray(0, 700)],
  ])('given %s, begins with a packet where there is one', (_, pieces, wanted, atEnd = wanted) => {
    const all = Buffer.concat(pieces)
    for (const piece of [all.length, 97]) {
      const { input, output } = passthroughEngine().open(defaultProfile)
      const got: Buffer[] = []
      const take = () => {
        const bytes = output.readable()
        got.push(Buffer.from(bytes))
        output.release(bytes.length)
      }
      for (let at = 0; at < all.length; at += piece) {
        input.write(all.subarray(at, at + piece))
        take()
      }
      expect(Buffer.concat(got).equals(wanted ?? all)).toBe(true)
      input.close('end')
      while (!output.isDrained) take()
      expect(Buffer.concat(got).equals(atEnd ?? all)).toBe(true)
    }
  })

  it('begins with a packet behind each splice, also where the ring ends', async () => {
    const { input, output } = passthroughEngine().open(defaultProfile)
    const lap = packets(5577) // 100 bytes less than the ring holds
    input.write(lap)
    while (output.fill > 0) output.release(output.readable().length)
    input.splice()
    output.join()
    input.write(packets(1).subarray(50))
    expect(output.readable()).toHaveLength(0)
    const waiting = output.whenReadable()
    input.write(packets(5, 1))
    await waiting
    const got = Buffer.alloc(5 * 188)
    const first = output.readable()
    got.set(first)
    output.release(first.length)
    got.set(output.readable(), first.length)
    expect(got.equals(packets(5, 1))).toBe(true)
  })

  it('reports when the input has ended', async () => {
    const { input, output, done } = passthroughEngine().open(defaultProfile)
    input.write(packets(3))
    input.close('end')
    expect(await done).toEqual({ bytesIn: 564, bytesOut: 564, errors: 0 })
    expect(output.isDrained).toBe(false)
    output.release(564)
    expect(output.isDrained).toBe(true)
  })

  it('ends both sides when closed, also twice', async () => {
    const stream = passthroughEngine().open(defaultProfile)
    stream.close()
    stream.close()
    expect(stream.input.write(packets(1))).toBe(-1)
    expect(stream.output.isDrained).toBe(true)
    expect(await stream.done).toEqual({ bytesIn: 0, bytesOut: 0, errors: 0 })
  })
})
