import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Remuxer, mostPushBytes, nativeAvailable, nativeVersion } from '../../src/workers/native.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { collectGarbage, rssBytes } from './memory.ts'
import { packetBytes } from './packet.ts'
import { makeSample } from './sample.ts'

let sample: Buffer

beforeAll(() => {
  sample = makeSample(3)
})

/** Pushes it all in pieces, through windows of the given size. */
function remux(remuxer: Remuxer, input: Uint8Array, pieceBytes: number, window: Uint8Array): Buffer {
  const output: Uint8Array[] = []
  const take = (length: number) => output.push(Uint8Array.from(window.subarray(0, length)))
  const drain = () => {
    for (let length = remuxer.pull(window); length > 0; length = remuxer.pull(window)) take(length)
  }
  for (let at = 0; at < input.length; at += pieceBytes) {
    take(remuxer.push(input.subarray(at, at + pieceBytes), window))
    drain()
  }
  remuxer.flush()
  drain()
  return Buffer.concat(output)
}

describe('Remuxer', () => {
  it('makes AAC of MP2 and keeps whole packets', () => {
    using remuxer = new Remuxer(defaultProfile)
    const output = remux(remuxer, sample, 1316, new Uint8Array(mostPushBytes))
    expect(output.length % packetBytes).toBe(0)
    for (let at = 0; at < output.length; at += packetBytes) expect(output[at]).toBe(0x47)
    const stats = remuxer.stats()
    expect(stats).toMatchObject({
      bytesIn: sample.length,
      bytesOut: output.length,
      problem: '',
      syncLosses: 0,
    })
    expect(stats.tracks).toMatchObject([
      { language: 'deu', codec: 'mp2', target: 'aac', mode: 'transcode', rate: 48_000 },
    ])
    expect(stats.tracks[0]?.framesOut).toBeGreaterThan(130) // 3 s of 1024 samples
  })

  it('gives the same bytes whatever the pieces, the windows and their memory', () => {
    const outputs = [
      { piece: 1, window: new Uint8Array(packetBytes) },
      { piece: 1316, window: new Uint8Array(4000) },
      { piece: mostPushBytes, window: new Uint8Array(new SharedArrayBuffer(2 ** 20)) },
    ].map(({ piece, window }) => {
      using remuxer = new Remuxer(defaultProfile)
      return remux(remuxer, sample.subarray(0, 150_000), piece, window)
    })
    expect(outputs[0]?.length).toBeGreaterThan(100_000)
    expect(outputs[1]?.equals(outputs[0] ?? Buffer.alloc(0))).toBe(true)
    expect(outputs[2]?.equals(outputs[0] ?? Buffer.alloc(0))).toBe(true)
  })

  it('publishes what passes before sound is worked on: the same bytes, in order', () => {
    using plain = new Remuxer(defaultProfile)
    using eager = new Remuxer(defaultProfile)
    const bytes = sample.subarray(0, mostPushBytes)
    const window = new Uint8Array(2 ** 20)
    const all = plain.push(bytes, window)
    const other = new Uint8Array(2 ** 20)
    const lengths: number[] = []
    const given = Buffer.from(bytes)
    const rest = eager.push(given, other, (length, taken) => {
      lengths.push(length)
      expect(taken % packetBytes).toBe(0)
      given.fill(0x5a, 0, taken)
    })
    expect(given.indexOf(0x47)).toBeGreaterThan(0)
    expect(lengths.length).toBeGreaterThan(2)
    expect(lengths.filter((length) => length % packetBytes !== 0 || length === 0)).toEqual([])
    expect(lengths.reduce((sum, length) => sum + length, rest)).toBe(all)
    expect(Buffer.compare(other, window)).toBe(0)
  })

  it('is done with the push, and as it was, when publishing fails', () => {
    using remuxer = new Remuxer(defaultProfile)
    const window = new Uint8Array(2 ** 20)
    const fail = () => {
      throw new RangeError('no room')
    }
    expect(() => remuxer.push(sample.subarray(0, mostPushBytes), window, fail)).toThrow('no room')
    const stats = remuxer.stats()
    expect(stats.bytesIn).toBe(mostPushBytes)
    expect(remuxer.push(sample.subarray(mostPushBytes, 2 * mostPushBytes), window)).toBeGreaterThan(0)
  })

  it('tells of access points, each once, at a packet', () => {
    using remuxer = new Remuxer(defaultProfile)
    const output = remux(remuxer, sample, 1316, new Uint8Array(mostPushBytes))
    const marks = remuxer.marks()
    expect(marks.length).toBeGreaterThan(4) // a GOP of 12 frames, 25 a second
    for (const mark of marks) {
      expect(mark.kind).toBe('mpeg2')
      expect(mark.offset % packetBytes).toBe(0)
      expect(output[mark.offset]).toBe(0x47)
      expect(mark.pts).toBeGreaterThan(0)
    }
    expect(remuxer.marks()).toEqual([])
  })

  it('says what is missing in noise', () => {
    using remuxer = new Remuxer(defaultProfile)
    const noise = Uint8Array.from({ length: 50_000 }, (_, place) => (place * 7919) >> 3)
    expect(remux(remuxer, noise, 5000, new Uint8Array(10_000))).toHaveLength(0)
    expect(remuxer.stats().problem).not.toBe('')
  })

  it('takes nothing, and no window', () => {
    using remuxer = new Remuxer(defaultProfile)
    expect(remuxer.push(new Uint8Array(0), new Uint8Array(1000))).toBe(0)
    expect(remuxer.push(sample.subarray(0, mostPushBytes))).toBe(0)
    expect(remuxer.pull(new Uint8Array(mostPushBytes))).toBeGreaterThan(0)
  })

  it('refuses too many bytes and what are none', () => {
    using remuxer = new Remuxer(defaultProfile)
    expect(() => remuxer.push(new Uint8Array(mostPushBytes + 1))).toThrow(TypeError)
    for (const wrong of [undefined, null, 'text', 5, {}, new Float64Array(8), new ArrayBuffer(8)]) {
      expect(() => remuxer.push(wrong as Uint8Array)).toThrow(TypeError)
      expect(() => remuxer.pull(wrong as Uint8Array)).toThrow(TypeError)
    }
  })

  it('may be closed twice, and is of no use then', () => {
    const remuxer = new Remuxer(defaultProfile)
    remuxer.push(sample.subarray(0, 10_000))
    remuxer.close()
    remuxer.close()
    const closed = expect.objectContaining({ code: 'INTERNAL', message: 'The remuxer is closed' }) as unknown
    expect(() => remuxer.push(sample.subarray(0, 188))).toThrow(closed)
    expect(() => remuxer.pull(new Uint8Array(188))).toThrow(closed)
    expect(() => remuxer.flush()).toThrow(closed)
    expect(() => remuxer.marks()).toThrow(closed)
    expect(() => remuxer.stats()).toThrow(closed)
  })

  it('is opened and closed 600 times in the same memory', async () => {
    const lap = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        using remuxer = new Remuxer(defaultProfile)
        remuxer.push(sample.subarray(0, 40_000))
      }
      await collectGarbage()
      return rssBytes()
    }
    await lap(100)
    const before = await lap(100)
    const after = await lap(400)
    expect(after - before).toBeLessThan(12 * 1024 * 1024) // one remuxer kept alive is 1 MiB
  })
})

