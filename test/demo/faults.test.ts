// Faults on demand: each does what it says to the next streams, and nothing to the others.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { seeded } from '../../src/demo/dice.ts'
import { damage, type Fault, Faults } from '../../src/demo/faults.ts'
import type { DemoReceiver } from '../../src/demo/receiver.ts'
import { demo, exchange, generationMs, holdOpen, hungUp, packetsOf, type Recording, watch } from './client.ts'
import { inspect, range, steps } from './inspect.ts'
import { channelOf } from './signal/loops.ts'

const radio = channelOf('radio-mp2')
const radioPid = radio.programme.audio[0]!.pid
const television = channelOf('h264-1080i')
const secondBytes = 52_000 // about one second of the radio channel
const pcrWrap = 2 ** 33 * 300

let receiver: DemoReceiver

beforeAll(async () => {
  receiver = await demo({ streams: ['radio-mp2', 'h264-1080i'] })
}, generationMs)
afterEach(() => receiver.faults.clear())
afterAll(() => receiver.close())

/** Watches the radio with one fault in force. */
async function withFault(fault: Fault, bytes?: number): Promise<Recording> {
  receiver.faults.add('radio-mp2', fault, 1)
  return watch(receiver.streamUrl, radio.ref, bytes)
}

/** Programme time between the first and the last PCR, seconds. */
function spanSec(answer: Recording): number {
  const pcrs = inspect(packetsOf(answer)).pcrs.get(radioPid)!
  return steps([pcrs.at(0)!.ticks, pcrs.at(-1)!.ticks], pcrWrap)[0]! / 27e6
}

describe('Faults', () => {
  it('apply to a kind, a reference or all, as often as told', () => {
    const faults = new Faults()
    faults.add('*', { kind: 'refuse' }, 2)
    faults.add('mpeg2', { kind: 'slow', factor: 0.5 })
    const takeBack = faults.add('1:0:1', { kind: 'silence', ms: 1 })
    expect(faults.take(['mpeg2']).map(({ kind }) => kind)).toEqual(['refuse', 'slow'])
    expect(faults.take(['1:0:1']).map(({ kind }) => kind)).toEqual(['refuse', 'silence'])
    takeBack()
    expect(faults.take(['mpeg2', '1:0:1']).map(({ kind }) => kind)).toEqual(['slow'])
  })

  it('damage alike for the same seed', () => {
    const packets = Buffer.alloc(188 * 500, 0x47)
    const hurt = (seed: number): Buffer =>
      damage({ kind: 'damage', seed, bitErrors: 0.1, losses: 0.1, repeats: 0.1 })(Buffer.from(packets))
    expect(hurt(7).equals(hurt(7))).toBe(true)
    expect(hurt(7).equals(hurt(8))).toBe(false)
    const random = seeded(1)
    expect(range(Array.from({ length: 1000 }, random)).most).toBeLessThan(1)
  })
})

