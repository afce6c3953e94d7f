import type { Socket } from 'node:dgram'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { encodeFrame } from '../../src/hdhomerun/frame.ts'
import { Gate } from '../../src/hdhomerun/gate.ts'
import { openFamily } from '../../src/hdhomerun/inquiries.ts'
import { repliesTo } from '../../src/hdhomerun/inquiry.ts'
import { Limiter } from '../../src/hdhomerun/limiter.ts'
import { limitless, linksOf, listener, silent, tally } from './clients.ts'
import { device, hostOf, second, vectors } from './devices.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

async function open({
  networks = ['127.0.0.1/8'],
  limiter = limitless(),
  isAllowed = () => true,
}: { networks?: string[]; limiter?: Limiter; isAllowed?: (address: string) => boolean } = {}) {
  const { count, counts } = tally()
  const links = linksOf(...networks)
  const responder = await openFamily(4, {
    host: hostOf([device, second]),
    gate: new Gate({ links, limiter, isAllowed }),
    links,
    port: 0,
    address: '127.0.0.1',
    log: silent,
    count,
  })
  const { port } = responder!.address()
  const { socket, received } = await listener()
  sockets.push(responder!, socket)
  return { counts, received, send: (packet: Buffer) => socket.send(packet, port, '127.0.0.1') }
}

const replies = repliesTo({ deviceId: undefined }, [device, second], '127.0.0.1')

describe('HDHomeRun discovery', () => {
  it('answers once for each device, with our address on the network of who asks', async () => {
    const { send, received, counts } = await open()
    send(vectors.anyDevice)
    await vi.waitFor(() => expect(received).toEqual(replies))
    expect(counts.answered).toBe(1)
  })

  it('is silent to all but requests for tuners', async () => {
    const { send, received, counts } = await open()
    const other = [
      vectors.getModel,
      vectors.reply,
      encodeFrame(6, Buffer.alloc(260)),
      encodeFrame(2, Buffer.from('010400000005', 'hex')),
      encodeFrame(2, Buffer.from('01040000000102041038f5a6', 'hex')), // somebody else's id
      Buffer.from('hello'),
      Buffer.alloc(0),
    ]
    for (const packet of other) send(packet)
    send(vectors.tunersOnly)
    await vi.waitFor(() => expect(received).toEqual(replies))
    expect(counts).toEqual({ answered: 1, ignored: other.length, refused: 0, limited: 0 })
  })

  it.each([
    ['is on none of our networks', { networks: ['192.168.1.10/24', '::1/128'] }],
    ['is not allowed', { isAllowed: (address: string) => address !== '127.0.0.1' }],
  ])('is silent to who %s', async (_, options) => {
    const { send, received, counts } = await open(options)
    for (let i = 0; i < 20; i++) send(vectors.anyDevice)
    await vi.waitFor(() => expect(counts.refused).toBe(20))
    expect([received, counts.answered]).toEqual([[], 0])
  })

  it('is silent to who asks too often', async () => {
    const limiter = new Limiter({ sender: { burst: 3, perSecond: 1e-9 }, total: { burst: 9, perSecond: 1 } })
    const { send, received, counts } = await open({ limiter })
    for (let i = 0; i < 20; i++) send(vectors.anyDevice)
    await vi.waitFor(() => expect(counts.limited).toBe(17))
    await vi.waitFor(() => expect(received).toHaveLength(3 * replies.length))
  })
})
