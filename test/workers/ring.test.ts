import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RingReader, RingWriter, createRing, mostSplices } from '../../src/workers/ring.ts'
import { collectGarbage, rssBytes } from './memory.ts'
import type { PeerOrder } from './peer.ts'

const wrapSigned = 0x7ffff800 // the counts become negative within the test
const wrapUnsigned = 0xfffff800 | 0 // the counts pass 2^32 within the test
const starts = [0, wrapSigned, wrapUnsigned]

function ringOf(capacity: number, start = 0) {
  const memory = createRing(capacity, start)
  return { writer: new RingWriter(memory), reader: new RingReader(memory) }
}

function sequence(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (from + index) * 7)
}

describe('createRing', () => {
  it.each([0, -1, 3, 1.5, 1000, 2 ** 31, NaN])('refuses a capacity of %s', (capacity) => {
    expect(() => createRing(capacity)).toThrow(TypeError)
  })

  it('makes a side only of memory that is a ring', () => {
    expect(() => new RingReader(new SharedArrayBuffer(100))).toThrow(TypeError)
    expect(() => new RingWriter(new SharedArrayBuffer(256))).toThrow(TypeError)
  })
})

describe('Ring.write', () => {
  it('takes what fits and returns how much', () => {
    const { writer } = ringOf(8)
    expect(writer.write(sequence(5))).toBe(5)
    expect(writer.write(sequence(5))).toBe(3)
    expect(writer.fill).toBe(8)
    expect(writer.free).toBe(0)
  })

  it('returns 0 when full and for no bytes', () => {
    const { writer } = ringOf(1)
    expect(writer.write(new Uint8Array(0))).toBe(0)
    writer.write(sequence(1))
    expect(writer.write(sequence(1))).toBe(0)
  })

  it('returns -1 when closed by either side', () => {
    const first = ringOf(8)
    first.writer.close()
    expect(first.writer.write(sequence(1))).toBe(-1)
    const second = ringOf(8)
    second.reader.close()
    expect(second.writer.write(sequence(1))).toBe(-1)
  })
})

describe.each(starts)('Ring.splice, counts from %i', (start) => {
  it('ends what is read in one piece, until the reader joins', () => {
    const { writer, reader } = ringOf(16, start)
    expect(reader.splice).toBe(undefined)
    writer.write(sequence(5))
    writer.splice()
    expect(reader.splice).toBe(5)
    writer.write(sequence(6, 5))
    expect(reader.readable()).toEqual(sequence(5))
    expect(reader.fill).toBe(11)
    reader.release(2)
    expect(reader.splice).toBe(3)
    const into = new Uint8Array(16)
    expect(reader.read(into)).toBe(3)
    expect(reader.splice).toBe(0)
    expect(reader.readable()).toHaveLength(0)
    expect(reader.read(into)).toBe(0)
    reader.join()
    expect(reader.splice).toBe(undefined)
    expect(reader.read(into)).toBe(6)
    expect(into.subarray(0, 6)).toEqual(sequence(6, 5))
  })

  it('is none before the first byte and none twice at one place', () => {
    const { writer, reader } = ringOf(16, start)
    writer.splice()
    expect(reader.splice).toBe(undefined)
    writer.write(sequence(3))
    writer.splice()
    reader.release(3)
    reader.join()
    writer.splice()
    expect(reader.splice).toBe(undefined)
  })

  it('is one of several that are ahead', () => {
    const { writer, reader } = ringOf(16, start)
    const into = new Uint8Array(16)
    for (const length of [3, 1, 4]) {
      writer.write(sequence(length))
      writer.splice()
    }
    writer.write(sequence(2))
    for (const length of [3, 1, 4]) {
      expect(reader.splice).toBe(length)
      expect(reader.read(into)).toBe(length)
      reader.join()
    }
    expect(reader.splice).toBe(undefined)
    expect(reader.read(into)).toBe(2)
  })

  it('takes the place of the one before when there are too many', () => {
    const { writer, reader } = ringOf(16, start)
    for (let splice = 0; splice < mostSplices + 3; splice++) {
      writer.write(sequence(1))
      writer.splice()
    }
    for (let splice = 1; splice < mostSplices; splice++) {
      reader.release(1)
      reader.join()
    }
    expect(reader.splice).toBe(4)
    reader.release(4)
    reader.join()
    writer.write(sequence(1))
    expect(reader.splice).toBe(undefined)
  })

  it('stays where it is when either side moves, passed or not', () => {
    const { writer } = ringOf(16, start)
    writer.write(sequence(4))
    writer.splice()
    writer.write(sequence(4))
    writer.move()
    const second = new RingReader(writer.memory)
    expect(second.readable()).toHaveLength(4)
    second.release(4)
    second.join()
    writer.move()
    expect(new RingReader(writer.memory).splice).toBe(undefined)
    expect(new RingReader(writer.memory).readable()).toHaveLength(4)
  })

  it('is not the end of the ring', () => {
    const { writer, reader } = ringOf(16, start)
    writer.write(sequence(4))
    writer.splice()
    writer.write(sequence(1))
    writer.close()
    const into = new Uint8Array(16)
    expect([reader.read(into), reader.read(into)]).toEqual([4, 0])
    expect(reader.isDrained).toBe(false)
    reader.join()
    expect([reader.read(into), reader.read(into)]).toEqual([1, -1])
  })

  it('is not joined before it is reached', () => {
    const { writer, reader } = ringOf(16, start)
    expect(() => reader.join()).toThrow(TypeError)
    writer.write(sequence(4))
    writer.splice()
    expect(() => reader.join()).toThrow('4 bytes')
  })
})