describe('nativeVersion', () => {
  it('tells what was loaded', () => {
    expect(nativeAvailable()).toBe(true)
    expect(nativeVersion().file).toMatch(/remux\.node$/)
    expect(nativeVersion().libavcodec).not.toBe('')
  })
})

describe('a missing addon', () => {
  afterEach(() => {
    vi.doUnmock('bindings')
    vi.resetModules()
  })

  it.each([
    [
      Object.assign(new Error('Could not locate the bindings file'), { tries: ['/a/remux.node'] }),
      'is not in',
      1,
    ],
    [new Error('libavcodec.so.59: cannot open shared object file'), 'libavcodec.so.59: cannot open', 0],
  ])('is told with what was tried and the cure: %s', async (failure, why, tried) => {
    vi.resetModules()
    vi.doMock('bindings', () => ({
      default: () => {
        throw failure
      },
    }))
    const native = await import('../../src/workers/native.ts')
    expect(native.nativeAvailable()).toBe(false)
    try {
      new native.Remuxer(defaultProfile)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'ADDON_MISSING', status: 503, cause: failure })
      expect(error).toHaveProperty('message', expect.stringContaining(why))
      expect(error).toHaveProperty('message', expect.stringContaining('make native'))
      expect(error).toHaveProperty('details.tried.length', tried)
    }
  })
})
