import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openAnnouncements } from '../../src/hdhomerun/announcements.ts'
import { Gate } from '../../src/hdhomerun/gate.ts'
import { Limiter } from '../../src/hdhomerun/limiter.ts'
import type { Opened } from '../../src/hdhomerun/renewal.ts'
import { ssdpGroup } from '../../src/hdhomerun/ssdp.ts'
import { limitless, linksOf, listener, silent, tally } from './clients.ts'
import { hostOf } from './devices.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  for (const close of closing.splice(0)) await close()
})

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return port
}

function search({ target = 'ssdp:all', mx = 1 }: { target?: string; mx?: number } = {}): string {
  return `M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: ${mx}\r\nST: ${target}\r\n\r\n`
}

async function open({
  networks = ['127.0.0.1/8'],
  limiter = limitless(),
  port,
}: { networks?: string[]; limiter?: Limiter; port?: number } = {}) {
  const { count, counts } = tally()
  const links = linksOf(...networks)
  const gate = new Gate({ links, limiter, isAllowed: () => true })
  const at = port ?? (await freePort())
  const common = { host: hostOf(), gate, links, port: at, address: '127.0.0.1' }
  const announcements: Opened = await openAnnouncements({ ...common, log: silent, count })
  const { socket, received } = await listener()
  let isOpen = true
  const close = async () => {
    links.close()
    if (isOpen) await announcements.close(true)
    isOpen = false
  }
  closing.push(close, () => socket.close())
  return { counts, received, close, send: (text: string) => socket.send(text, at, '127.0.0.1') }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

/** What is said to the group at this port on the loopback interface. */
async function groupAt(port: number): Promise<(count: number) => Promise<string[]>> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind(port, ssdpGroup)
  closing.push(() => socket.close())
  await once(socket, 'listening')
  socket.addMembership(ssdpGroup, '127.0.0.1')
  const said: string[] = []
  socket.on('message', (text) => said.push(text.toString()))
  return async (count) => {
    while (said.length < count) await once(socket, 'message')
    return said.splice(0)
  }
}

describe('a device', () => {
  it('is announced at once and every ten minutes, until it says that it goes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const port = await freePort()
    const next = await groupAt(port)
    const { close } = await open({ port })
    const kinds = async () => (await next(3)).map((text) => /NTS: (.*)\r/.exec(text)?.[1])
    expect(await kinds()).toEqual(Array(3).fill('ssdp:alive'))
    for (let round = 0; round < 3; round++) {
      vi.advanceTimersByTime(600_000)
      expect(await kinds()).toEqual(Array(3).fill('ssdp:alive'))
    }
    await close()
    expect(await kinds()).toEqual(Array(3).fill('ssdp:byebye'))
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a search by SSDP', () => {
  it('is answered for root, device and type', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { send, received, counts } = await open()
    send(search())
    await vi.waitFor(() => expect(received).toHaveLength(3))
    for (const text of received)
      expect(String(text)).toContain('\r\nLOCATION: http://127.0.0.1:5004/device.xml\r\n')
    expect(counts.answered).toBe(1)
  })

  it('is answered after a while of chance, within the time that was given', async () => {
    vi.spyOn(Math, 'random').mockReturnValueOnce(0.9).mockReturnValueOnce(0.1)
    const { send, received } = await open()
    send(search({ target: 'upnp:rootdevice' }))
    send(search({ target: 'urn:schemas-upnp-org:device:MediaServer:1' }))
    await vi.waitFor(() => expect(received).toHaveLength(2), { timeout: 5000 })
    expect(received.map((text) => /\r\nST: (.*)\r\n/.exec(String(text))?.[1])).toEqual([
      'urn:schemas-upnp-org:device:MediaServer:1',
      'upnp:rootdevice',
    ])
  })

  it('that waits for its answer is forgotten when the daemon ends', async () => {
    const before = timers()
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { send, counts, close } = await open()
    for (let i = 0; i < 50; i++) send(search({ mx: 5 }))
    await vi.waitFor(() => expect(counts.answered).toBe(50))
    await close()
    expect(timers()).toBeLessThanOrEqual(before)
  })

  it('waits together with so many others and no more', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { send, counts } = await open()
    for (let i = 0; i < 300; i++) {
      send(search({ mx: 5 }))
      if (i % 50 === 49) await vi.waitFor(() => expect(counts.answered + counts.limited).toBe(i + 1))
    }
    expect(counts).toMatchObject({ answered: 256, limited: 44 })
  })

  it.each([
    ['who is on none of our networks', { networks: ['192.168.1.10/24'] }, 'refused'],
    [
      'who asks too often',
      { limiter: new Limiter({ sender: { burst: 0, perSecond: 0 }, total: { burst: 1, perSecond: 1 } }) },
      'limited',
    ],
  ] as const)('of %s is met with silence', async (_, options, outcome) => {
    const { send, counts, received } = await open(options as Parameters<typeof open>[0])
    send(search())
    await vi.waitFor(() => expect(counts[outcome]).toBe(1))
    expect([counts.answered, received]).toEqual([0, []])
  })

  it('for something else is met with silence, as is noise', async () => {
    const { send, counts } = await open()
    const others = [
      search({ target: 'urn:schemas-upnp-org:device:MediaRenderer:1' }),
      search().replace('"ssdp:discover"', 'ssdp:discover'),
      search() + 'x'.repeat(2000),
    ]
    for (const text of ['NOTIFY * HTTP/1.1\r\n\r\n', 'rubbish', ...others]) send(text)
    await vi.waitFor(() => expect(counts.ignored).toBe(others.length))
    expect(counts.answered).toBe(0)
  })
})