describe('Ring.notes', () => {
  it('move with the ring, beside everything else in its header', () => {
    const { writer, reader } = ringOf(16, wrapSigned)
    expect([...writer.notes]).toEqual([0, 0, 0, 0])
    writer.notes.set([2 ** 33 - 1, -1, 0.5, NaN])
    writer.write(sequence(9))
    reader.move()
    expect([...new RingWriter(reader.memory).notes]).toEqual([2 ** 33 - 1, -1, 0.5, NaN])
    expect(reader.readable()).toHaveLength(9)
    expect(reader.splice).toBe(undefined)
  })
})

describe('Ring.read', () => {
  it('returns 0 when empty, what was written before a close, then -1', () => {
    const { writer, reader } = ringOf(8)
    const into = new Uint8Array(8)
    expect(reader.read(into)).toBe(0)
    writer.write(sequence(3))
    writer.close()
    expect(reader.isDrained).toBe(false)
    expect(reader.read(into)).toBe(3)
    expect(reader.read(into)).toBe(-1)
    expect(reader.isDrained).toBe(true)
  })

  it('touches nothing around the place that it reads into', () => {
    const { writer, reader } = ringOf(16)
    const field = new Uint8Array(32).fill(0xaa)
    for (let turn = 0; turn < 40; turn++) {
      const bytes = sequence(11, turn)
      writer.write(bytes)
      expect(reader.read(field.subarray(10, 21))).toBe(11)
      expect(field.subarray(10, 21)).toEqual(bytes)
      expect(field.subarray(0, 10).every((byte) => byte === 0xaa)).toBe(true)
      expect(field.subarray(21).every((byte) => byte === 0xaa)).toBe(true)
    }
  })
})

describe('Ring.writable, commit, readable and release', () => {
  it('give contiguous pieces up to the end of the ring', () => {
    const { writer, reader } = ringOf(8)
    writer.write(sequence(6))
    reader.release(5)
    expect(writer.writable()).toHaveLength(2)
    expect(writer.writable(1)).toHaveLength(1)
    writer.writable().set([101, 102])
    writer.commit(2)
    expect(writer.writable()).toHaveLength(5)
    expect(reader.readable()).toEqual(Uint8Array.of(35, 101, 102))
    expect(reader.readable(2)).toEqual(Uint8Array.of(35, 101))
  })

  it('leave unread bytes alone, whatever is written into the window', () => {
    const { writer, reader } = ringOf(16)
    writer.write(sequence(9))
    reader.release(4)
    const unread = Uint8Array.from(reader.readable())
    writer.writable().fill(0xff)
    expect(reader.readable()).toEqual(unread)
    writer.commit(7)
    writer.writable().fill(0xee)
    expect(reader.readable().subarray(0, 5)).toEqual(unread)
  })

  it('refuse more than the window holds', () => {
    const { writer, reader } = ringOf(8)
    expect(() => writer.commit(1)).toThrow(TypeError)
    writer.writable(4)
    expect(() => writer.commit(5)).toThrow(TypeError)
    expect(() => writer.commit(-1)).toThrow(TypeError)
    writer.commit(3)
    expect(() => writer.commit(2)).toThrow(TypeError)
    expect(() => reader.release(4)).toThrow(TypeError)
    expect(() => reader.release(0.5)).toThrow(TypeError)
  })
})

