import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { tmpdir, type networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { examineDiscovery, isBridged } from '../../src/cli/discovery.ts'
import { doctor } from '../../src/cli/doctor.ts'
import type { DemoReceiver } from '../../src/demo/receiver.ts'
import { issue } from '../base/issuer.ts'
import { demo } from '../demo/client.ts'
import { office } from '../jobs/office.ts'
import { printed, type Printed } from './output.ts'

let folder: string
let box: DemoReceiver | undefined
let server: Server | undefined
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'xg2g-doctor-'))))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(async () => {
  await box?.close()
  server?.close()
  box = server = undefined
})

const examine = (env: Record<string, string>): Promise<Printed> =>
  printed(() =>
    doctor(
      loadConfig({
        env: {
          XG2G_DATA: folder,
          XG2G_UDS_PATH: 'off',
          XG2G_LISTEN: '127.0.0.1:0',
          XG2G_PROXY_LISTEN: '127.0.0.1:0',
          XG2G_HDHR_LISTEN: '127.0.0.1:0',
          ...env,
        },
      }),
    ),
  )

async function occupy(body: string): Promise<string> {
  const started = createServer((_, response) => response.end(body))
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(started.address() as AddressInfo).port}`
}

describe('xg2g doctor', () => {
  it('finds nothing wrong where nothing is, and opens no stream', async () => {
    box = await demo({ streams: ['mpeg2'] })
    const { stdout, code } = await examine({ XG2G_OWI_BASE: box.webUrl, XG2G_USE_NATIVE_REMUXER: 'false' })
    expect(stdout).not.toMatch(/^bad/m)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok {4}Node 2/m)
    expect(stdout).toMatch(/^ok {4}Receiver 127\.0\.0\.1: .+ tuners$/m)
    expect(stdout).toContain('Nothing is missing.')
    expect(box.requests.streams).toEqual({})
  })

  it('says that no receiver is configured', async () => {
    const { stdout, code } = await examine({})
    expect(code).toBe(1)
    expect(stdout).toMatch(/^bad {3}No receiver is configured\n {6}set XG2G_OWI_BASE/m)
  })

  it('says that the password is wrong, and does not repeat it', async () => {
    box = await demo({ streams: [], web: { auth: 'basic', delayMs: 0 } })
    const env = { XG2G_OWI_BASE: box.webUrl, XG2G_OWI_USER: 'root', XG2G_OWI_PASS: 'geheim' }
    const { stdout, code } = await examine(env)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^bad .*user name or password\n {6}set XG2G_OWI_USER and XG2G_OWI_PASS/m)
    expect(stdout).not.toContain('geheim')
  })

  it('says which bouquets there are when one is not', async () => {
    box = await demo({ streams: ['mpeg2'] })
    const { stdout, code } = await examine({ XG2G_OWI_BASE: box.webUrl, XG2G_BOUQUET: 'Nothing such' })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^bad {3}The receiver has no bouquet "Nothing such"\n {6}set XG2G_BOUQUET to some of: \w/m,
    )
  })

  it('says that a receiver is not there', async () => {
    const { stdout, code } = await examine({ XG2G_OWI_BASE: 'http://root:geheim@127.0.0.1:9' })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^bad .*cannot be reached: ECONNREFUSED\n {6}is it switched on/m)
    expect(stdout).not.toContain('geheim')
  })

  it('says that what answers is no receiver', async () => {
    const { stdout } = await examine({ XG2G_OWI_BASE: `http://${await occupy('<html>router</html>')}` })
    expect(stdout).toMatch(/^bad .*\n {6}is this the address of OpenWebIF/m)
  })

  it('tells a port that another program has from one that xg2g has', async () => {
    const listen = await occupy('something else')
    const other = await examine({ XG2G_LISTEN: listen })
    expect(other.stdout).toContain(`bad   Port ${listen} is taken by another program`)
    server?.close()
    const ours = await occupy('{"status":"ok"}')
    const running = await examine({ XG2G_LISTEN: ours })
    expect(running.stdout).toContain(`ok    Port ${ours} is taken, xg2g is running`)
  })

  it('says that the data folder cannot be written', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const { stdout, code } = await examine({ XG2G_DATA: join(file, 'below') })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^bad {3}Nothing can be written to .*\n {6}set XG2G_DATA/m)
  })

  it('says how long the certificate is good', async () => {
    const { cert, key } = issue(folder)
    const { stdout } = await examine({
      XG2G_TLS_CERT: cert,
      XG2G_TLS_KEY: key,
      XG2G_TLS_LISTEN: '127.0.0.1:0',
    })
    expect(stdout).toMatch(
      /^note {2}Certificate for DNS:localhost, IP Address:127\.0\.0\.1, good for 1 more days$/m,
    )
    expect(stdout).toContain('ok    Port 127.0.0.1:0 is free\nok    Port 127.0.0.1:0 is free\nok    Port')
  })

  it('says what is wrong with the certificate', async () => {
    const { key } = issue(folder)
    const { stdout, code } = await examine({ XG2G_TLS_CERT: key, XG2G_TLS_KEY: key })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^bad {3}Expected a certificate in PEM for XG2G_TLS_CERT .*\n {6}set XG2G_TLS_CERT/m,
    )
  })
})

