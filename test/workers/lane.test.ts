import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { damageKinds } from '../../src/workers/damage.ts'
import { Heartbeat, createHeartbeat } from '../../src/workers/heartbeat.ts'
import { Job } from '../../src/workers/job.ts'
import { Lane, turnBytes, type LaneRemuxer, type MakeRemuxer } from '../../src/workers/lane.ts'
import type { RemuxStats, RemuxerOptions } from '../../src/workers/native.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { serve } from '../../src/workers/remux.ts'
import { makePackets, packetBytes, readNumber } from './packet.ts'
import { Relay, noStats } from './relay.ts'
import { Slicer } from './slicer.ts'

const trade = { makePackager: () => new Slicer(), load: () => ({ file: '', libavcodec: '' }) }
let heartbeat: Heartbeat

beforeEach(() => {
  heartbeat = new Heartbeat(createHeartbeat(), 1000)
})

afterEach(() => {
  vi.restoreAllMocks()
})

function jobOf({
  inputBytes = 65_536,
  outputBytes = 65_536,
  weight,
}: Partial<ConstructorParameters<typeof Job>[2]> = {}): Job {
  return new Job(1, defaultProfile, { label: 'test', inputBytes, outputBytes, weight })
}

/** Runs the job's task on this thread. */
function carry(job: Job, remuxer: LaneRemuxer = new Relay()): Promise<RemuxStats> {
  return new Lane(job.task(), () => remuxer).run(heartbeat)
}

async function write(job: Job, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const taken = job.input.write(bytes.subarray(at))
    if (taken < 0) return
    if (taken === 0) await job.input.whenWritable()
    at += taken
  }
}

/** Reads until the output is closed, in odd pieces. */
async function readAll(job: Job): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const into = new Uint8Array(1000)
  for (;;) {
    const length = job.output.read(into)
    if (length < 0) return Buffer.concat(pieces)
    if (length === 0) await job.output.whenReadable()
    else pieces.push(Uint8Array.from(into.subarray(0, length)))
  }
}