describe('Ring against a plain array', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('write', 'fill' as const), size: fc.nat(40) }),
    fc.record({ kind: fc.constantFrom('read', 'take' as const), size: fc.nat(40) }),
  )

  it.each(starts)('keeps every byte in order, counts from %i', (start) => {
    fc.assert(
      fc.property(fc.nat(6), fc.array(step, { maxLength: 300 }), (power, steps) => {
        const { writer, reader } = ringOf(2 ** power, start + 2040)
        const model: number[] = []
        let next = 0
        for (const { kind, size } of steps) {
          if (kind === 'write') {
            const taken = writer.write(sequence(size, next))
            expect(taken).toBe(Math.min(size, writer.capacity - model.length))
            model.push(...sequence(taken, next))
            next += taken
          } else if (kind === 'fill') {
            const window = writer.writable(size)
            window.set(sequence(window.length, next))
            writer.commit(window.length)
            model.push(...sequence(window.length, next))
            next += window.length
          } else if (kind === 'read') {
            const into = new Uint8Array(size)
            const length = reader.read(into)
            expect([...into.subarray(0, length)]).toEqual(model.splice(0, length))
          } else {
            const bytes = reader.readable(size)
            expect([...bytes]).toEqual(model.splice(0, bytes.length))
            reader.release(bytes.length)
          }
          expect(reader.fill).toBe(model.length)
          expect(writer.free).toBe(writer.capacity - model.length)
        }
        expect(writer.total - reader.total).toBe(model.length)
      }),
      { seed: 20_240_917, numRuns: 150 },
    )
  })
})

describe('Ring.close', () => {
  it('keeps the first reason and may be called again', () => {
    const { writer, reader } = ringOf(8)
    expect(reader.closeReason).toBeUndefined()
    reader.close('cancel')
    writer.close('end')
    expect(writer.closeReason).toBe('cancel')
    expect(reader.isClosed).toBe(true)
  })

  it.each(['writer', 'reader'] as const)(
    'by the %s wakes a waiting reader and a waiting writer',
    async (side) => {
      const empty = ringOf(8)
      const readable = empty.reader.whenReadable()
      empty[side].close()
      await readable
      const full = ringOf(8)
      full.writer.write(sequence(8))
      const writable = full.writer.whenWritable()
      full[side].close()
      await writable
    },
  )

  it('leaves nothing to wait for', async () => {
    const { writer, reader } = ringOf(8)
    writer.write(sequence(8))
    writer.close()
    reader.release(8)
    await reader.whenReadable()
    await writer.whenWritable()
    await reader.whenReadable()
  })

  it('wakes a reader that is just going to sleep, wherever it is on the way', async () => {
    const rings = Array.from({ length: 2000 }, () => ringOf(8))
    const turn = new Int32Array(new SharedArrayBuffer(4))
    const memories = rings.map(({ reader }) => reader.memory)
    startPeer().order({ kind: 'close in turn', memories, turn: turn.buffer })
    for (const [place, { reader }] of rings.entries()) {
      Atomics.store(turn, 0, place + 1) // the other thread spins on this, and closes a moment later
      while (!reader.isClosed) await reader.whenReadable()
    }
  })
})

describe('Ring.whenReadable and whenWritable', () => {
  it('resolve when the other side has moved', async () => {
    const { writer, reader } = ringOf(8)
    const readable = reader.whenReadable()
    writer.write(sequence(8))
    await readable
    const writable = writer.whenWritable()
    reader.release(1)
    await writable
    expect(writer.stalls).toBe(1)
  })

  it('resolve at once when there is something to do', async () => {
    const { writer, reader } = ringOf(8)
    await writer.whenWritable(8)
    writer.write(sequence(1))
    await reader.whenReadable()
    expect(writer.stalls).toBe(0)
  })

  it('wait for as much as was asked for', async () => {
    const { writer, reader } = ringOf(8)
    const done: string[] = []
    const read = (async () => {
      while (reader.fill < 8) await reader.whenReadable(8)
      done.push('read')
    })()
    writer.write(sequence(7))
    await new Promise(setImmediate)
    expect(done).toEqual([])
    writer.write(sequence(1))
    await read
    const write = (async () => {
      while (writer.free < 4) await writer.whenWritable(4)
      done.push('write')
    })()
    reader.release(3)
    await new Promise(setImmediate)
    expect(done).toEqual(['read'])
    reader.release(1)
    await write
  })

  it('hold one wait per side, however often they are called', () => {
    const { reader, writer } = ringOf(8)
    const waitAsync = vi.spyOn(Atomics, 'waitAsync')
    expect(reader.whenReadable()).toBe(reader.whenReadable())
    writer.write(sequence(8))
    expect(writer.whenWritable()).toBe(writer.whenWritable())
    expect(waitAsync).toHaveBeenCalledTimes(2)
    expect(waitAsync.mock.calls.every((call) => call.length === 3)).toBe(true) // no timeout
  })

  it('cost the other side no wake-up while nobody sleeps', () => {
    const { writer, reader } = ringOf(64)
    const notify = vi.spyOn(Atomics, 'notify')
    for (let turn = 0; turn < 100; turn++) {
      writer.write(sequence(50))
      reader.release(50)
    }
    expect(notify).not.toHaveBeenCalled()
  })
})

