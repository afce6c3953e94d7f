import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseProfile } from '../../src/workers/profile.ts'
import { makeSample, remuxed } from '../workers/sample.ts'
import { errorOf, exchange, office, readAll, type Office, type OfficeOptions } from './office.ts'

let sample: Buffer
beforeAll(() => void (sample = makeSample(4)))

let open: Office[] = []
beforeEach(() => void (open = []))
afterEach(async () => {
  await Promise.all(open.map((each) => each[Symbol.asyncDispose]()))
})

async function start(options?: OfficeOptions): Promise<Office> {
  const made = await office(options)
  open.push(made)
  return made
}

describe('a job', () => {
  it('gets a bare stream back with AAC sound, byte for byte as the command makes it', async () => {
    const { call } = await start()
    const answer = await exchange(call(), sample)
    expect(answer.equals(remuxed(sample))).toBe(true)
  })

  it('says in a line of JSON what it wants of the sound', async () => {
    const { call } = await start()
    const sound = { audio: 'mp3', bitrate: '128k', channels: 1, language: ['deu'] }
    const answer = await exchange(call(), `${JSON.stringify({ ...sound, mode: 'transform' })}\n`, sample)
    expect(answer.equals(remuxed(sample, parseProfile(sound)))).toBe(true)
  })

  it('reads the line also when it comes byte by byte, the stream right behind it', async () => {
    const { call } = await start()
    const socket = call()
    const answer = readAll(socket)
    for (const letter of '{"audio":"aac"}') await new Promise((resolve) => socket.write(letter, resolve))
    socket.write(Buffer.concat([Buffer.from('\n'), sample]))
    socket.end()
    expect((await answer).equals(remuxed(sample))).toBe(true)
  })

  it('comes back while it is still being written', async () => {
    const { call } = await start()
    const socket = call()
    socket.write(sample.subarray(0, sample.length / 2))
    const [first] = (await once(socket, 'data')) as [Buffer]
    expect(first[0]).toBe(0x47)
    socket.end()
  })

  it('waits for a reader who takes his time, and holds no more than its rings meanwhile', async () => {
    const { call } = await start()
    const socket = call().pause()
    const long = Buffer.concat(Array.from({ length: 8 }, () => sample))
    for (let at = 0; at < long.length; at += 10_000) socket.write(long.subarray(at, at + 10_000))
    socket.end()
    let before = -1
    const isStuck = () => {
      const taken = socket.bytesWritten - socket.writableLength
      const isStill = taken > 0 && taken === before
      before = taken
      return isStill
    }
    await vi.waitFor(() => expect(isStuck()).toBe(true), { interval: 300, timeout: 10_000 })
    expect(before).toBeLessThan(long.length / 2)
    const answer = readAll(socket.resume())
    expect((await answer).equals(remuxed(long))).toBe(true)
  })
})

describe('a refused job', () => {
  it.each([
    ['noise', Buffer.alloc(5000, 'noise'), 'BAD_REQUEST', 'received "0x6e"'],
    ['a broken line', '{"audio":\n', 'BAD_REQUEST', 'not JSON'],
    [
      'an unknown value',
      '{"audio":"opus"}\n',
      'BAD_REQUEST',
      'one of aac, mp3, copy for audio but received "opus"',
    ],
    ['nothing at all', '', 'NO_STREAM', 'it is empty'],
    ['half a line', '{"audio"', 'NO_STREAM', 'the first line has no end'],
    ['a header of 1 MB', `{"label":"${'x'.repeat(1024 * 1024)}"}\n`, 'BAD_REQUEST', 'at most 4096 bytes'],
    [
      'packets that hold nothing',
      Buffer.alloc(188 * 200, Buffer.from([0x47, 0x1f, 0xff, 0x10])),
      'NO_STREAM',
      'no PAT',
    ],
  ])('that brings %s is told why in one line, and closed', async (_name, bytes, code, why) => {
    const { call, listener } = await start()
    const error = errorOf(await exchange(call(), bytes))
    expect(error).toMatchObject({ code, message: expect.stringContaining(why) as string })
    await vi.waitFor(() => expect(listener.jobs).toBe(0))
  })

  it('finds the pool full before anything of it is read', async () => {
    const { call } = await start({ pool: { streamsPerWorker: 1 } })
    const first = call()
    first.write(sample.subarray(0, 100_000))
    await once(first, 'data')
    expect(errorOf(await exchange(call(), sample))).toMatchObject({ code: 'POOL_FULL' })
    first.end(sample.subarray(100_000))
    expect((await readAll(first)).length).toBeGreaterThan(0)
  })
})

