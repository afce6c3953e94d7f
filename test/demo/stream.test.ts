// The stream port and its manners, as a client meets them.
import { connect } from 'node:net'
import { once } from 'node:events'
import { writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Kind } from '../../src/demo/channels.ts'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import { demo, exchange, generationMs, hangUp, holdOpen, packetsOf, watch } from './client.ts'
import { inspect, steps } from './inspect.ts'
import { channelOf, loopOf } from './signal/loops.ts'

const streams: Kind[] = ['radio-mp2', 'radio-aac', 'mpeg2']
const radio = channelOf('radio-mp2')
const otherRadio = channelOf('radio-aac')
const television = channelOf('mpeg2')
const refusal = 'HTTP/1.0 400 Bad Request\r\n\r\n'

let receiver: DemoReceiver

async function start(options: Partial<DemoOptions> = {}): Promise<void> {
  receiver = await demo({ streams, ...options })
}

afterEach(() => receiver.close())

describe('GET', { timeout: generationMs }, () => {
  it('answers 200 with the headers of the box, without a length', async () => {
    await start()
    const { head } = await watch(receiver.streamUrl, radio.ref, 188)
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.0 200 OK',
      'Connection: Close',
      'Content-Type: video/mpeg',
      'Server: streamserver',
    ])
  })

  it('says in the body that an unknown service cannot be tuned, and ends', async () => {
    await start()
    const answer = await watch(receiver.streamUrl, '1:0:19:1:2:3:C00000:0:0:0:')
    expect(answer.head).toMatch(/^HTTP\/1\.0 200 OK/)
    expect(answer.body.toString()).toBe(refusal)
    expect(answer.hasEnded).toBe(true)
    expect(receiver.requests.streamsRefused).toBe(1)
  })

  it('takes references in lower case, quoted, with name and session', async () => {
    await start()
    const ref = `${encodeURIComponent(radio.ref.toLowerCase())}?sessionid=1234`
    const found = inspect(packetsOf(await watch(receiver.streamUrl, ref, 188 * 300)))
    expect(found.counts.get(radio.programme.audio[0]!.pid)).toBeGreaterThan(0)
  })

  it('ends after the duration asked for', async () => {
    await start()
    const answer = await watch(receiver.streamUrl, `${radio.ref}?duration=2`)
    const pcrs = [...inspect(packetsOf(answer)).pcrs.values()][0]!
    const spanSec = steps([pcrs.at(0)!.ticks, pcrs.at(-1)!.ticks], 2 ** 33 * 300)[0]! / 27e6
    expect(answer.hasEnded).toBe(true)
    expect(spanSec).toBeGreaterThan(1.9)
    expect(spanSec).toBeLessThanOrEqual(2)
  })

  it('acts when the first line is complete, not before', async () => {
    await start()
    const { hostname, port } = new URL(receiver.streamUrl)
    const socket = connect(Number(port), hostname)
    socket.write(`GET /${radio.ref} HTT`)
    await once(socket, 'connect')
    expect(receiver.requests.streams).toEqual({})
    socket.write('P/1.0\r\n')
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    expect(chunk.toString('latin1')).toMatch(/^HTTP\/1\.0 200 OK/)
    await hangUp(socket)
  })

  it('shows everyone the same moment of the programme, which is now', async () => {
    await start({ pace: 'realtime' })
    const bytes = 188 * 400 // a PCR comes every 40 ms
    const both = await Promise.all([
      watch(receiver.streamUrl, television.ref, bytes),
      watch(receiver.streamUrl, television.ref, bytes),
    ])
    const [first, second] = both.map(
      (answer) => [...inspect(packetsOf(answer)).pcrs.values()][0]![0]!.ticks / 27e6,
    )
    expect(Math.abs(first! - second!)).toBeLessThan(0.5)
    const nowSec = (Date.now() / 1000) % (2 ** 33 / 90_000)
    expect(Math.abs(first! - nowSec)).toBeLessThan(10)
  })
})

describe('other methods', () => {
  it('are a 400 on the stream port', async () => {
    await start()
    for (const method of ['HEAD', 'POST', 'OPTIONS']) {
      const { head } = await exchange(
        receiver.streamUrl,
        `${method} /${radio.ref} HTTP/1.1\r\nHost: x\r\n\r\n`,
      )
      expect(head).toBe('HTTP/1.0 400 Bad Request')
    }
    expect(receiver.requests).toMatchObject({ headRequests: 1, otherRequests: 2, streams: {} })
  })

  it('end the connection on the relay port when it is HEAD', async () => {
    await start({ relayPort: 0, relayTuneMs: 0 })
    const { head } = await exchange(receiver.relayUrl!, `HEAD /${radio.ref} HTTP/1.1\r\n\r\n`)
    expect(head).toBe('')
    expect((await watch(receiver.relayUrl!, radio.ref, 188)).head).toMatch(/^HTTP\/1\.0 200/)
  })
})

