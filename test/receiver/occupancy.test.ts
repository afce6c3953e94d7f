import { afterEach, describe, expect, it, vi } from 'vitest'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import { readAnswer } from '../../src/receiver/answer.ts'
import { OpenWebIf } from '../../src/receiver/client.ts'
import { readAbout, readPlayable, readRecordings, type About } from '../../src/receiver/device.ts'
import { Occupancy, type OccupancyOptions } from '../../src/receiver/occupancy.ts'
import { demo, generationMs, hangUp, holdOpen } from '../demo/client.ts'
import { channelOf } from '../demo/signal/loops.ts'

const radio = channelOf('radio-mp2')
const [described, local] = [channelOf('description'), channelOf('mono-44k1')] // on one transponder
const key = ({ ref }: { ref: string }): string => ref.replace(/:$/, '')

let box: DemoReceiver | undefined
afterEach(async () => {
  vi.useRealTimers()
  await box?.close()
  box = undefined
})

async function start(options: Partial<DemoOptions> = {}) {
  box = await demo({ streams: ['radio-mp2', 'description', 'mono-44k1'], ...options })
  const client = new OpenWebIf({ owiBase: box.webUrl, retryMs: 1 })
  return { box, occupancy: new Occupancy(client) }
}

const answer = (value: unknown) => readAnswer(Buffer.from(JSON.stringify(value)))
const xml = (text: string) => readAnswer(Buffer.from(`<?xml version="1.0"?>${text}`))

describe('Occupancy with the demo receiver', () => {
  it(
    'tells what the box uses its tuners for, and which services',
    async () => {
      const { box, occupancy } = await start({ tv: 'radio-mp2', recordings: ['mono-44k1'] })
      const socket = await holdOpen(box.streamUrl, described.ref)
      expect(await occupancy.capacity()).toEqual({
        tuners: 4,
        occupied: 2,
        uses: [
          { purpose: 'tv', transponder: radio.transponder, service: key(radio) },
          { purpose: 'recording', transponder: local.transponder, service: key(local) },
          { purpose: 'stream', transponder: described.transponder, service: key(described) },
        ],
      })
      expect(occupancy.isReachable).toBe(true)
      await hangUp(socket)
    },
    generationMs,
  )

  it.each(['A', 'B'] as const)('sees nothing in standby (dialect %s)', async (dialect) => {
    const { occupancy } = await start({ web: { delayMs: 0, dialect, isPython2: dialect === 'A' } })
    expect(await occupancy.capacity()).toEqual({ tuners: 4, occupied: 0, uses: [] })
  })

  it('asks once in a while for the numbers, and each time whether a service gets a tuner', async () => {
    const { box, occupancy } = await start({ tuners: 1, tv: 'radio-mp2' })
    for (let time = 0; time < 3; time++) {
      await occupancy.capacity()
      expect(await occupancy.isPlayable(local.ref)).toBe(false)
    }
    expect(await occupancy.isPlayable(local.ref, radio.ref)).toBe(true)
    expect(box.requests.web).toEqual({ about: 1, serviceplayable: 4 })
  })

  it('asks a box that cannot say it only once whether a service gets a tuner', async () => {
    const { box, occupancy } = await start({ web: { delayMs: 0, absent: ['serviceplayable'] } })
    expect(await occupancy.isPlayable(local.ref)).toBeUndefined()
    expect(await occupancy.isPlayable(local.ref)).toBeUndefined()
    expect(box.requests.web).toEqual({ serviceplayable: 2 }) // JSON and XML
    expect((await occupancy.capacity())?.tuners).toBe(4)
  })

  it('knows nothing of a box that is away, and does not ask it again at once', async () => {
    const { box, occupancy } = await start()
    await box.close()
    expect(await occupancy.capacity()).toBeUndefined()
    expect(await occupancy.isPlayable(local.ref)).toBeUndefined()
    expect(occupancy.isReachable).toBe(false)
  })
})