// What the other side does is put before every single atomic step of the one that goes to sleep, and
// the other way round: the real code, in all places where the threads could meet.
describe('Ring, whatever happens between two steps', () => {
  const operations = ['load', 'store', 'notify', 'waitAsync', 'compareExchange'] as const

  // Runs the act before the given step of the work; false when the work has fewer steps.
  function interrupt(work: () => void, step: number, act: () => void): boolean {
    let count = 0
    let isDone = false
    for (const name of operations) {
      const real = (Atomics[name] as (...args: unknown[]) => unknown).bind(Atomics)
      vi.spyOn(Atomics, name).mockImplementation(((...args: unknown[]) => {
        if (count++ === step && !isDone) {
          isDone = true
          act()
        }
        return real(...args)
      }) as never)
    }
    work()
    vi.restoreAllMocks()
    return isDone
  }

  const acts = {
    write: ({ writer }: ReturnType<typeof ringOf>) => void writer.write(sequence(1)),
    'close as writer': ({ writer }: ReturnType<typeof ringOf>) => writer.close(),
    'close as reader': ({ reader }: ReturnType<typeof ringOf>) => reader.close(),
  }

  it.each(Object.entries(acts))('%s is not missed by a reader going to sleep', async (_, act) => {
    for (let step = 0; ; step++) {
      const ring = ringOf(8)
      let wait: Promise<void> | undefined
      const hasMet = interrupt(
        () => void (wait = ring.reader.whenReadable()),
        step,
        () => act(ring),
      )
      if (!hasMet) {
        expect(step).toBeGreaterThan(5)
        break
      }
      await wait
      expect(ring.reader.fill + Number(ring.reader.isClosed)).toBe(1)
    }
  })

  it.each(Object.entries(acts))('a reader going to sleep in the middle of %s wakes', async (_, act) => {
    for (let step = 0; ; step++) {
      const ring = ringOf(8)
      let wait: Promise<void> | undefined
      const hasMet = interrupt(
        () => act(ring),
        step,
        () => void (wait = ring.reader.whenReadable()),
      )
      if (!hasMet) {
        expect(step).toBeGreaterThan(2)
        break
      }
      await wait
    }
  })

  it('release is not missed by a writer going to sleep', async () => {
    for (let step = 0; ; step++) {
      const ring = ringOf(8)
      ring.writer.write(sequence(8))
      let wait: Promise<void> | undefined
      const hasMet = interrupt(
        () => void (wait = ring.writer.whenWritable()),
        step,
        () => ring.reader.release(8),
      )
      if (!hasMet) break
      await wait
      expect(ring.writer.free).toBe(8)
    }
  })
})

describe('Ring.move', () => {
  it('keeps bytes, counts and counters, and leaves the old memory behind', () => {
    const { writer, reader } = ringOf(16, wrapSigned + 2040)
    const lost = new RingWriter(reader.memory)
    writer.write(sequence(13))
    writer.count(3, 5)
    reader.release(4)
    reader.move()
    lost.write(sequence(7, 50))
    expect(reader.fill).toBe(9)
    const next = new RingWriter(reader.memory)
    next.write(sequence(7, 13))
    expect(reader.fill).toBe(16)
    const into = new Uint8Array(16)
    reader.read(into)
    expect(into).toEqual(sequence(16, 4))
    expect(reader.counter(3)).toBe(5)
  })

  it('keeps a window valid that was handed out before', () => {
    const { writer } = ringOf(16)
    writer.write(sequence(3))
    const window = writer.writable()
    writer.move()
    window.set(sequence(5, 3))
    writer.commit(5)
    const into = new Uint8Array(8)
    new RingReader(writer.memory).read(into)
    expect(into).toEqual(sequence(8))
  })

  it('keeps bytes readable that were handed out before', () => {
    const { writer, reader } = ringOf(16)
    writer.write(sequence(6))
    const bytes = reader.readable()
    reader.move()
    new RingWriter(reader.memory).write(sequence(10, 6))
    expect(bytes).toEqual(sequence(6))
    reader.release(6)
    expect(reader.readable()).toEqual(sequence(10, 6))
  })

  it('ends a wait on the old memory', async () => {
    const { writer, reader } = ringOf(8)
    const readable = reader.whenReadable()
    reader.move()
    await readable
    const again = reader.whenReadable()
    writer.write(sequence(1)) // into the old memory
    new RingWriter(reader.memory).write(sequence(2))
    await again
    expect(reader.fill).toBe(2)
  })
})