describe('a caller', () => {
  it.each(['{"audio":"aac"}\n', '{"aud', '', 'G'])(
    'who sends %j and then nothing is told so after the idle time',
    async (text) => {
      const { call } = await start({ idleMs: 300 })
      const socket = call()
      if (text !== '') socket.write(text)
      expect(errorOf(await readAll(socket))).toMatchObject({
        code: 'CLIENT_TIMEOUT',
        message: 'The client sent nothing for 300 ms',
      })
    },
  )

  it('who stalls in mid-stream gets what was made of it, and then the reason', async () => {
    const { call } = await start({ idleMs: 300 })
    const socket = call()
    socket.write(sample)
    const answer = await readAll(socket)
    const end = answer.lastIndexOf('{"error"')
    expect(answer.subarray(0, end).equals(remuxed(sample))).toBe(true)
    expect(errorOf(answer.subarray(end)).code).toBe('CLIENT_TIMEOUT')
  })

  it('who never reads is let go after the idle time', async () => {
    const { call, listener, pool } = await start({ idleMs: 300 })
    const socket = call().pause()
    socket.write(Buffer.concat(Array.from({ length: 8 }, () => sample)))
    await new Promise((resolve) => socket.once('close', resolve))
    await vi.waitFor(() => expect([listener.jobs, pool.stats().streams]).toEqual([0, 0]))
  })

  it('who dies in mid-stream leaves nothing behind, and the others are not disturbed', async () => {
    const { call, listener, pool } = await start()
    const others = [exchange(call(), sample), exchange(call(), sample)]
    const dying = Array.from({ length: 10 }, call)
    for (const socket of dying) {
      socket.write(sample.subarray(0, 200_000))
      await once(socket, 'data')
      socket.destroy()
    }
    for (const answer of await Promise.all(others)) expect(answer.equals(remuxed(sample))).toBe(true)
    await vi.waitFor(() => expect([listener.jobs, pool.stats().streams]).toEqual([0, 0]))
  })

  it('of a thousand who come and go leaves no descriptor', async () => {
    const { call, listener } = await start()
    await exchange(call(), sample.subarray(0, 100_000)) // what is opened once is open
    const count = () => readdirSync('/proc/self/fd').length
    const before = count()
    for (let round = 0; round < 20; round++) {
      const sockets = Array.from({ length: 50 }, call)
      await Promise.all(sockets.map((socket) => once(socket, 'connect')))
      for (const [place, socket] of sockets.entries()) {
        if (place % 3 === 0) socket.write('{')
        if (place % 3 === 1) socket.write('G')
        socket.destroy()
      }
    }
    await vi.waitFor(() => expect([listener.jobs, count()]).toEqual([0, before]), { timeout: 10_000 })
  })

  it('may ask how we are', async () => {
    const { call } = await start()
    expect(JSON.parse((await exchange(call(), '{"mode":"status"}\n')).toString())).toEqual({
      status: 'ok',
      jobs: 1,
    })
  })
})

describe('JobListener.close', () => {
  it('works off what has come, and removes the socket', async () => {
    const made = await start()
    const socket = made.call()
    socket.write(sample)
    await once(socket, 'readable')
    const answer = readAll(socket)
    await made.listener.close()
    expect((await answer).length).toBeGreaterThan(0)
    await expect(once(made.call(), 'connect')).rejects.toThrow()
  })
})
