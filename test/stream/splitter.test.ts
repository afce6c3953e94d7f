import { describe, expect, it } from 'vitest'
import { Splitter } from '../../src/stream/splitter.ts'
import { createRing, RingReader, RingWriter } from '../../src/workers/ring.ts'
import { packets } from './packets.ts'

function ring(bytes = 65_536) {
  const memory = createRing(bytes)
  return { writer: new RingWriter(memory), reader: new RingReader(memory) }
}

const all = ({ reader }: { reader: RingReader }) => Buffer.from(reader.readable())

describe('Splitter', () => {
  it('puts what is read in place into every ring', () => {
    const [one, two] = [ring(), ring()]
    const splitter = new Splitter(() => [one.writer, two.writer])
    packets(10).copy(splitter.writable(1880))
    splitter.commit(1880)
    splitter.write(packets(5, 10))
    expect(all(one).equals(packets(15))).toBe(true)
    expect(all(two).equals(packets(15))).toBe(true)
    expect(splitter.total).toBe(15 * 188)
  })

  it('is not held up by a ring that is full, which learns of the break where it goes on', () => {
    const [stuck, free] = [ring(1024), ring()]
    const splitter = new Splitter(() => [stuck.writer, free.writer])
    const give = (round: number) => {
      packets(5, round * 5).copy(splitter.writable(940))
      splitter.commit(940)
    }
    for (let round = 0; round < 10; round++) give(round)
    expect(all(free).equals(packets(50))).toBe(true)
    expect(all(stuck).equals(packets(5))).toBe(true)

    stuck.reader.release(940)
    expect(stuck.reader.splice).toBe(0)
    stuck.reader.join()
    give(10)
    const taken = Buffer.alloc(2000)
    expect(stuck.reader.read(taken)).toBe(940)
    expect(taken.subarray(0, 940).equals(packets(5, 50))).toBe(true)
    expect(free.reader.splice).toBeUndefined()
  })

  it('leaves the rings open when a connection ends', () => {
    const one = ring()
    const splitter = new Splitter(() => [one.writer])
    splitter.close()
    expect([splitter.isClosed, one.writer.isClosed]).toEqual([true, false])
  })

  it('takes what comes also while there is no engine', () => {
    const splitter = new Splitter(() => [])
    expect(splitter.writable(1000).length).toBe(1000)
    splitter.commit(1000)
    expect(splitter.total).toBe(1000)
  })

  it('survives an engine that leaves between the read and its commit', () => {
    const [one, two] = [ring(), ring()]
    const rings = [one, two]
    const splitter = new Splitter(() => rings.map(({ writer }) => writer))
    packets(2).copy(splitter.writable(376))
    one.writer.close('cancel')
    two.writer.write(packets(1, 100))
    splitter.commit(376)
    expect(all(two).equals(Buffer.concat([packets(1, 100), packets(2)]))).toBe(true)
  })
})