describe('Ring.count', () => {
  it('adds up, wraps at 2^32 and refuses what is no counter', () => {
    const { writer, reader } = ringOf(8)
    writer.count(0, 2 ** 32 - 1)
    expect(reader.counter(0)).toBe(2 ** 32 - 1)
    writer.count(0, 3)
    expect(reader.counter(0)).toBe(2)
    writer.count(11, 1)
    expect(reader.counter(11)).toBe(1)
    expect(() => writer.count(12, 1)).toThrow(TypeError)
  })
})

describe('Ring between two threads', () => {
  it.each(starts)('brings 12 MiB there and back through 4 KiB, counts from %i', async (start) => {
    const there = new RingWriter(createRing(4096, start))
    const back = new RingReader(createRing(4096, start))
    startPeer().order({ kind: 'relay', from: there.memory, to: back.memory })
    const length = 12 * 1024 * 1024
    await Promise.all([send(there, length), receive(back, length)])
    expect(there.total).toBe(length)
    expect(back.isDrained).toBe(true)
  })

  it('shows a writer that its reader is dead: 0, and a wait that only a close ends', async () => {
    const peer = startPeer()
    const writer = new RingWriter(createRing(4096))
    peer.order({ kind: 'read', from: writer.memory })
    for (let turn = 0; turn < 20; turn++) {
      writer.write(sequence(1024))
      while (writer.fill > 0) await new Promise(setImmediate)
    }
    await peer.worker.terminate()
    while (writer.write(sequence(1024)) > 0);
    expect(writer.free).toBe(0)
    const wait = writer.whenWritable()
    expect(writer.stalls).toBe(1)
    let isAwake = false
    void wait.then(() => (isAwake = true))
    await new Promise(setImmediate)
    expect(isAwake).toBe(false)
    writer.close('error')
    await wait
  })

  it('is opened and closed 20,000 times while waiting, in the same memory', async () => {
    const before = await lap(5000)
    await lap(10_000)
    const after = await lap(5000)
    expect(after - before).toBeLessThan(24 * 1024 * 1024)
  })

  async function lap(rounds: number): Promise<number> {
    for (let round = 0; round < rounds; round++) {
      const { writer, reader } = ringOf(4096)
      const readable = reader.whenReadable()
      writer.write(sequence(4))
      writer.close()
      await readable
    }
    await collectGarbage()
    return rssBytes()
  }
})

// Each position has its own byte, for longer than any lap of the ring.
const pattern = Uint8Array.from({ length: 65_521 }, (_, index) => (index * 31 + (index >> 8)) & 0xff)

async function send(ring: RingWriter, length: number): Promise<void> {
  let at = 0
  let size = 1
  while (at < length) {
    size = ((size * 75) % 65_537) + 1 // a walk over all sizes, the same in every run
    const from = at % pattern.length
    const bytes = pattern.subarray(from, Math.min(from + size, pattern.length, from + length - at))
    const taken = ring.write(bytes)
    if (taken === 0) await ring.whenWritable()
    at += taken
  }
  ring.close()
}

async function receive(ring: RingReader, length: number): Promise<void> {
  let at = 0
  while (!ring.isDrained) {
    const from = at % pattern.length
    const bytes = ring.readable(pattern.length - from)
    if (Buffer.compare(bytes, pattern.subarray(from, from + bytes.length)) !== 0) {
      throw new Error(`a wrong byte after ${at}`)
    }
    ring.release(bytes.length)
    at += bytes.length
    if (bytes.length === 0) await ring.whenReadable()
  }
  expect(at).toBe(length)
}

const peers: Worker[] = []

function startPeer() {
  const worker = new Worker(new URL('./peer.ts', import.meta.url))
  peers.push(worker)
  return { worker, order: (order: PeerOrder) => worker.postMessage(order) }
}

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(peers.splice(0).map((worker) => worker.terminate()))
})