describe('a stream with a fault', () => {
  it('silence: the 200 at once, the stream later', async () => {
    receiver.faults.add(radio.ref, { kind: 'silence', ms: 200 }, 1)
    const begun = performance.now()
    const body = await new Promise<number>((resolve, reject) => {
      exchange(receiver.streamUrl, `GET /${radio.ref} HTTP/1.0\r\n\r\n`, 188, (length) => {
        if (length > 188) resolve(performance.now())
      }).catch(reject)
    })
    expect(body - begun).toBeGreaterThan(195)
  })

  it('stall: a pause, after which everything comes, or what was on meanwhile is lost', async () => {
    const late = inspect(
      packetsOf(await withFault({ kind: 'stall', afterMs: 500, ms: 100 }, 2 * secondBytes)),
    )
    expect(late.gaps).toEqual([])
    // A fast stream is ahead of time, so that nothing can be lost: this one begins with a real-time receiver.
    const live = await demo({ streams: ['radio-mp2'], pace: 'realtime' })
    live.faults.add('*', { kind: 'stall', afterMs: 100, ms: 300, isLost: true })
    const lost = inspect(packetsOf(await watch(live.streamUrl, radio.ref, secondBytes / 2)))
    await live.close()
    const gaps = steps(
      lost.pcrs.get(radioPid)!.map(({ ticks }) => ticks),
      pcrWrap,
    )
    expect(range(gaps).most / 27_000).toBeGreaterThan(280)
  })

  it('drop: the end after some programme', async () => {
    const answer = await withFault({ kind: 'drop', afterMs: 1000 })
    expect(answer.hasEnded).toBe(true)
    expect(spanSec(answer)).toBeGreaterThan(0.9)
    expect(spanSec(answer)).toBeLessThanOrEqual(1)
    const hard = await withFault({ kind: 'drop', afterMs: 1000, isHard: true }) // a reset may overtake data
    expect(hard.hasEnded).toBe(true)
    expect(hard.body.length).toBeLessThanOrEqual(answer.body.length + 188)
  })

  it('refuse: the text of a failed tuning', async () => {
    expect((await withFault({ kind: 'refuse' })).body.toString()).toBe('HTTP/1.0 400 Bad Request\r\n\r\n')
    expect((await watch(receiver.streamUrl, radio.ref, 188)).body.readUInt8(0)).toBe(0x47)
  })

  it('text: in front of the stream, or instead of it', async () => {
    const before = await withFault({ kind: 'text', text: 'No signal yet\n' }, 400)
    expect(before.body.subarray(0, 15).toString('latin1')).toBe('No signal yet\nG')
    const instead = await withFault({ kind: 'text', text: 'Sorry', isAll: true })
    expect(instead).toMatchObject({ hasEnded: true, body: Buffer.from('Sorry') })
  })

  it('slow: a fraction of the pace', async () => {
    const live = await demo({ streams: ['radio-mp2'], pace: 'realtime' })
    live.faults.add('*', { kind: 'slow', factor: 0.25 })
    const begun = performance.now()
    const programmeSec = spanSec(await watch(live.streamUrl, radio.ref, secondBytes / 5))
    expect((performance.now() - begun) / 1000).toBeGreaterThan(programmeSec * 3)
    await live.close()
  })

  it('damage: lost, repeated and wrong packets', async () => {
    const { gaps } = inspect(
      packetsOf(await withFault({ kind: 'damage', losses: 0.02, repeats: 0.02 }, 4 * secondBytes)),
    )
    expect(gaps.length).toBeGreaterThan(5)
  })

  it('scrambled: at first, but for the tables', async () => {
    const bytes = packetsOf(await withFault({ kind: 'scrambled', packets: 300 }, 4 * secondBytes))
    const first = inspect(bytes.subarray(0, 300 * 188))
    const rest = inspect(bytes.subarray(303 * 188))
    expect(first.scrambled).toBeGreaterThan(150)
    expect(first.starts.get(radio.programme.pmtPid)!.length).toBeGreaterThan(2)
    expect(rest).toMatchObject({ scrambled: 0, gaps: [] })
  })

  it('pmt: another version, other audio PIDs, one track less', async () => {
    receiver.faults.add('h264-1080i', { kind: 'pmt', afterMs: 400, change: 'pid' }, 1)
    receiver.faults.add('h264-1080i', { kind: 'pmt', afterMs: 800, change: 'drop-audio' }, 1)
    const bytes = packetsOf(await watch(receiver.streamUrl, television.ref, 1_000_000))
    const { starts, units, gaps } = inspect(bytes)
    const versions = starts
      .get(television.programme.pmtPid)!
      .map((packet) => (bytes[packet * 188 + 10]! >> 1) & 31)
    expect(new Set(versions)).toEqual(new Set([0, 1, 2]))
    expect(gaps.filter(({ pid }) => pid === television.programme.pmtPid)).toEqual([])
    const [surround, , english] = television.programme.audio.map(({ pid }) => pid)
    const lastOld = units.get(surround!)!.at(-1)!.packet
    const firstNew = units.get(surround! + 0x20)!.at(0)!.packet
    expect(firstNew).toBeGreaterThan(lastOld)
    expect(units.get(english! + 0x20)!.at(-1)!.packet).toBeLessThan(
      units.get(surround! + 0x20)!.at(-1)!.packet - 200,
    )
  })

  it('jump: all clocks at once', async () => {
    const found = inspect(
      packetsOf(await withFault({ kind: 'jump', afterMs: 500, ms: -60_000 }, 2 * secondBytes)),
    )
    const pts = steps(found.units.get(radioPid)!.map((unit) => unit.pts))
    expect(pts.filter((step) => step !== 2160)).toEqual([2160 - 60_000 * 90])
    expect(found.gaps).toEqual([])
  })

  it('wrap: the clocks overflow without a step', async () => {
    const found = inspect(packetsOf(await withFault({ kind: 'wrap', afterMs: 1000 }, 3 * secondBytes)))
    const pts = found.units.get(radioPid)!.map((unit) => unit.pts)
    expect(pts.at(0)).toBeGreaterThan(2 ** 33 - 2 * 90_000)
    expect(pts.at(-1)).toBeLessThan(3 * 90_000)
    expect(new Set(steps(pts))).toEqual(new Set([2160]))
    const pcrs = found.pcrs.get(radioPid)!.map(({ ticks }) => ticks)
    expect(range(steps(pcrs, pcrWrap)).most).toBeLessThan(40 * 27_000)
  })
})

