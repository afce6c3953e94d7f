import { createSocket } from 'node:dgram'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { discover, findReceivers, hostsOf, searchSsdp } from '../../src/cli/discover.ts'
import { probe } from '../../src/cli/probe.ts'
import type { DemoReceiver } from '../../src/demo/receiver.ts'
import { demo } from '../demo/client.ts'
import { printed } from './output.ts'

let box: DemoReceiver | undefined
let server: Server | undefined
afterEach(async () => {
  await box?.close()
  server?.closeAllConnections()
  server?.close()
  box = server = undefined
})

async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`
}

describe('probe', () => {
  it('names a receiver by its own words', async () => {
    box = await demo({ streams: [] })
    expect(await probe(box.webUrl)).toEqual({
      url: box.webUrl,
      name: expect.stringMatching(/.+, .+, OpenWebIF .+/) as string,
    })
    expect(box.requests.streams).toEqual({})
  })

  it('knows one that wants a login', async () => {
    box = await demo({ streams: [], web: { auth: 'basic', delayMs: 0 } })
    expect(await probe(box.webUrl)).toEqual({ url: box.webUrl, name: undefined })
  })

  it.each<[string, RequestListener]>([
    ['a page', (_, response) => response.end('<html>Welcome</html>')],
    ['other JSON', (_, response) => response.end('{"name":"printer"}')],
    ['another login', (_, r) => r.writeHead(401, { 'WWW-Authenticate': 'Basic realm="router"' }).end()],
    ['a redirect', (_, response) => response.writeHead(302, { Location: 'http://192.0.2.1/' }).end()],
    ['an endless answer', (_, response) => response.write('{"a":"'.padEnd(300_000, 'x'))],
    ['silence', () => undefined],
  ])('takes %s for no receiver', async (_, listener) => {
    expect(await probe(await serve(listener), 500)).toBeUndefined()
  })
})

describe('findReceivers', () => {
  it('asks who answers a search, neighbours only when told to, strangers never', async () => {
    const asked: string[] = []
    const port = Number(
      new URL(
        await serve((request, response) => {
          asked.push(request.headers.host ?? '')
          response.end('{}')
        }),
      ).port,
    )
    const options = {
      search: async () => ['127.0.0.1', '127.0.0.1', '203.0.113.1', 'nonsense'],
      neighbours: () => ['127.0.0.1', '203.0.113.2'],
      port,
      probeMs: 500,
    }
    expect(await findReceivers({ ...options, isThorough: false })).toEqual([])
    expect(asked).toEqual([`127.0.0.1:${port}`])
    await findReceivers({ ...options, search: async () => [], isThorough: true })
    expect(asked).toEqual([`127.0.0.1:${port}`, `127.0.0.1:${port}`])
  })
})

describe('xg2g discover', () => {
  it('prints what it has found and how to use it', async () => {
    box = await demo({ streams: [] })
    const options = { search: async () => ['127.0.0.1'], port: Number(new URL(box.webUrl).port) }
    const { code, stdout, stderr } = await printed(() => discover([], options))
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^${box.webUrl}  .+, OpenWebIF .+\n$`))
    expect(stderr).toContain(`XG2G_OWI_BASE=${box.webUrl} ./xg2g serve`)
  })

  it('says when there is none, and what else to try', async () => {
    const { code, stdout, stderr } = await printed(() => discover([], { search: async () => [] }))
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('--probe')
  })
})

describe('hostsOf', () => {
  it.each([
    ['192.168.1.5', '255.255.255.0', 253, '192.168.1.1'],
    ['10.0.0.1', '255.255.255.252', 1, '10.0.0.2'],
    ['172.16.5.9', '255.255.252.0', 1021, '172.16.4.1'],
    ['10.0.0.1', '255.0.0.0', 0, undefined],
    ['10.0.0.1', '255.255.255.255', 0, undefined],
  ])('of %s with %s: %i others from %s on', (address, netmask, count, first) => {
    const hosts = hostsOf({ address, netmask })
    expect([hosts.length, hosts[0]]).toEqual([count, first])
    expect(hosts).not.toContain(address)
  })
})

describe('searchSsdp', () => {
  // Where multicast does not reach ourselves, only that the search ends is seen.
  it('gives the addresses of those who answer, and ends', async () => {
    const responder = createSocket({ type: 'udp4', reuseAddr: true })
    let isAsked = false
    responder.on('message', (message, { address, port }) => {
      if (!message.toString().startsWith('M-SEARCH')) return
      isAsked = true
      responder.send(
        'HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://evil.example/\r\n\r\n',
        port,
        address,
      )
    })
    await new Promise<void>((resolve) => responder.bind(1900, resolve))
    try {
      responder.addMembership('239.255.255.250')
    } catch {
      // no network here that knows multicast
    }
    const found = await searchSsdp(1)
    responder.close()
    expect(found.length > 0).toBe(isAsked)
    expect(found.join()).not.toContain('evil')
  })
})
