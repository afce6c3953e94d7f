import { afterEach, describe, expect, it, vi } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import type { DemoOptions } from '../../src/demo/receiver.ts'
import { StreamAddresses } from '../../src/receiver/address.ts'
import { OpenWebIf } from '../../src/receiver/client.ts'
import { Occupancy } from '../../src/receiver/occupancy.ts'
import { parseReference } from '../../src/receiver/reference.ts'
import { Receivers, type Wish } from '../../src/stream/receivers.ts'
import { Tuners } from '../../src/stream/tuners.ts'
import { demo, generationMs, hangUp, holdOpen } from '../demo/client.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

/** Two boxes with the same channels: a radio station, and copies of it, eight on a transponder. */
async function start(options: Partial<DemoOptions> = {}) {
  const all = { streams: ['radio-mp2' as const], atLeast: 30, tuners: 1, ...options }
  const boxes = [await demo(all), await demo(all)] as const
  const parts = boxes.map(({ webUrl }, index) => ({
    name: `box${index}`,
    addresses: new StreamAddresses({ owiBase: webUrl }),
    tuners: new Tuners({
      source: new Occupancy(new OpenWebIf({ owiBase: webUrl, retryMs: 1 }), { freshMs: 0, retryMs: 0 }),
      limit: 'auto',
      reserved: 0,
    }),
  }))
  const receivers = new Receivers(parts)
  closers.push(
    () => Promise.all(boxes.map((box) => box.close())),
    () => receivers.close(),
  )
  const references = [0, 1, 2, 3].map((transponder) =>
    parseReference(boxes[0].channels[transponder * 8]!.ref),
  )
  return { boxes, receivers, references: references as [Ref, Ref, Ref, Ref] }
}

type Ref = ReturnType<typeof parseReference>
const wish = (more: Partial<Wish> = {}): Wish => ({
  channel: 'Test',
  priority: 'normal',
  onRevoke: () => undefined,
  ...more,
})

describe('Receivers with two demo receivers', () => {
  it(
    'take the first while it has a tuner, then the next',
    async () => {
      const { boxes, receivers, references } = await start()
      const [one, two, three] = references
      const first = await receivers.seat(one, wish())
      const second = await receivers.seat(two, wish())
      expect([first, second].map(({ candidate }) => candidate.name)).toEqual(['box0', 'box1'])
      const { host, port } = await second.candidate.locate()
      const socket = await holdOpen(`http://${host}:${port}`, boxes[1].channels[8]!.ref)
      expect([boxes[0], boxes[1]].map(({ requests }) => requests.streamsNow)).toEqual([0, 1])
      await expect(receivers.seat(three, wish())).rejects.toMatchObject({ code: 'NO_TUNER' })
      await hangUp(socket)
      expect(receivers.list().map(({ tuners }) => tuners.used.length)).toEqual([1, 1])
    },
    generationMs,
  )

  it('share a tuner of the second where the first has none', async () => {
    const { receivers, references } = await start()
    await receivers.seat(references[0], wish())
    await receivers.seat(references[1], wish())
    expect((await receivers.seat(references[1], wish())).candidate.name).toBe('box1')
  })

  it('pass over one that is away', async () => {
    const { boxes, receivers, references } = await start()
    await boxes[0].close()
    const { candidate, lease } = await receivers.seat(references[0], wish())
    expect(candidate.name).toBe('box1')
    lease.release()
    expect(receivers.candidates(references[1]).map(({ name }) => name)).toEqual(['box1'])
    await boxes[1].close()
    expect((await receivers.seat(references[1], wish())).lease.isHeld).toBe(true) // somebody has to be tried
  })

  it('take a tuner from a running stream only if there is no other', async () => {
    const { receivers, references } = await start()
    const revoked: string[] = []
    const low = (name: string) => wish({ priority: 'low', onRevoke: () => revoked.push(name) })
    await receivers.seat(references[0], low('first'))
    expect((await receivers.seat(references[1], wish())).candidate.name).toBe('box1')
    expect(revoked).toEqual([])
    expect((await receivers.seat(references[2], wish())).candidate.name).toBe('box0')
    expect(revoked).toEqual(['first'])
  })
})

describe('Receivers.failed', () => {
  const names = (receivers: Receivers, reference: Ref) =>
    receivers.candidates(reference).map(({ name }) => name)

  it('passes a receiver over that cannot be connected to, for longer each time', async () => {
    const { receivers, references } = await start()
    const [one, two] = references
    const [first] = receivers.candidates(one)
    const error = new AppError('UPSTREAM_REFUSED', { reason: 'ECONNREFUSED' })
    vi.useFakeTimers()
    receivers.failed(first!, one, error)
    expect(names(receivers, two)).toEqual(['box1'])
    vi.advanceTimersByTime(30_000)
    expect(names(receivers, two)).toEqual(['box0', 'box1'])
    receivers.failed(first!, one, error)
    vi.advanceTimersByTime(30_000)
    expect(names(receivers, two)).toEqual(['box1'])
    receivers.worked(first!, one)
    expect(names(receivers, two)).toEqual(['box0', 'box1'])
  })

  it('passes it over for one service where only that was refused', async () => {
    const { receivers, references } = await start()
    const [one, two] = references
    const [first, second] = receivers.candidates(one)
    receivers.failed(first!, one, new AppError('UPSTREAM_REFUSED', { status: 400 }))
    expect(names(receivers, one)).toEqual(['box1'])
    expect(names(receivers, two)).toEqual(['box0', 'box1'])
    receivers.failed(second!, one, new AppError('UPSTREAM_TIMEOUT', {}))
    expect(names(receivers, one)).toEqual(['box0', 'box1']) // better than none
  })

  it('goes on to the next one, when told which have been tried', async () => {
    const { receivers, references } = await start()
    const first = await receivers.seat(references[0], wish())
    const passed = [first.candidate]
    first.lease.release()
    const second = await receivers.seat(references[0], wish(), { passed })
    expect(second.candidate.name).toBe('box1')
    passed.push(second.candidate)
    await expect(receivers.seat(references[0], wish(), { passed })).rejects.toMatchObject({
      code: 'NO_TUNER',
    })
  })
})
