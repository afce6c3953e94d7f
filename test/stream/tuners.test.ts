// Tuners against the demo receiver: what it is really asked to tune is in its own books.
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AppError } from '../../src/base/errors.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import { OpenWebIf } from '../../src/receiver/client.ts'
import { Occupancy, type Capacity, type TunerSource } from '../../src/receiver/occupancy.ts'
import { parseReference, transponderOf } from '../../src/receiver/reference.ts'
import type { Priority, TunerLease, TunerRequest } from '../../src/stream/lease.ts'
import { Tuners, type TunersOptions } from '../../src/stream/tuners.ts'
import { demo, generationMs, hangUp, holdOpen } from '../demo/client.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

interface Stream {
  readonly lease: TunerLease
  readonly socket: Socket
  readonly revoked: AppError[]
}

/** A box with a radio station on a transponder of its own and copies of it, eight on each further one. */
async function start(options: Partial<DemoOptions> = {}, limits: Partial<TunersOptions> = {}) {
  const box = await demo({ streams: ['radio-mp2'], atLeast: 60, tuners: 2, ...options })
  closers.push(() => box.close())
  const client = new OpenWebIf({ owiBase: box.webUrl, retryMs: 1, timeoutMs: 2000 })
  const metrics = createMetrics()
  const source = new Occupancy(client, { freshMs: 0 })
  const tuners = new Tuners({ source, limit: 'auto', reserved: 0, metrics, ...limits })
  closers.push(() => tuners.close())
  const metric = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values
  return { box, tuners, metric, ...viewersOf(box, tuners) }
}

/** Transponder and station on it, each from 0. */
const station = (box: DemoReceiver, transponder: number, index = 0) =>
  box.channels[1 + transponder * 8 + index]!

function viewersOf(box: DemoReceiver, tuners: Tuners) {
  const requestOf = ({ ref, name }: { ref: string; name: string }, priority: Priority = 'normal') => ({
    transponder: transponderOf(parseReference(ref)),
    channel: name,
    reference: ref,
    priority,
    onRevoke: () => undefined as unknown,
  })
  /** What a feed does: takes a tuner, then opens the stream; leaves when the tuner is taken away. */
  const watch = async (channel: { ref: string; name: string }, priority?: Priority): Promise<Stream> => {
    const revoked: AppError[] = []
    const opened: Socket[] = []
    const onRevoke = (reason: AppError) => {
      revoked.push(reason)
      return Promise.all(opened.map(hangUp))
    }
    const lease = await tuners.acquire({ ...requestOf(channel, priority), onRevoke })
    const socket = await holdOpen(box.streamUrl, channel.ref)
    opened.push(socket)
    closers.push(() => hangUp(socket))
    return { lease, socket, revoked }
  }
  const stop = async ({ lease, socket }: Stream) => {
    await hangUp(socket)
    lease.release()
  }
  return { requestOf, watch, stop }
}

