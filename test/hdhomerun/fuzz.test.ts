// 100,000 packets that nobody should send, half of them as datagrams, half on connections: right answers to all,
// nothing that grows.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Control } from '../../src/hdhomerun/control.ts'
import { FrameReader } from '../../src/hdhomerun/frame.ts'
import { Gate } from '../../src/hdhomerun/gate.ts'
import { openFamily } from '../../src/hdhomerun/inquiries.ts'
import { repliesTo } from '../../src/hdhomerun/inquiry.ts'
import { Dice } from '../chaos/dice.ts'
import { connected, everything, limitless, linksOf, listener, silent, tally } from './clients.ts'
import { device, hostOf, second, vectors } from './devices.ts'
import { mutated } from './mutation.ts'
import { inquiryIn, repliesOn } from './oracle.ts'

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9)
const packets = 50_000 // of each kind
const mostGrowth = 4 * 1024 * 1024 // bytes that stay
const host = hostOf([device, second])

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

describe(`packets of chance (FUZZ_SEED=${seed})`, () => {
  let openBefore = 0
  beforeAll(() => {
    openBefore = descriptors()
  })
  afterAll(async () => {
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(openBefore))
  })

  it('as datagrams: requests for tuners are answered, all else is met with silence', async () => {
    const dice = new Dice(seed)
    const { count, counts } = tally()
    const links = linksOf('127.0.0.1/8')
    const gate = new Gate({ links, limiter: limitless(), isAllowed: () => true })
    const opened = await openFamily(4, {
      host,
      gate,
      links,
      port: 0,
      address: '127.0.0.1',
      log: silent,
      count,
    })
    const responder = opened!
    const { socket, received } = await listener()
    const { port } = responder.address()
    const replies = repliesTo({ deviceId: undefined }, host.devices, '127.0.0.1')
    const repliesDue = (packet: Buffer) => {
      const inquiry = inquiryIn(packet)
      const ids = host.devices.map((one) => Number.parseInt(one.id, 16))
      return replies.filter(
        (_, index) => inquiry !== undefined && [undefined, ids[index]].includes(inquiry.id),
      )
    }

    const perRound = 100 // few enough for the sockets' buffers
    let [answers, before] = [0, 0]
    for (let sent = 0; sent < packets; sent += perRound) {
      const round = Array.from({ length: perRound }, () => mutated(dice))
      const expected: Buffer[] = []
      for (const packet of [...round, vectors.tunersOnly]) {
        const meant = repliesDue(packet)
        expected.push(...meant)
        answers += meant.length > 0 ? 1 : 0
        socket.send(packet, port, '127.0.0.1')
      }
      while (received.length < expected.length) await once(socket, 'message')
      expect(Buffer.concat(received.splice(0)).equals(Buffer.concat(expected))).toBe(true)
      if (sent === packets / 2) before = heap()
    }
    expect(heap() - before).toBeLessThan(mostGrowth)
    expect(counts.refused + counts.limited).toBe(0)
    expect(counts.answered).toBe(answers)
    expect(counts.answered).toBeGreaterThan(packets / 20)
    expect(counts.ignored).toBeGreaterThan(packets / 4)
    socket.close()
    responder.close()
  }, 120_000)

  it('on connections, in pieces of any size: a reply to each request, an end behind damage', async () => {
    const dice = new Dice(seed + 1)
    const { count, counts } = tally()
    const control = new Control({ host, isAllowed: () => true, limiter: limitless(), log: silent, count })
    const port = await control.listen(0, '127.0.0.1')

    const perConnection = 20
    let [replies, damages, before] = [0, 0, 0]
    for (let sent = 0; sent < packets; sent += perConnection) {
      const bytes = Buffer.concat(Array.from({ length: perConnection }, () => calmer(dice)))
      const { types, isDamaged } = repliesOn(bytes)
      const socket = await connected(port)
      const answer = everything(socket)
      for (let at = 0; at < bytes.length;) {
        const size = dice.chance(0.1) ? dice.whole(1, 5) : dice.whole(50, 2000)
        if (socket.writable) socket.write(bytes.subarray(at, at + size))
        at += size
        if (dice.chance(0.2)) await new Promise((resolve) => setImmediate(resolve))
      }
      socket.end()
      const read = new FrameReader().push(await answer)
      expect(read.isDamaged).toBe(false)
      const came = read.frames.map(({ type }) => type)
      // The system may drop what was on its way when a connection ends before all of it was read.
      if (isDamaged) expect(came).toEqual(types.slice(0, came.length))
      else expect(came).toEqual(types)
      replies += types.length
      damages += isDamaged ? 1 : 0
      if (sent === packets / 2) before = heap()
    }
    expect(heap() - before).toBeLessThan(mostGrowth)
    expect(counts.answered + counts.refused).toBe(replies)
    expect(replies).toBeGreaterThan(packets / 20)
    expect(damages).toBeGreaterThan(packets / perConnection / 20)
    expect(counts.limited).toBe(0)
    await vi.waitFor(() => expect(control.connections).toBe(0))
    await control.close()
  }, 120_000)
})

// Most are sound as frames: behind the first that is not, nothing more is read.
function calmer(dice: Dice): Buffer {
  const packet = mutated(dice)
  return repliesOn(packet).isDamaged && dice.chance(0.97) ? vectors.getModel : packet
}
