import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { examineContainer } from '../../src/cli/container.ts'
import { doctor } from '../../src/cli/doctor.ts'
import type { DemoReceiver } from '../../src/demo/receiver.ts'
import { demo } from '../demo/client.ts'
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
})

describe('examineContainer', () => {
  const of = (env: Record<string, string>, isContainer: boolean) =>
    examineContainer(loadConfig({ env }), isContainer)

  it('says in a container what its network may keep from working, and what to do', () => {
    expect(of({ XG2G_HDHR_LISTEN: ':5005' }, true)).toMatchObject([
      {
        level: 'note',
        text: expect.stringContaining('UDP 65001') as string,
        cure: expect.stringContaining('5005') as string,
      },
    ])
  })

  it('says nothing where there is no container, or no tuner', () => {
    expect([of({}, false), of({ XG2G_HDHR_ENABLED: 'false' }, true)]).toEqual([[], []])
  })
})
