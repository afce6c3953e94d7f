import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Control, type ControlOptions } from '../../src/hdhomerun/control.ts'
import { encodeFrame, frameOf, FrameReader } from '../../src/hdhomerun/frame.ts'
import { Limiter } from '../../src/hdhomerun/limiter.ts'
import { decodeTags, encodeTags, tags, valueOf } from '../../src/hdhomerun/tag.ts'
import { connected, everything, limitless, next, silent, tally } from './clients.ts'
import { hostOf, second, vectors } from './devices.ts'

const opened: Control[] = []
afterEach(async () => {
  for (const control of opened.splice(0)) await control.close()
})

function make(options: Partial<ControlOptions> = {}): Control {
  const { count } = tally()
  const common = { host: hostOf(), isAllowed: () => true, limiter: limitless(), log: silent, count }
  const control = new Control({ ...common, ...options })
  opened.push(control)
  return control
}

async function open(options: Partial<ControlOptions> = {}) {
  const { count, counts } = tally()
  const control = make({ count, ...options })
  const port = await control.listen(0, '127.0.0.1')
  return { control, counts, port, connect: (from?: string) => connected(port, from) }
}

function get(name: string, value?: string): Buffer {
  const text = (tag: number, content: string) => ({ tag, value: Buffer.from(content) })
  const list = [
    text(tags.name, `${name}\0`),
    ...(value === undefined ? [] : [text(tags.value, `${value}\0`)]),
  ]
  return encodeFrame(4, encodeTags(list))
}

/** What a reply says: name and value, or an error. */
function told(reply: Buffer) {
  const frame = frameOf(reply)!
  const list = decodeTags(frame.payload)!
  const [name, value, error] = [tags.name, tags.value, tags.error].map((tag) =>
    valueOf(list, tag)?.toString(),
  )
  return { type: frame.type, name, value, error }
}

async function ask(socket: Socket, packet: Buffer): Promise<Buffer> {
  const answer = next(socket)
  socket.write(packet)
  return await answer
}