describe('Tuners with the demo receiver', () => {
  it(
    'need one for two channels of a transponder',
    async () => {
      const { box, tuners, watch } = await start({ tuners: 1 })
      const both = [await watch(station(box, 0, 0)), await watch(station(box, 0, 1))]
      expect(tuners.list()).toMatchObject({ total: 1, used: [{ channels: { length: 2 } }], free: 0 })
      expect(box.tuners()[0]!.users).toHaveLength(2)
      both[0]!.lease.release()
      await expect(watch(station(box, 1))).rejects.toMatchObject({ code: 'NO_TUNER' })
    },
    generationMs,
  )

  it('refuse with 503 and who has them, and the receiver is not asked for a stream', async () => {
    const { box, watch, metric } = await start()
    await watch(station(box, 0))
    await watch(station(box, 1))
    const asked = box.requests.streams
    await expect(watch(station(box, 2))).rejects.toMatchObject({
      code: 'NO_TUNER',
      status: 503,
      message: `All 2 tuners are in use: ${station(box, 0).name}, ${station(box, 1).name}`,
      details: { total: 2, channels: [station(box, 0).name, station(box, 1).name], byReceiver: 0 },
    })
    expect(box.requests).toMatchObject({ streams: asked, streamsNow: 2, streamsRefused: 0 })
    expect(await metric('xg2g_tuner_refusals_total')).toContainEqual({
      labels: { reason: 'in use' },
      value: 1,
    })
  })

  it('leave to the receiver what it records and shows, and share it with them', async () => {
    const { box, tuners, watch } = await start({ tuners: 3, tv: 'radio-mp2' })
    const end = box.record(station(box, 0, 0).ref)
    await watch(station(box, 1))
    await expect(watch(station(box, 2))).rejects.toThrow(
      `All 3 tuners are in use: ${station(box, 1).name}, 2 by the receiver`,
    )
    await watch(station(box, 0, 1)) // with the recording
    expect(tuners.list()).toMatchObject({ used: { length: 2 }, byReceiver: 1, free: 0 })
    end?.()
    await watch(box.channels[0]!) // with the television
    expect(tuners.list()).toMatchObject({ used: { length: 3 }, byReceiver: 0, free: 0 })
  })

  it.each(['A', 'B'] as const)('count a stream of somebody else (dialect %s)', async (dialect) => {
    const { box, tuners, watch } = await start({ web: { delayMs: 0, dialect } })
    const foreign = await holdOpen(box.streamUrl, station(box, 0).ref)
    closers.push(() => hangUp(foreign))
    await watch(station(box, 1))
    expect(tuners.list()).toMatchObject({ used: { length: 1 }, byReceiver: 1 })
    await expect(watch(station(box, 2))).rejects.toThrow('1 by the receiver')
  })

  it.each(['A', 'B'] as const)(
    'do not take our own streams for those of the receiver (dialect %s)',
    async (dialect) => {
      const { box, tuners, watch, stop } = await start({
        tuners: 3,
        web: { delayMs: 0, dialect, absent: ['serviceplayable'] },
      })
      const first = await watch(station(box, 0))
      await watch(station(box, 1))
      await watch(station(box, 2))
      expect(tuners.list()).toMatchObject({ used: { length: 3 }, byReceiver: 0 })
      await stop(first)
      await watch(station(box, 3))
      expect(tuners.list()).toMatchObject({ used: { length: 3 }, byReceiver: 0 })
    },
  )

  it('keep some free for the living room, which counts as theirs once it watches', async () => {
    const { box, tuners, watch } = await start({ tuners: 2 }, { reserved: 1 })
    const first = await watch(station(box, 0))
    await expect(watch(station(box, 1))).rejects.toThrow(
      `All 2 tuners are in use: ${station(box, 0).name}, 1 reserved`,
    )
    expect(tuners.list()).toMatchObject({ reserved: 1, free: 0 })
    expect(box.watch(station(box, 0, 1).ref)).toBe(true) // the television on our transponder
    await expect(watch(station(box, 1))).rejects.toThrow('1 reserved')
    first.lease.release()
    expect(box.watch(station(box, 5).ref)).toBe(true)
    await watch(station(box, 0, 2))
    expect(tuners.list()).toMatchObject({ reserved: 0, byReceiver: 1, free: 0 })
  })

  it('are no more of ours than is set', async () => {
    const { box, watch } = await start({ tuners: 4 }, { limit: 1 })
    await watch(station(box, 0))
    await expect(watch(station(box, 1))).rejects.toThrow(
      `All 1 tuners that may be used are in use: ${station(box, 0).name}`,
    )
  })

  it('that linger are given at once to who needs one, the oldest first', async () => {
    const { box, tuners, watch, metric } = await start({ tunerHoldMs: 50 })
    const [old, young] = [await watch(station(box, 0)), await watch(station(box, 1))]
    young.lease.linger()
    old.lease.linger()
    young.lease.resume('normal')
    young.lease.linger()
    expect(tuners.list().used.map(({ isLingering }) => isLingering)).toEqual([true, true])
    await watch(station(box, 2))
    expect(old.revoked).toMatchObject([
      { code: 'NO_TUNER', message: `Its tuner was needed for ${station(box, 2).name}` },
    ])
    expect(old.lease.isHeld).toBe(false)
    expect([young.revoked, box.requests.streamsRefused]).toEqual([[], 0])
    expect(await metric('xg2g_tuner_preemptions_total')).toContainEqual({
      labels: { from: 'lingering' },
      value: 1,
    })
  })

  it('that linger are kept while there are others, and go on when somebody watches again', async () => {
    const { box, watch } = await start()
    const first = await watch(station(box, 0))
    first.lease.linger()
    await watch(station(box, 1))
    expect(first.revoked).toEqual([])
    first.lease.resume('normal')
    await expect(watch(station(box, 2))).rejects.toMatchObject({ code: 'NO_TUNER' })
  })

  it('are taken from a lower priority, the lowest and youngest first, never from an equal one', async () => {
    const { box, watch } = await start({ tuners: 3 })
    const normal = await watch(station(box, 0))
    const older = await watch(station(box, 1), 'low')
    const younger = await watch(station(box, 2), 'low')
    const high = await watch(station(box, 3), 'high')
    expect([normal, older, younger].map(({ revoked }) => revoked.length)).toEqual([0, 0, 1])
    await watch(station(box, 4))
    expect([normal, older].map(({ revoked }) => revoked.length)).toEqual([0, 1])
    await expect(watch(station(box, 5))).rejects.toMatchObject({ code: 'NO_TUNER' })
    await watch(station(box, 5), 'high')
    await watch(station(box, 6), 'high')
    await expect(watch(station(box, 7), 'high')).rejects.toMatchObject({ code: 'NO_TUNER' })
    expect(high.revoked).toEqual([])
  })

  it('stay with a transponder on which one of its viewers is as important', async () => {
    const { box, watch } = await start({ tuners: 1 })
    const viewers = [await watch(station(box, 0, 0), 'low'), await watch(station(box, 0, 1), 'normal')]
    await expect(watch(station(box, 1))).rejects.toMatchObject({ code: 'NO_TUNER' })
    viewers[1]!.lease.linger()
    await watch(station(box, 1))
    expect(viewers.map(({ revoked }) => revoked.length)).toEqual([1, 1])
  })

  it('are not taken from anybody in vain', async () => {
    const { box, watch } = await start({ tuners: 2, tv: 'radio-mp2' }, { reserved: 2 })
    box.watch(undefined)
    await expect(watch(station(box, 0))).rejects.toThrow('All 2 tuners are in use: 2 reserved')
    const other = await start({ tuners: 2 })
    const low = await other.watch(station(other.box, 0), 'low')
    other.box.record(station(other.box, 0, 1).ref) // on the same transponder: nothing is gained by leaving it
    other.box.record(station(other.box, 1).ref)
    await expect(other.watch(station(other.box, 2), 'high')).rejects.toMatchObject({ code: 'NO_TUNER' })
    expect(low.revoked).toEqual([])
  })

  it('are given one by one to requests that come at the same time', async () => {
    const { box, tuners, requestOf } = await start({ tuners: 2 })
    const results = await Promise.allSettled(
      [0, 1, 2, 3, 0].map((transponder, index) =>
        tuners.acquire(requestOf(station(box, transponder, index))),
      ),
    )
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled', // on the first one's tuner
    ])
    expect(tuners.list().used).toMatchObject([{ channels: { length: 2 } }, { channels: { length: 1 } }])
  })

  it('are not needed for what comes by IP', async () => {
    const { tuners, requestOf, box } = await start({ tuners: 1 })
    const lease = await tuners.acquire({ ...requestOf(station(box, 0)), transponder: undefined })
    lease.linger()
    lease.resume('high')
    expect([lease.isHeld, tuners.list().used, box.requests.web]).toEqual([true, [], {}])
    lease.release()
    lease.release()
    expect(lease.isHeld).toBe(false)
  })

  it('are asked for in vain where the box is away: then the stream server may decide', async () => {
    const { box, tuners, requestOf } = await start()
    const first = station(box, 0)
    await box.close()
    expect((await tuners.acquire(requestOf(first))).isHeld).toBe(true)
    expect(tuners.isReachable).toBe(false)
  })

  it('are counted in the metrics', async () => {
    const { box, watch, stop, metric } = await start({ tuners: 3, tv: 'radio-mp2' }, { reserved: 2 })
    const stream = await watch(station(box, 0))
    stream.lease.linger()
    const numbers = async () =>
      Promise.all(
        ['', '_used', '_lingering', '_reserved', '_of_receiver'].map(
          async (name) => (await metric(`xg2g_tuners${name}`))?.[0]?.value,
        ),
      )
    expect(await numbers()).toEqual([3, 1, 1, 1, 1])
    await stop(stream)
    stream.lease.release()
    expect(await numbers()).toEqual([3, 0, 0, 1, 1])
  })
})

