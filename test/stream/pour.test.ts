import { describe, expect, it } from 'vitest'
import { fill, pour } from '../../src/stream/pour.ts'
import { createRing, RingReader, RingWriter } from '../../src/workers/ring.ts'
import { packets } from './packets.ts'

function ring(bytes = 4096, start = 0) {
  const memory = createRing(bytes, start)
  return { writer: new RingWriter(memory), reader: new RingReader(memory) }
}

function taken(reader: RingReader): Buffer {
  const bytes = Buffer.alloc(reader.fill)
  return bytes.subarray(0, Math.max(0, reader.read(bytes)))
}

describe('pour', () => {
  it('moves what is there, also over the end of the ring', () => {
    const [from, into] = [ring(4096, 3000), ring()]
    from.writer.write(packets(20))
    pour(from.reader, into.writer)
    expect(taken(into.reader).equals(packets(20))).toBe(true)
    expect(from.reader.fill).toBe(0)
  })

  it('keeps the place where the source changed', () => {
    const [from, into] = [ring(), ring()]
    from.writer.write(packets(3))
    from.writer.splice()
    from.writer.write(packets(4, 3))
    pour(from.reader, into.writer)
    expect(taken(into.reader).equals(packets(3))).toBe(true)
    expect(into.reader.splice).toBe(0)
    into.reader.join()
    expect(taken(into.reader).equals(packets(4, 3))).toBe(true)
  })

  it('tells of a break where not all fits', () => {
    const [from, into] = [ring(4096), ring(1024)]
    from.writer.write(packets(10))
    pour(from.reader, into.writer)
    expect(into.reader.fill).toBe(1024)
    expect(into.reader.splice).toBe(1024)
  })
})

describe('fill', () => {
  it('waits for room until all is written', async () => {
    const { writer, reader } = ring(1024)
    const filling = fill(writer, packets(20))
    const parts: Buffer[] = []
    for (let bytes = 0; bytes < 3760; bytes += parts.at(-1)!.length) {
      await reader.whenReadable()
      parts.push(taken(reader))
    }
    expect(await filling).toBe(true)
    expect(Buffer.concat(parts).equals(packets(20))).toBe(true)
  })

  it('says that the ring was closed', async () => {
    const { writer, reader } = ring(1024)
    const filling = fill(writer, packets(20))
    reader.close()
    expect(await filling).toBe(false)
  })
})