describe('Control', () => {
  it('tells the value of a variable, with the zeros that count', async () => {
    const { connect, counts } = await open()
    const reply = await ask(await connect(), vectors.getModel)
    expect(told(reply)).toEqual({ type: 5, name: '/sys/model\0', value: 'HDHR5-4DT\0', error: undefined })
    expect(counts.answered).toBe(1)
  })

  it('answers one request after the other on a connection', async () => {
    const socket = await (await open()).connect()
    for (let round = 0; round < 3; round++) {
      expect(told(await ask(socket, get('/tuner3/channelmap'))).value).toBe('eu-bcast\0')
      expect(told(await ask(socket, get('/tuner4/channelmap'))).error).toBe(
        'ERROR: unknown getset variable\0',
      )
      expect(told(await ask(socket, get('/tuner0/channel', 'auto:1'))).error).toContain('read only')
    }
    expect(told(await ask(socket, encodeFrame(4, Buffer.from('0305', 'hex')))).error).toContain('unknown')
  })

  it('answers as the first of several devices, and as none where there is none', async () => {
    const version = get('/sys/version')
    const host = hostOf([second, { ...second, firmware: '20200101' }])
    expect(told(await ask(await (await open({ host })).connect(), version)).value).toBe('20250506\0')
    const none = await open({ host: hostOf([]) })
    expect(told(await ask(await none.connect(), version)).error).toContain('unknown')
  })

  it('understands requests that come byte by byte', async () => {
    const socket = await (await open()).connect()
    socket.setNoDelay(true)
    const answer = next(socket)
    for (const byte of vectors.getModel) {
      socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(told(await answer).value).toBe('HDHR5-4DT\0')
  })

  it('understands requests that come all at once, and answers them before it closes behind the last', async () => {
    const socket = await (await open()).connect()
    socket.end(Buffer.concat(Array.from({ length: 500 }, (_, index) => get(`/tuner${index % 4}/status`))))
    const { frames } = new FrameReader().push(await everything(socket))
    expect(frames).toHaveLength(500)
  })

  it('refuses new firmware, and leaves alone what it does not know', async () => {
    const { connect, counts } = await open()
    const socket = await connect()
    socket.write(Buffer.concat([vectors.anyDevice, encodeFrame(9, Buffer.alloc(3))]))
    const refusal = told(await ask(socket, encodeFrame(6, Buffer.alloc(260))))
    expect(refusal).toMatchObject({ type: 7, error: 'ERROR: there is no firmware here\0' })
    expect(counts).toEqual({ answered: 0, ignored: 2, refused: 1, limited: 0 })
  })

  it('closes behind damage, after the answers to what came before', async () => {
    const { connect, control } = await open()
    const damaged = Buffer.from(vectors.getModel)
    damaged[6]! ^= 1
    for (const rubbish of [damaged, Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(100, 0xff)]) {
      const socket = await connect()
      socket.write(Buffer.concat([vectors.getModel, rubbish]))
      expect(told(await everything(socket)).value).toBe('HDHR5-4DT\0')
    }
    await vi.waitFor(() => expect(control.connections).toBe(0))
  })

  it('does not wait for ever for the rest of a request, however regularly its bytes come', async () => {
    const socket = await (await open({ frameMs: 200 })).connect()
    const request = encodeFrame(4, Buffer.alloc(1452))
    let sent = 0
    const timer = setInterval(() => socket.write(request.subarray(sent, ++sent)), 5)
    expect(await everything(socket)).toHaveLength(0)
    clearInterval(timer)
    expect(sent).toBeLessThan(request.length)
  })

  it('lets a connection on which nothing comes go', async () => {
    const { connect, control } = await open({ idleMs: 50 })
    expect(await everything(await connect())).toHaveLength(0)
    await vi.waitFor(() => expect(control.connections).toBe(0))
  })

  it('lets who asks without reading go', async () => {
    const { connect, control } = await open()
    const socket = (await connect()).on('error', () => undefined).pause()
    const request = Buffer.concat(Array.from({ length: 1000 }, () => get('help')))
    const flood = () => {
      while (!socket.destroyed && socket.write(request));
    }
    socket.on('drain', flood)
    flood()
    await vi.waitFor(() => expect(control.connections).toBe(0), { timeout: 20_000 })
    socket.destroy()
  })

  it('lets who asks too often go', async () => {
    const limiter = () =>
      new Limiter({ sender: { burst: 10, perSecond: 1e-9 }, total: { burst: 1000, perSecond: 1 } })
    const { connect, counts } = await open({ limiter: limiter() })
    const socket = await connect()
    socket.write(Buffer.concat(Array.from({ length: 50 }, () => vectors.getModel)))
    expect(new FrameReader().push(await everything(socket)).frames).toHaveLength(10)
    expect(counts).toMatchObject({ answered: 10, limited: 1 })
  })

  it('has a place for so many connections of one address, and so many in all', async () => {
    const { connect, control } = await open()
    const kept = await Promise.all(Array.from({ length: 16 }, () => connect()))
    expect(await everything(await connect())).toHaveLength(0)
    for (const from of ['127.0.0.2', '127.0.0.3', '127.0.0.4'])
      kept.push(...(await Promise.all(Array.from({ length: 16 }, () => connect(from)))))
    await vi.waitFor(() => expect(control.connections).toBe(64))
    expect(await everything(await connect('127.0.0.5'))).toHaveLength(0)
    kept[0]!.destroy()
    await vi.waitFor(() => expect(control.connections).toBe(63))
    expect(told(await ask(await connect('127.0.0.5'), vectors.getModel)).value).toBe('HDHR5-4DT\0')
    for (const socket of kept) socket.destroy()
  })

  it('tells nothing to who is not allowed', async () => {
    const { connect, counts } = await open({ isAllowed: (address) => address !== '127.0.0.7' })
    expect(await everything(await connect('127.0.0.7'))).toHaveLength(0)
    expect(counts).toMatchObject({ answered: 0, refused: 1 })
    expect(told(await ask(await connect('127.0.0.8'), vectors.getModel)).value).toBe('HDHR5-4DT\0')
  })
})

describe('Control.listen', () => {
  it('fails where somebody listens already', async () => {
    const { port } = await open()
    await expect(make().listen(port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('Control.close', () => {
  it('ends connections, may come twice, and leaves nothing open', async () => {
    const before = readdirSync('/proc/self/fd').length
    const { control, connect } = await open()
    const [socket] = [await connect(), await connect()]
    const end = everything(socket)
    await control.close()
    await control.close()
    expect(await end).toHaveLength(0)
    await vi.waitFor(() => expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1))
  })
})
