import { afterEach, describe, expect, it, vi } from 'vitest'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import { demo, generationMs, hangUp, holdOpen } from './client.ts'
import { channelOf } from './signal/loops.ts'

const radio = channelOf('radio-mp2')
const [described, local] = [channelOf('description'), channelOf('mono-44k1')] // on one transponder

let receiver: DemoReceiver | undefined
afterEach(() => receiver?.close())

async function start(options: Partial<DemoOptions> = {}): Promise<DemoReceiver> {
  receiver = await demo({ streams: ['radio-mp2', 'description', 'mono-44k1'], tuners: 2, ...options })
  return receiver
}

type Loose = Record<string, unknown>

async function ask(page: string, query: Record<string, string> = {}): Promise<Loose> {
  const answer = await fetch(`${receiver?.webUrl}/api/${page}?${new URLSearchParams(query).toString()}`)
  return (await answer.json()) as Loose
}

async function tunerTexts(): Promise<unknown> {
  const { info } = (await ask('about')) as { info: { tuners: Loose[] } }
  return info.tuners.map(({ live, rec, stream = '' }) => [live, rec, stream])
}

describe('the people at the box', () => {
  it(
    'take tuners, which the box tells',
    async () => {
      const box = await start({ tv: 'radio-mp2', recordings: ['mono-44k1'] })
      expect(await tunerTexts()).toEqual([
        ['19.2° E / Radio Nordlicht', '', ''],
        ['', '19.2° E / Mono Lokal', ''],
      ])
      expect(await ask('statusinfo')).toMatchObject({ isRecording: 'true', isStreaming: 'false' })
      expect(await ask('timerlist')).toMatchObject({
        timers: [{ serviceref: local.ref, servicename: 'Mono Lokal', state: 2, justplay: 0 }],
      })
      expect(box.watch(undefined)).toBe(true)
      expect((await tunerTexts()) as unknown[]).toMatchObject([['', '', ''], {}])
      await box.faults.reboot(1)
      expect(await tunerTexts()).toMatchObject([['', '19.2° E / Mono Lokal', ''], {}])
    },
    generationMs,
  )

  it('share them with streams of the same transponder', async () => {
    const box = await start({ tuners: 1 })
    const end = box.record(local.ref)
    const socket = await holdOpen(box.streamUrl, described.ref)
    expect(await tunerTexts()).toEqual([['', '19.2° E / Mono Lokal', '19.2° E / Hörfilm & Co']])
    expect(box.watch(radio.ref)).toBe(false)
    expect(box.record(radio.ref)).toBeUndefined()
    await hangUp(socket)
    end?.()
    await vi.waitFor(() => expect(box.watch(radio.ref)).toBe(true), { timeout: 10_000 })
    expect(box.watch(described.ref)).toBe(true)
  })
})

describe('dialect A', () => {
  it('takes streams for recordings, and names one only if it is the only one', async () => {
    const box = await start({ web: { delayMs: 0, dialect: 'A' } })
    const first = await holdOpen(box.streamUrl, radio.ref)
    expect(await tunerTexts()).toEqual([
      ['', '19.2° E / Radio Nordlicht', ''],
      ['', '', ''],
    ])
    const second = await holdOpen(box.streamUrl, local.ref)
    expect(await tunerTexts()).toEqual([
      ['', '19.2° E / ', ''],
      ['', '19.2° E / ', ''],
    ])
    await hangUp(first)
    await hangUp(second)
  })
})

describe('serviceplayable', () => {
  it('counts a service that would be left for it', async () => {
    const box = await start({ tuners: 1 })
    const isPlayable = async (query: Record<string, string>) =>
      ((await ask('serviceplayable', query)).service as Loose).isplayable
    const first = await holdOpen(box.streamUrl, local.ref)
    expect(await isPlayable({ sRef: radio.ref })).toBe(false)
    expect(await isPlayable({ sRef: radio.ref, sRefPlaying: local.ref })).toBe(true)
    const second = await holdOpen(box.streamUrl, described.ref)
    expect(await isPlayable({ sRef: radio.ref, sRefPlaying: local.ref })).toBe(false)
    await hangUp(first)
    await hangUp(second)
  })

  it('is missing from some images', async () => {
    const { webUrl } = await start({ web: { delayMs: 0, absent: ['serviceplayable'] } })
    expect((await fetch(`${webUrl}/api/serviceplayable?sRef=1`)).status).toBe(404)
  })
})
