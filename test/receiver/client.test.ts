import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createLog } from '../../src/base/log.ts'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import { Budget } from '../../src/receiver/budget.ts'
import { OpenWebIf, type ClientOptions } from '../../src/receiver/client.ts'
import { demo, generationMs } from '../demo/client.ts'

let server: Server | undefined
let box: DemoReceiver | undefined
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  await box?.close()
  server = box = undefined
})

/** A receiver whose answers are given. */
async function receiver(
  answer: (response: ServerResponse, request: IncomingMessage, count: number) => void,
  options: Partial<ClientOptions> = {},
) {
  const requests: IncomingMessage[] = []
  server = createServer((request, response) => {
    requests.push(request)
    answer(response, request, requests.length)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { requests, client: clientOf(`http://127.0.0.1:${port}`, options) }
}

function clientOf(owiBase: string, options: Partial<ClientOptions> = {}): OpenWebIf {
  return new OpenWebIf({ owiBase, retryMs: 1, budget: new Budget({ idlePauseMs: 0 }), ...options })
}

const bouquets = JSON.stringify({ bouquets: [['1:7:1:0:0:0:0:0:0:0:FROM "x"', 'A &amp; B']] })
const xmlServices =
  '<?xml version="1.0"?><e2servicelist><e2service><e2servicereference>1:0:1:1:1:1:C00000:0:0:0:</e2servicereference><e2servicename>Arte & Co</e2servicename></e2service></e2servicelist>'

describe('OpenWebIf with the demo receiver', () => {
  const styles: Array<[string, DemoOptions['web']]> = [
    ['dialect A under Python 2', { dialect: 'A', isPython2: true }],
    ['dialect A in Latin-1', { dialect: 'A', isPython2: true, isLatin1: true }],
    ['dialect B', { dialect: 'B' }],
    ['dialect B with a login', { dialect: 'B', auth: 'basic' }],
    ['short services', { hasShortServices: true }],
  ]

  it.each(styles)(
    'reads %s alike',
    async (_, web) => {
      box = await demo({ web: { delayMs: 0, ...web } })
      const client = clientOf(box.webUrl, { user: 'root', password: 'demo' })
      const list = await client.bouquets('tv')
      expect(list.map(({ name }) => name)).toEqual([
        'Favourites (TV)',
        'Kino & Küche',
        'Sonderlinge',
        'Leer',
        'Kino & Küche',
      ])
      const services = await client.services(list[0]!.ref)
      expect(services.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['Erstes Testbild HD', 'Küstenkanal', 'Hörfilm & Co', 'Große Pläne']),
      )
      const [first] = await client.events(box.channels[0]!.ref, Math.floor(Date.now() / 1000))
      expect(first!.start).toBeLessThanOrEqual(Date.now() / 1000)
      expect(first!.start + first!.durationS).toBeGreaterThan(Date.now() / 1000)
      expect(await client.about()).toMatchObject({ tuners: { length: 4 } })
      expect(await client.file('/picon/1_0_19_132F_3EF_1_C00000_0_0_0.png')).toMatchObject({
        type: 'image/png',
      })
      expect(await client.file('/picon/1_0_19_0_0_0_0_0_0_0.png')).toBeUndefined()
      expect(box.requests).toMatchObject({ webAtOnce: 1, epgOverlaps: 0, zaps: 0, unauthorised: 0 })
    },
    generationMs,
  )

  it(
    'says in words what a receiver refuses',
    async () => {
      box = await demo({ web: { delayMs: 0, auth: 'basic' } })
      const wrong = clientOf(box.webUrl, { user: 'root', password: 'secret' })
      await expect(wrong.about()).rejects.toMatchObject({ code: 'RECEIVER_REFUSED' })
      expect(box.requests.unauthorised).toBe(1) // not tried again
      expect(wrong.state.error?.message).toMatch(/user name or password/)
    },
    generationMs,
  )
})

describe('OpenWebIf', () => {
  it('tries again after bad luck, not after a refusal', async () => {
    const { client, requests } = await receiver((response, _, count) => {
      if (count < 3) response.writeHead(500)
      response.end(bouquets)
    })
    expect(await client.bouquets('tv')).toEqual([{ ref: '1:7:1:0:0:0:0:0:0:0:FROM "x"', name: 'A & B' }])
    expect(requests).toHaveLength(3)
    expect(client.state).toMatchObject({ error: undefined, answeredAt: expect.any(Date) as unknown })
  })

  it('asks XML from a receiver without JSON, and does not ask for JSON again', async () => {
    const { client, requests } = await receiver((response, { url = '' }) => {
      if (url.startsWith('/api/')) response.writeHead(404).end('<html>404</html>')
      else response.end(xmlServices)
    })
    expect(await client.services('x')).toMatchObject([{ name: 'Arte & Co' }])
    await client.services('x')
    expect(requests.map(({ url }) => url!.split('?', 1)[0])).toEqual([
      '/api/getservices',
      '/web/getservices',
      '/web/getservices',
    ])
  })

  it.each([
    ['a page for people', '<html><body>Login</body></html>'],
    ['text', 'Traceback (most recent call last)'],
    ['half of an answer', '{"services": [{"servicename": "A'],
    ['nothing', ''],
    ['another answer', '{"result": false, "message": "fehlt"}'],
    ['a message that is too deep', `<?xml version="1.0"?>${'<e2a>'.repeat(100)}`],
  ])('calls %s broken', async (_, text) => {
    const { client } = await receiver((response) => response.end(text))
    await expect(client.services('x')).rejects.toMatchObject({ code: 'RECEIVER_BROKEN' })
  })

  it('reads no more of an answer than any real one has', async () => {
    const { client } = await receiver((response) => {
      const piece = Buffer.alloc(1 << 20, ' ')
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', more)
      more()
    })
    await expect(client.bouquets('tv')).rejects.toMatchObject({ code: 'RECEIVER_BROKEN' })
  })

  it('gives up on a receiver that says nothing', async () => {
    const { client, requests } = await receiver(() => undefined, { timeoutMs: 30 })
    await expect(client.about()).rejects.toMatchObject({ code: 'RECEIVER_TIMEOUT' })
    expect(requests).toHaveLength(3)
  })

  it('ends at once when it is called off', async () => {
    const abort = new AbortController()
    const { client } = await receiver(() => abort.abort())
    await expect(client.about(abort.signal)).rejects.toMatchObject({ name: 'AbortError' })
    expect(client.state.error).toBeUndefined()
  })

  it('survives control characters in JSON and raw line breaks in its text', async () => {
    const { client } = await receiver((response) =>
      response.end(
        '{"services":[{"servicereference":"1:0:1:1:1:1:C00000:0:0:0:","servicename":"A\n\u0001B"}]}',
      ),
    )
    expect(await client.services('x')).toMatchObject([{ name: 'A B' }])
  })

  it('says nothing of the password, neither in the log nor in its address', async () => {
    const lines: string[] = []
    const log = createLog('debug', { write: (line) => void lines.push(line) })
    const { client, requests } = await receiver((response) => response.writeHead(401).end(), {
      log,
      user: 'root',
      password: 'geheim',
    })
    await expect(client.about()).rejects.toThrow()
    expect(requests[0]!.headers.authorization).toBe('Basic cm9vdDpnZWhlaW0=')
    expect(lines.join('')).toMatch(/receiver question failed/)
    expect(lines.join('')).not.toMatch(/geheim|cm9vdDpnZWhlaW0/)
  })

  it('fetches files from the receiver itself only', async () => {
    const { client, requests } = await receiver((response) => response.end('x'))
    expect(await client.file('http://198.51.100.1/picon.png')).toBeUndefined()
    expect(requests).toEqual([])
  })
})
