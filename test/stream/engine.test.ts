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