describe('reboot', () => {
  it('drops all, refuses for a while, and is back on the same ports', async () => {
    const socket = await holdOpen(receiver.streamUrl, radio.ref)
    const isBack = receiver.faults.reboot(50)
    await hungUp(socket)
    await isBack
    expect(receiver.tuners().flatMap(({ users }) => users)).toEqual([])
    expect((await watch(receiver.streamUrl, radio.ref, 188)).body.readUInt8(0)).toBe(0x47)
    expect((await fetch(`${receiver.webUrl}/api/about`)).status).toBe(200)
  })

  it('refuses meanwhile', async () => {
    const isBack = receiver.faults.reboot(300)
    await expect(fetch(`${receiver.webUrl}/api/about`)).rejects.toThrow('fetch failed')
    await isBack
  })
})

describe('/demo/reboot', () => {
  it('answers, and is gone for a while', async () => {
    const reboot = (body: string): Promise<Response> =>
      fetch(`${receiver.webUrl}/demo/reboot`, { method: 'POST', body })
    expect((await reboot('{}')).status).toBe(400)
    expect((await reboot('{"ms": 50}')).status).toBe(200)
    await vi.waitFor(async () => expect((await fetch(`${receiver.webUrl}/api/about`)).status).toBe(200))
  })
})

describe('/demo/faults', () => {
  const post = (body: string): Promise<Response> =>
    fetch(`${receiver.webUrl}/demo/faults`, { method: 'POST', body })

  it('takes, lists and clears faults', async () => {
    const added = await post('{"target": "radio-mp2", "times": 1, "kind": "refuse"}')
    expect(await added.json()).toEqual([{ target: 'radio-mp2', fault: { kind: 'refuse' }, left: 1 }])
    expect((await watch(receiver.streamUrl, radio.ref)).body.toString()).toMatch(/^HTTP/)
    await post('{"kind": "silence", "ms": 5}')
    expect(receiver.faults.list()).toMatchObject([{ target: '*' }])
    await fetch(`${receiver.webUrl}/demo/faults`, { method: 'DELETE' })
    expect(receiver.faults.list()).toEqual([])
  })

  it('says what it expects', async () => {
    const wrong = [
      '',
      '1',
      '{}',
      '{"kind": "flood"}',
      '{"kind": "stall", "ms": 5}',
      '{"kind": "pmt", "afterMs": 1}',
      '{"kind": "refuse", "target": "radio-mp4"}',
    ]
    for (const body of wrong) expect((await post(body)).status).toBe(400)
    expect(receiver.faults.list()).toEqual([])
  })
})