describe('Occupancy with a slow box', () => {
  const about = { tuners: [{ name: 'A', type: '', live: '', recording: '', stream: '' }], streamed: [] }

  // A box that answers when the test says so.
  function slow(options: OccupancyOptions = {}) {
    const asked: PromiseWithResolvers<About>[] = []
    const occupancy = new Occupancy(
      {
        about: () => {
          asked.push(Promise.withResolvers())
          return asked.at(-1)!.promise
        },
        recordings: async () => [],
        isPlayable: () => new Promise(() => undefined),
      },
      options,
    )
    const answered = async (index: number) => {
      asked[index]?.resolve({ ...about, watched: '' } as unknown as About)
      await vi.advanceTimersByTimeAsync(0)
    }
    return { occupancy, asked, answered }
  }

  it('gives after 2 s what was known before, and later what came late', async () => {
    vi.useFakeTimers()
    const { occupancy, asked, answered } = slow()
    const first = occupancy.capacity()
    await vi.advanceTimersByTimeAsync(2000)
    expect(await first).toBeUndefined()
    expect(await occupancy.capacity()).toBeUndefined() // at once: the same question is still open
    await answered(0)
    expect((await occupancy.capacity())?.tuners).toBe(1)
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(3000)
    const again = occupancy.capacity()
    expect(asked).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(2000)
    expect((await again)?.tuners).toBe(1)
  })

  it('waits 2 s for whether a service gets a tuner, and then for a while not at all', async () => {
    vi.useFakeTimers()
    const { occupancy } = slow()
    const asked = occupancy.isPlayable(radio.ref)
    await vi.advanceTimersByTimeAsync(2000)
    expect(await asked).toBeUndefined()
    expect(await occupancy.isPlayable(radio.ref)).toBeUndefined()
  })
})

describe('readPlayable', () => {
  it.each([
    [answer({ result: true, service: { servicereference: 'x', isplayable: false } }), false],
    [answer({ result: true, service: { servicereference: 'x', isplayable: 'True' } }), true],
    [answer({ isplayable: 'False' }), false],
    [answer({ result: false, message: 'Fehlender Parameter' }), undefined],
    [answer([]), undefined],
    [xml('<e2serviceplayable><e2isplayable>True</e2isplayable></e2serviceplayable>'), true],
    [
      xml('<e2serviceplayable><e2service><e2isplayable>False</e2isplayable></e2service></e2serviceplayable>'),
      false,
    ],
  ])('reads %j', (given, expected) => {
    expect(readPlayable(given)).toBe(expected)
  })
})

describe('readRecordings', () => {
  const timer = { serviceref: radio.ref, state: 2, disabled: 0, justplay: 0 }

  it('takes what runs or is about to, and records', () => {
    const timers = [
      timer,
      { ...timer, serviceref: 'prepared', state: '1' },
      { ...timer, state: 0 },
      { ...timer, state: 3 },
      { ...timer, justplay: 1 },
      { ...timer, disabled: 'True' },
      { serviceref: 'no state' },
    ]
    expect(readRecordings(answer({ timers }))).toEqual([radio.ref, 'prepared'])
    expect(readRecordings(answer({ result: true }))).toEqual([])
    const row = `<e2servicereference>${radio.ref}</e2servicereference><e2state>2</e2state><e2justplay>0</e2justplay>`
    expect(readRecordings(xml(`<e2timerlist><e2timer>${row}</e2timer></e2timerlist>`))).toEqual([radio.ref])
  })
})

describe('readAbout', () => {
  it('does not take the garbage of standby for a service', () => {
    const about = (service: unknown, streams?: unknown) => readAbout(answer({ info: { streams }, service }))
    expect(about({ result: false, ref: encodeURIComponent(radio.ref) }).watched).toBe('')
    expect(about({ ref: encodeURIComponent(radio.ref) }).watched).toBe(radio.ref)
    expect(about({ ref: '%zz' }).watched).toBe('%zz')
    expect(about(undefined, [{ ref: ` ${radio.ref}` }, {}, null]).streamed).toEqual([radio.ref])
  })
})
