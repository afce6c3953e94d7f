import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { StreamAddresses, type AddressOptions } from '../../src/receiver/address.ts'
import { parseReference } from '../../src/receiver/reference.ts'
import { findReference } from '../../src/receiver/service.ts'

const ref = '1:0:19:283D:3FB:1:C00000:0:0:0:'
const service = parseReference(ref)
// As OpenWebIF prints them, trailing blanks included.
const sid = '0c5f5ad5b0ca7b0f7cf2b3ab1b6ac6f4'
const playlist = (address: string) =>
  `#EXTM3U \n#EXTVLCOPT:http-reconnect=true \n#EXTINF:-1,Das Erste HD\n#EXTVLCOPT:program=10301\n${address}/${ref}\n`
const direct = playlist('http://192.168.1.50:8001')
const relayed = playlist('http://192.168.1.50:17999')
const withSession = playlist(`http://-sid:${sid}@192.168.1.50:8001`)

let server: Server | undefined
afterEach(() => server?.close())

// A receiver whose answers to /web/stream.m3u are given; requests are kept.
async function receiver(answer: (response: ServerResponse, request: IncomingMessage) => void) {
  const requests: IncomingMessage[] = []
  server = createServer((request, response) => {
    requests.push(request)
    answer(response, request)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const addresses = (options: AddressOptions = {}) =>
    new StreamAddresses({ owiBase: `http://127.0.0.1:${port}`, ...options })
  return { requests, addresses }
}

describe('StreamAddresses.resolve', () => {
  it.each([
    ['the stream server', direct, 8001],
    ['a relay', relayed, 17999],
    ['an address with a session', withSession, 8001],
  ])('takes the port of %s and the host that we use', async (_, answer, port) => {
    const { addresses } = await receiver((response) => response.end(answer))
    const address = await addresses().resolve(service)
    expect(address).toMatchObject({ host: '127.0.0.1', port, program: 10301 })
  })

  it('asks for the reference, percent-encoded, with the user in a header', async () => {
    const { addresses, requests } = await receiver((response) => response.end(direct))
    const { authorization } = await addresses({ user: 'root', password: 'dreambox' }).resolve(service)
    expect(requests[0]?.url).toBe(`/web/stream.m3u?ref=${encodeURIComponent(ref)}&name=stream`)
    expect(requests[0]?.headers.authorization).toBe('Basic cm9vdDpkcmVhbWJveA==')
    expect(authorization).toBe('Basic cm9vdDpkcmVhbWJveA==')
  })

  it('uses the session of the answer where no user is configured', async () => {
    const { addresses } = await receiver((response) => response.end(withSession))
    const { authorization = '' } = await addresses().resolve(service)
    expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe(`-sid:${sid}`)
  })

  it('asks once per service, also when asked twice at once', async () => {
    const { addresses, requests } = await receiver((response) => response.end(direct))
    const asked = addresses()
    await Promise.all([asked.resolve(service), asked.resolve(service)])
    await asked.resolve(service)
    expect(requests).toHaveLength(1)
    asked.forget(service)
    await asked.resolve(service)
    expect(requests).toHaveLength(2)
  })

  it('asks one question at a time', async () => {
    let open = 0
    let most = 0
    const { addresses } = await receiver((response) => {
      most = Math.max(most, ++open)
      setImmediate(() => {
        open--
        response.end(direct)
      })
    })
    const asked = addresses()
    const others = ['1', '2', '3', '4'].map((sid) => parseReference(`1:0:19:${sid}:3FB:1:C00000:0:0:0:`))
    await Promise.all(others.map((other) => asked.resolve(other)))
    expect(most).toBe(1)
  })

  it('takes the service that alternatives stand for', async () => {
    const { addresses } = await receiver((response) => response.end(direct))
    const alternatives = parseReference(
      '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "alternatives.x.tv" ORDER BY bouquet',
    )
    expect(await addresses().resolve(alternatives)).toMatchObject({ path: `/${ref}`, program: 10301 })
  })

  it.each([
    ['an error', (response: ServerResponse) => response.writeHead(500).end()],
    ['a login page', (response: ServerResponse) => response.end('<html>http://x/</html>')],
    ['a web stream', (response: ServerResponse) => response.end('http://example.invalid/live1.ts:IPTV\n')],
    ['a broken connection', (response: ServerResponse) => response.destroy()],
    ['no end', (response: ServerResponse) => response.end('x'.repeat(100_000))],
  ])('falls back to port 8001 after %s', async (_, answer) => {
    const { addresses, requests } = await receiver(answer)
    const asked = addresses({ timeoutMs: 2000 })
    expect(await asked.resolve(service)).toMatchObject({ host: '127.0.0.1', port: 8001, path: `/${ref}` })
    await asked.resolve(service)
    expect(requests).toHaveLength(1) // not again at once
  })

  it('falls back when the receiver does not answer in time', async () => {
    const { addresses } = await receiver(() => undefined)
    expect(await addresses({ timeoutMs: 50 }).resolve(service)).toMatchObject({ port: 8001 })
    server?.closeAllConnections()
  })

  it('asks nobody when the target is fixed', async () => {
    const target = new StreamAddresses({
      proxyTarget: 'http://user:pw@192.0.2.1:17999/base',
      owiBase: 'http://192.0.2.9',
    })
    expect(await target.resolve(service)).toEqual({
      host: '192.0.2.1',
      port: 17999,
      path: `/base/${ref}`,
      authorization: 'Basic dXNlcjpwdw==',
      program: 10301,
    })
  })

  it('refuses a fixed target that wants TLS', () => {
    expect(() => new StreamAddresses({ proxyTarget: 'https://192.0.2.1' })).toThrow(
      /Expected an http:\/\/ address/,
    )
  })

  it('says so when there is no receiver', async () => {
    await expect(new StreamAddresses({}).resolve(service)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('findReference', () => {
  it.each(['/auto/v1', '/', '/favicon.ico', '/stream/some'])('finds nothing at %s', (path) => {
    expect(findReference(path)).toBeUndefined()
  })

  it.each([
    '/1:0:19',
    '/1:64:5:0:0:0:0:0:0:0::News',
    '/4097:0:1:0:0:0:0:0:0:0:http%3a//example.invalid/a.ts:Web',
    '/4097:0:1:0:0:0:0:0:0:0:http%253a//example.invalid/a.ts:Web',
    '/1:0:0:0:0:0:0:0:0:0:/etc/passwd',
  ])('refuses %s', (path) => {
    expect(() => findReference(path)).toThrow(/^Expected /)
  })

  it('finds the service, with the name that the request gives it', () => {
    expect(findReference(`/${ref}:Das%20Erste`)?.name).toBe('Das Erste')
    expect(findReference(`/${encodeURIComponent(ref)}`)?.fields.join(':')).toBe(ref.slice(0, -1))
  })
})