describe('tuners', () => {
  it('are taken by transponder and given back when the stream ends', async () => {
    await start({ tuners: 1 })
    const one = await holdOpen(receiver.streamUrl, radio.ref)
    const two = await holdOpen(receiver.streamUrl, radio.ref)
    expect(receiver.tuners()).toEqual([
      { name: 'Tuner A', transponder: radio.transponder, users: [radio.name, radio.name] },
    ])
    expect((await watch(receiver.streamUrl, otherRadio.ref)).body.toString()).toBe(refusal)
    await Promise.all([hangUp(one), hangUp(two)])
    await vi.waitFor(() => expect(receiver.tuners()[0]!.users).toEqual([]))
    expect((await watch(receiver.streamUrl, otherRadio.ref, 1880)).body.length).toBeGreaterThan(1000)
  })

  it('stay taken for a while when the box is told to hold them', async () => {
    await start({ tuners: 1, tunerHoldMs: 60_000 })
    await watch(receiver.streamUrl, radio.ref, 1880)
    await vi.waitFor(() => expect(receiver.requests.streamsNow).toBe(0))
    expect((await watch(receiver.streamUrl, otherRadio.ref)).body.toString()).toBe(refusal)
    expect((await watch(receiver.streamUrl, radio.ref, 1880)).body.length).toBeGreaterThan(1000)
  })

  it('are fewer by one while the living room watches', async () => {
    await start({ tuners: 1, tv: 'mpeg2' })
    expect((await watch(receiver.streamUrl, radio.ref)).body.toString()).toBe(refusal)
    expect((await watch(receiver.streamUrl, television.ref, 1880)).body.length).toBeGreaterThan(1000)
  })
})

describe('a login', () => {
  const web = { hasStreamAuth: true, sessionId: '5e55' }
  const line = `GET /${radio.ref} HTTP/1.0\r\n`
  const header = (login: string): string =>
    `Authorization: Basic ${Buffer.from(login).toString('base64')}\r\n`

  it('is wanted when the box is set so', async () => {
    await start({ web })
    const { head } = await exchange(receiver.streamUrl, `${line}\r\n`)
    expect(head).toBe('HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="streamserver"')
    expect(receiver.requests.unauthorised).toBe(1)
  })

  it('is taken from the first 512 bytes, by name or session', async () => {
    await start({ web })
    for (const login of ['root:demo', '-sid:5e55']) {
      expect((await exchange(receiver.streamUrl, `${line}${header(login)}\r\n`, 188)).head).toMatch(
        /^HTTP\/1\.0 200/,
      )
    }
    const late = `${line}X-Filler: ${'x'.repeat(600)}\r\n${header('root:demo')}\r\n`
    expect((await exchange(receiver.streamUrl, late)).head).toMatch(/^HTTP\/1\.0 401/)
  })
})

describe('the ledger', () => {
  it('notices streams that are opened too soon after another and left at once', async () => {
    await start({ pace: 'realtime' })
    await watch(receiver.streamUrl, television.ref, 188)
    await vi.waitFor(() => expect(receiver.requests.streamsNow).toBe(0))
    expect(receiver.requests).toMatchObject({ probes: 1, quickReopens: 0 })
    await watch(receiver.streamUrl, television.ref, 188)
    expect(receiver.requests.quickReopens).toBe(1)
    receiver.resetRequests()
    expect(receiver.requests.quickReopens).toBe(0)
  })

  it('notices a client that does not read, which is cut off', async () => {
    await start({ writeTimeoutMs: 100 })
    const socket = await holdOpen(receiver.streamUrl, television.ref)
    socket.pause()
    await vi.waitFor(() => expect(receiver.requests).toMatchObject({ cutOff: 1, streamsNow: 0 }), {
      timeout: 10_000,
    })
    await hangUp(socket)
  })
})

describe('a file as a channel', () => {
  it('goes round without a seam, at the pace asked for', async () => {
    const loop = await loopOf('radio-aac')
    const folder = await mkdtemp(join(tmpdir(), 'xg2g-'))
    const path = join(folder, 'a.ts')
    await writeFile(path, loop.bytes)
    await start({ streams: [], files: [{ path, name: 'Datei', bitrate: 1e6 }], tuners: 1 })
    const [channel] = receiver.channels
    expect(channel).toMatchObject({ kind: 'file', name: 'Datei' })
    const found = inspect(packetsOf(await watch(receiver.streamUrl, channel!.ref, loop.bytes.length * 1.5)))
    expect(found.gaps).toEqual([])
    const pts = steps(found.units.get(otherRadio.programme.audio[0]!.pid)!.map((unit) => unit.pts))
    expect(new Set(pts)).toEqual(new Set([1920]))
    await rm(folder, { recursive: true })
  })
})