describe('Lane', () => {
  it('brings every byte over the ends of small rings', async () => {
    const job = jobOf({ inputBytes: 1024, outputBytes: 512 })
    const packets = makePackets(0, 5000)
    const lane = carry(job)
    const output = readAll(job)
    await write(job, packets)
    job.input.close()
    await lane
    expect(Buffer.compare(await output, packets)).toBe(0)
  })

  it('waits for a reader that does not read, and takes no more input meanwhile', async () => {
    const job = jobOf({ inputBytes: 4096, outputBytes: 4096 })
    const lane = carry(job)
    while (job.input.fill < 4096 || job.output.fill < 4096 - packetBytes) {
      job.input.write(makePackets(0, 4))
      await new Promise(setImmediate)
    }
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    expect(job.input.free).toBe(0)
    job.close()
    await lane
  })

  it.each(['input', 'room'])('ends when it is cancelled while it waits for %s', async (wait) => {
    const job = jobOf({ inputBytes: 4096, outputBytes: 4096 })
    const lane = carry(job)
    if (wait === 'room') await write(job, makePackets(0, 30))
    await new Promise(setImmediate)
    job.close()
    await lane
  })

  it('says what was found when a whole input gave nothing', async () => {
    const job = jobOf()
    const deaf = Object.assign(new Relay(), {
      push: () => 0,
      stats: () => ({ ...noStats, problem: 'no PAT' }),
    })
    job.input.write(new Uint8Array(1000))
    job.input.close()
    await expect(carry(job, deaf)).rejects.toMatchObject({ code: 'NO_STREAM', details: { found: 'no PAT' } })
  })

  it('calls an empty input by its name', async () => {
    const job = jobOf()
    job.input.close()
    await expect(carry(job)).rejects.toThrow('no data')
  })

  it('has nothing against a resumed stream that only ends', async () => {
    const job = jobOf()
    job.rescue()
    job.input.close()
    await carry(job)
  })

  it('lets 31 others have their turn when its input never ends', async () => {
    const turns: ('busy' | 'calm')[] = []
    let bytes = 0 // of the busy stream since the last turn of another
    let most = 0
    const busy = jobOf({ inputBytes: 2 ** 20, outputBytes: 2 ** 20 })
    const calm = Array.from({ length: 31 }, () => jobOf())
    // The busy stream's rings are filled and emptied inside its own remuxer: it never has to wait.
    const chunk = makePackets(0, 300)
    const endless = new Relay()
    const push = endless.push.bind(endless)
    endless.push = (piece, window) => {
      turns.push('busy')
      most = Math.max(most, (bytes += piece.length))
      busy.output.release(busy.output.fill)
      busy.input.write(chunk)
      return push(piece, window)
    }
    const onCalm = () => {
      turns.push('calm')
      bytes = 0
    }
    busy.input.write(chunk)
    const lanes = [carry(busy, endless), ...calm.map((job) => carry(job, new Relay(onCalm)))]
    for (let round = 0; round < 20; round++) {
      for (const job of calm) job.input.write(makePackets(round, 1))
      await new Promise(setImmediate)
    }
    for (const job of [busy, ...calm]) job.close()
    await Promise.all(lanes)
    expect(turns.filter((turn) => turn === 'calm').length).toBeGreaterThan(15 * 31)
    expect(most).toBeLessThanOrEqual(3 * turnBytes)
  })

  it('has the marks there before the bytes, counted in bytes of the whole output', async () => {
    const job = jobOf({ inputBytes: 4096, outputBytes: 4096 })
    const lane = carry(job)
    const feed = write(job, makePackets(0, 1000))
    const numbers: number[] = []
    let offset = 0
    while (offset < 1000 * packetBytes) {
      await job.output.whenReadable()
      const end = offset + job.output.fill
      for (const mark of job.marks()) {
        expect(mark).toMatchObject({ pts: mark.offset / 2, pcr: mark.offset * 300, kind: 'idr' })
        numbers.push(mark.offset / packetBytes)
      }
      expect((numbers.at(-1) ?? 0) + 100).toBeGreaterThan((end - 1) / packetBytes)
      job.output.release(job.output.fill)
      offset = end
    }
    await feed
    expect(numbers).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900])
    job.close()
    await lane
  })

  it('counts on where another thread has stopped', async () => {
    const job = jobOf()
    const first = carry(job)
    await write(job, makePackets(0, 50))
    while (job.output.fill < 50 * packetBytes) await job.output.whenReadable(50 * packetBytes)
    job.output.release(20 * packetBytes)
    job.rescue()
    const second = carry(job)
    await write(job, makePackets(50, 50))
    job.input.close()
    await second
    expect(job.marks().map((mark) => mark.offset)).toEqual([0, 50 * packetBytes])
    expect(job.bytesIn).toBe(100 * packetBytes)
    expect(job.bytesOut).toBe(100 * packetBytes)
    const rest = await readUpTo(job, 80)
    expect(rest.map(readNumber)).toEqual(Array.from({ length: 80 }, (_, place) => place + 20))
    void first // waits on memory that nobody writes to any more, as a lost thread would
  })

  it('has published no packet that the next thread sends again', async () => {
    const job = jobOf()
    const packets = readUpTo(job, 100) // waits, so it is urgent
    const losing = new Relay((packet) => {
      if (readNumber(packet) !== 44) return
      job.rescue() // what is done here further is done to the old memory
      throw new Error('lost')
    })
    job.input.write(makePackets(0, 100))
    await expect(carry(job, losing)).rejects.toThrow('lost')
    expect(job.bytesOut).toBe(40 * packetBytes)
    const next = carry(job)
    expect((await packets).map(readNumber)).toEqual([...Array(100).keys()])
    job.input.close()
    await next
  })

  describe('at a splice', () => {
    const bytes = (count: number) => count * packetBytes

    /** Runs the job's task; a new relay for each source. */
    function carrySources(job: Job, stats: Partial<RemuxStats>[] = []) {
      const relays: Relay[] = []
      const options: RemuxerOptions[] = []
      const taken: number[] = [] // the number that each push begins with
      const make: MakeRemuxer = (_, made) => {
        const found = stats.shift() ?? {}
        const relay = new Relay()
        const push = relay.push.bind(relay)
        const count = relay.stats.bind(relay)
        relay.push = (piece, window) => {
          taken.push(readNumber(piece))
          return push(piece, window)
        }
        relay.stats = () => ({ ...count(), ...found })
        relay.place = (into) => into.set([7000, 300, 4, 0])
        relays.push(relay)
        options.push({ ...made, place: Float64Array.from(made.place ?? []) })
        return relay
      }
      const lane = new Lane(job.task(), make)
      return { relays, options, taken, done: lane.run(heartbeat) }
    }

    it('goes on with another remuxer, and tells it where the first stood', async () => {
      const job = jobOf()
      job.input.write(makePackets(0, 30).subarray(0, bytes(30) - 50)) // cut in the middle of a packet
      job.input.splice()
      job.input.write(makePackets(100, 20))
      job.input.close()
      const { relays, options, taken, done } = carrySources(job)
      await done
      expect(relays.map(({ isClosed }) => isClosed)).toEqual([true, true])
      expect(options).toEqual([
        { resumed: false, place: Float64Array.of(-1, 0, 0, 0) },
        { resumed: true, place: Float64Array.of(7000, 300, 4, 1) },
      ])
      expect(taken).toEqual([0, 100])
      const numbers = (await readUpTo(job, 49)).map(readNumber)
      expect(numbers).toEqual([...Array(29).keys(), ...Array.from({ length: 20 }, (_, place) => 100 + place)])
    })

    it('sends all that the first has left, however slowly it is read', async () => {
      const job = jobOf({ inputBytes: 1024, outputBytes: 512 })
      const { done } = carrySources(job)
      const output = readAll(job)
      await write(job, makePackets(0, 500))
      job.input.splice()
      await write(job, makePackets(500, 500))
      job.input.close()
      await done
      expect(Buffer.compare(await output, makePackets(0, 1000))).toBe(0)
    })

    it('counts marks in bytes of the whole output', async () => {
      const job = jobOf()
      job.input.write(makePackets(0, 30))
      job.input.splice()
      job.input.write(makePackets(0, 20))
      job.input.close()
      await carrySources(job).done
      const marks = job.marks().filter(({ kind }) => kind !== 'cut')
      expect(marks.map(({ offset }) => offset)).toEqual([0, bytes(30)])
    })

    it('begins anew at each of several that came before it looked', async () => {
      const job = jobOf()
      for (const [first, count] of [
        [0, 30],
        [500, 2],
        [900, 20],
      ] as const) {
        job.input.splice()
        job.input.write(makePackets(first, count))
      }
      job.input.close()
      const { relays, done } = carrySources(job)
      await done
      expect(relays).toHaveLength(3)
      expect(job.marks().flatMap(({ kind, offset }) => (kind === 'cut' ? offset : []))).toEqual([
        bytes(30),
        bytes(32),
      ])
    })

    it('adds up what the remuxers have seen', async () => {
      const job = jobOf()
      job.input.write(makePackets(0, 30))
      job.input.splice()
      job.input.write(makePackets(0, 20))
      job.input.close()
      const stats = [
        { teiPackets: 7, continuityErrors: 2 },
        { teiPackets: 1, continuityErrors: 3 },
      ]
      const all = await carrySources(job, stats).done
      expect(all).toMatchObject({ packetsIn: 50, bytesIn: bytes(50), teiPackets: 8, continuityErrors: 5 })
      expect(job.damage()).toMatchObject({ tei: 8, continuity: 5 })
    })

    it('flags nothing where nothing has been sent before', async () => {
      const job = jobOf()
      job.input.write(new Uint8Array(100))
      job.input.splice()
      job.input.write(makePackets(0, 20))
      job.input.close()
      const { options, done } = carrySources(job)
      await done
      expect(options.map(({ resumed }) => resumed)).toEqual([false, false])
      expect(options[1]?.place?.[3]).toBe(0)
    })

    it('ends as ever where nothing follows', async () => {
      const job = jobOf()
      job.input.write(makePackets(0, 3))
      job.input.splice()
      job.input.close()
      await carrySources(job).done
      expect(job.output.closeReason).toBe('end')
      expect(job.bytesOut).toBe(bytes(3))
    })

    it('closes its rings when no other remuxer can be made', async () => {
      const job = jobOf()
      job.input.write(makePackets(0, 3))
      job.input.splice()
      job.input.write(makePackets(3, 3))
      let count = 0
      const make = () => {
        if (count++ > 0) throw new Error('no encoder')
        return new Relay()
      }
      expect(await serve(job.task(), { ...trade, make })).toMatchObject({ kind: 'failed', code: 'INTERNAL' })
      expect(job.input.closeReason).toBe('error')
      expect(job.output.closeReason).toBe('error')
    })
  })

  it('counts damage for main to see while it runs, and takes falling sums for what they are', async () => {
    const job = jobOf()
    const found = [3, 1, 2]
    const relay = Object.assign(new Relay(), {
      stats: () => ({ ...noStats, teiPackets: 7, continuityErrors: found.shift() ?? 0 }),
    })
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 2000)) // so that each push counts
    const lane = new Lane(job.task(), () => relay)
    const run = lane.run(heartbeat)
    const seen: number[] = []
    for (let number = 0; number < 2; number++) {
      await write(job, makePackets(number, 1))
      const bytes = (number + 1) * packetBytes
      while (job.output.fill < bytes) await job.output.whenReadable(bytes)
      seen.push(job.progress().damage.continuity)
    }
    job.input.close()
    await run
    expect([...seen, job.progress().damage.continuity]).toEqual([3, 0, 1])
    expect(job.damage()).toMatchObject({ continuity: 4, tei: 7, sync: 0 })
    expect(Object.keys(job.damage())).toEqual([...damageKinds])
  })
})