/** A receiver with the given number of tuners whose answers the test gives. */
function given(tuners: number, isPlayable: TunerSource['isPlayable'] = async () => undefined) {
  const playable = vi.fn(isPlayable)
  const source: TunerSource = {
    capacity: async (): Promise<Capacity> => ({ tuners, occupied: 0, uses: [] }),
    isPlayable: playable,
    isReachable: true,
  }
  return { playable, tuners: new Tuners({ source, limit: 'auto', reserved: 0 }) }
}

let count = 0
function request(transponder: string, more: Partial<TunerRequest> = {}): TunerRequest {
  const reference = `1:0:1:${++count}:${transponder}:0:0:0:`
  return { transponder, channel: transponder, reference, priority: 'normal', onRevoke: vi.fn(), ...more }
}

describe('a receiver that knows better', () => {
  it('is believed, after all that lingers has been given up', async () => {
    const taken = vi.fn()
    const { tuners, playable } = given(8, async () => taken.mock.calls.length === 2)
    for (const transponder of ['1:1:1', '2:1:1', '3:1:1']) {
      playable.mockResolvedValueOnce(true)
      const lease = await tuners.acquire(request(transponder, { onRevoke: () => void taken(transponder) }))
      lease.linger()
    }
    vi.useFakeTimers()
    const asked = tuners.acquire(request('4:1:1'))
    await vi.advanceTimersByTimeAsync(10_000)
    await asked
    expect(taken.mock.calls).toEqual([['1:1:1'], ['2:1:1']])
    playable.mockResolvedValue(false)
    const refused = expect(tuners.acquire(request('5:1:1'))).rejects.toThrow(
      'The receiver has no tuner for 5:1:1: 4:1:1',
    )
    await vi.advanceTimersByTimeAsync(10_000)
    await refused
    expect(taken).toHaveBeenCalledTimes(3)
  })

  it('gets a moment to notice that a stream has left', async () => {
    vi.useFakeTimers()
    const answers = [true, false, false, true]
    const { tuners } = given(1, async () => answers.shift())
    const lease = await tuners.acquire(request('1:1:1'))
    lease.linger()
    const asked = tuners.acquire(request('2:1:1'))
    await vi.advanceTimersByTimeAsync(500)
    expect((await asked).isHeld).toBe(true)
  })

  it('loses a less important stream only if that helps, by its own words', async () => {
    const low = request('1:1:1', { priority: 'low' })
    const other = request('2:1:1', { priority: 'low' })
    let isHelped = false
    const { tuners } = given(8, async (ref, without = '') => {
      const isNew = ref !== low.reference && ref !== other.reference
      return !isNew || isHelped || without === low.reference
    })
    await tuners.acquire({ ...low, onRevoke: () => (isHelped = true) })
    await tuners.acquire(other)
    await tuners.acquire(request('3:1:1'))
    expect(isHelped).toBe(true)
    expect(other.onRevoke).not.toHaveBeenCalled()
  })
})