describe('xg2g doctor on the job socket', () => {
  const socketAt = async (path: string) => (await examine({ XG2G_UDS_PATH: path })).stdout

  it('says that it can be made, in folders that are not there yet', async () => {
    const path = join(folder, 'new', 'folders', 'remux.sock')
    expect(await socketAt(path)).toContain(`ok    Job socket ${path} can be made`)
    expect(existsSync(join(folder, 'new'))).toBe(false)
  })

  it('says that it cannot be made', async () => {
    const file = join(folder, 'in-the-way')
    writeFileSync(file, '')
    expect(await socketAt(join(file, 'remux.sock'))).toMatch(
      /^bad {3}The job socket .* cannot be made: ENOTDIR/m,
    )
    expect(await socketAt(file)).toMatch(
      /^bad {3}The job socket cannot be .*: a file has that name\n {6}set XG2G_UDS/m,
    )
  })

  it('tells a daemon that has it from another program', async () => {
    await using there = await office()
    expect(await socketAt(there.path)).toContain(`ok    Job socket ${there.path} is taken, xg2g is running`)
    const path = join(folder, 'other.sock')
    const other = createSocketServer((socket) => socket.end('220 mail\n')).listen(path)
    await once(other, 'listening')
    expect(await socketAt(path)).toContain(`bad   The job socket ${path} is taken by another program`)
    other.close()
  })

  it('says that the one there was left behind', async () => {
    const path = join(folder, 'left.sock')
    const gone = createSocketServer().listen(`${path}.before`)
    await once(gone, 'listening')
    renameSync(`${path}.before`, path)
    gone.close()
    await once(gone, 'close')
    expect(await socketAt(path)).toContain(`ok    Job socket ${path} was left behind, and will be made anew`)
  })

  it('says nothing of one that is switched off', async () => {
    expect(await socketAt('off')).not.toContain('socket')
  })
})

describe('xg2g doctor on discovery', () => {
  it('tells a port that is taken from one that is free', async () => {
    const taken = createSocket('udp4').bind(0)
    await once(taken, 'listening')
    const { port } = taken.address()
    const [first, second] = await examineDiscovery({ hdhomerun: port, ssdp: 0 })
    expect(first).toMatchObject({
      level: 'note',
      text: expect.stringContaining(`${port} (HDHomeRun`) as string,
    })
    expect(second).toEqual({ level: 'ok', text: 'UDP port 0 (SSDP) can be used' })
    taken.close()
  })

  it.each([
    [{ lo: ['127.0.0.1'], eth0: ['172.17.0.2'] }, true],
    [{ lo: ['127.0.0.1'], eth0: ['10.88.0.5'] }, true],
    [{ lo: ['127.0.0.1'], eth0: ['192.168.1.5'], docker0: ['172.17.0.1'] }, false], // the host's own
    [{ lo: ['127.0.0.1'] }, false],
  ])('takes %j for bridged: %s', (interfaces, expected) => {
    const known = Object.entries(interfaces).map(([name, addresses]) => [
      name,
      addresses.map((address) => ({ address, family: 'IPv4', internal: name === 'lo' })),
    ])
    expect(isBridged(Object.fromEntries(known) as ReturnType<typeof networkInterfaces>)).toBe(expected)
  })
})