async function readUpTo(job: Job, count: number): Promise<Uint8Array[]> {
  const packets: Uint8Array[] = []
  while (packets.length < count) {
    if (job.output.fill < packetBytes) await job.output.whenReadable(packetBytes)
    const packet = new Uint8Array(packetBytes)
    job.output.read(packet)
    packets.push(packet)
  }
  return packets
}

describe('serve', () => {
  it('answers a greeting with what was loaded', async () => {
    expect(await serve({ kind: 'hello' }, { ...trade, make: () => new Relay() })).toMatchObject({
      kind: 'ready',
    })
  })

  it.each([false, true])(
    'lets a job wait for its slice, a live stream for nobody; moved: %s',
    async (isMoved) => {
      const outcomes = [undefined, 1].map((weight) => {
        const job = jobOf({ weight })
        if (isMoved) job.rescue()
        job.input.write(makePackets(0, 3))
        job.input.close()
        const outcome = serve(job.task(), { ...trade, make: () => new Relay() })
        expect(job.output.fill).toBe(weight === undefined ? 3 * packetBytes : 0)
        return outcome
      })
      for (const outcome of outcomes) expect(await outcome).toMatchObject({ kind: 'done' })
    },
  )

  it("gives a stream's error as a value, closes its rings and its remuxer", async () => {
    const job = jobOf()
    const relay = new Relay(() => {
      throw new RangeError('too far')
    })
    job.input.write(makePackets(0, 1))
    const outcome = await serve(job.task(), { ...trade, make: () => relay })
    expect(outcome).toMatchObject({ kind: 'failed', code: 'INTERNAL', details: { reason: 'too far' } })
    expect(job.input.closeReason).toBe('error')
    expect(job.output.closeReason).toBe('error')
    expect(relay.isClosed).toBe(true)
  })

  it('gives an error in the making of a remuxer as a value', async () => {
    const job = jobOf()
    const make = () => {
      throw new Error('no encoder')
    }
    expect(await serve(job.task(), { ...trade, make })).toMatchObject({ kind: 'failed', code: 'INTERNAL' })
    expect(job.output.isDrained).toBe(true)
  })

  it('closes the output at the end of the input', async () => {
    const job = jobOf()
    job.input.write(makePackets(0, 3))
    job.input.close()
    const outcome = await serve(job.task(), { ...trade, make: () => new Relay() })
    expect(outcome).toMatchObject({ kind: 'done', stats: { packetsIn: 3 } })
    expect(job.output.closeReason).toBe('end')
    expect(job.output.fill).toBe(3 * packetBytes)
  })
})