describe('Tuners.acquire', () => {
  it('refuses at once what cannot be granted, although the receiver does not answer now', async () => {
    const answers = [Promise.resolve({ tuners: 1, occupied: 0, uses: [] })]
    const source: TunerSource = {
      capacity: () => answers.shift() ?? new Promise(() => undefined),
      isPlayable: async () => true,
      isReachable: true,
    }
    const tuners = new Tuners({ source, limit: 'auto', reserved: 0 })
    const lease = await tuners.acquire(request('1:1:1'))
    await expect(tuners.acquire(request('2:1:1'))).rejects.toThrow('All 1 tuners are in use: 1:1:1')
    expect((await tuners.acquire(request('1:1:1'))).isHeld).toBe(true)
    lease.release()
  })

  it('waits for the one that leaves, but not for ever', async () => {
    vi.useFakeTimers()
    const { tuners } = given(1)
    const lease = await tuners.acquire(request('1:1:1', { onRevoke: () => new Promise(() => undefined) }))
    lease.linger()
    let isGranted = false
    const asked = tuners.acquire(request('2:1:1')).then(() => (isGranted = true))
    await vi.advanceTimersByTimeAsync(1999)
    expect(isGranted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await asked
  })

  it('does not mind how a stream leaves', async () => {
    const { tuners } = given(1)
    const onRevoke = () => {
      throw new Error('oops')
    }
    const lease = await tuners.acquire(request('1:1:1', { onRevoke }))
    lease.linger()
    expect((await tuners.acquire(request('2:1:1'))).isHeld).toBe(true)
    lease.resume('high')
    lease.linger()
    lease.release()
    expect(tuners.list().used).toMatchObject([{ transponder: '2:1:1', isLingering: false }])
  })

  it('gives everything back when it is aborted while it waits', async () => {
    const { tuners, playable } = given(1)
    const answer = Promise.withResolvers<boolean>()
    playable.mockReturnValueOnce(answer.promise)
    const leaving = new AbortController()
    const first = tuners.acquire(request('1:1:1'), leaving.signal)
    const second = tuners.acquire(request('2:1:1'), leaving.signal)
    const third = tuners.acquire(request('3:1:1'))
    leaving.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    await expect(second).rejects.toThrow('gone')
    answer.resolve(true)
    expect((await third).isHeld).toBe(true)
    expect(tuners.list().used).toMatchObject([{ transponder: '3:1:1' }])
    await expect(tuners.acquire(request('3:1:1'), leaving.signal)).rejects.toThrow('gone')
  })

  it('takes nothing from who has begun to watch again meanwhile', async () => {
    const { tuners } = given(1)
    const held = request('1:1:1')
    const lease = await tuners.acquire(held)
    lease.linger()
    const asked = tuners.acquire(request('2:1:1'))
    lease.resume('normal')
    await expect(asked).rejects.toMatchObject({ code: 'NO_TUNER' })
    expect(held.onRevoke).not.toHaveBeenCalled()
  })

  it('leaves running streams alone where it shall', async () => {
    const { tuners } = given(1)
    await tuners.acquire(request('1:1:1', { priority: 'low' }))
    const asked = tuners.acquire(request('2:1:1', { priority: 'high', mayPreempt: false }))
    await expect(asked).rejects.toMatchObject({ code: 'NO_TUNER' })
  })

  it('refuses after the end', async () => {
    const { tuners, playable } = given(2)
    const answer = Promise.withResolvers<boolean>()
    const lease = await tuners.acquire(request('1:1:1'))
    playable.mockReturnValueOnce(answer.promise)
    const waiting = tuners.acquire(request('2:1:1'))
    tuners.close()
    tuners.close()
    answer.resolve(true)
    await expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    await expect(tuners.acquire(request('1:1:1'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    lease.release()
    expect(tuners.list().used).toEqual([])
  })
})
