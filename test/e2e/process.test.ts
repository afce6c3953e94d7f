// The daemon as a process: how it starts, and how signals end it.
import { once } from 'node:events'
import { cpSync, symlinkSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { outcome, start, type Outcome } from '../cli/command.ts'
import { answerOf, ok, packets, StreamServer } from '../stream/packets.ts'
import { ask, parse, read, viewer } from '../stream/viewers.ts'

const path = '/1:0:19:132F:3EF:1:C00000:0:0:0:'
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Started {
  readonly apiPort: number
  readonly proxyPort: number
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Outcome>
  readonly lines: () => { msg: string }[]
}

/** Starts `./xg2g serve` and waits until it says that it has started. */
async function serve(env: Record<string, string>, args: string[] = [], home?: string): Promise<Started> {
  const settings = {
    XG2G_UDS_PATH: 'off',
    XG2G_LISTEN: '127.0.0.1:0',
    XG2G_PROXY_LISTEN: '127.0.0.1:0',
    XG2G_HDHR_ENABLED: 'false',
    ...env,
  }
  const child = start(['serve', ...args], settings, home)
  closers.push(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  const lines = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { msg: string })
  const ended = outcome(child)
  const started = () =>
    lines().find(({ msg }) => msg === 'started') as { apiPort: number; proxyPort: number } | undefined
  await vi.waitFor(() => expect(started()).toBeDefined(), { timeout: 25_000, interval: 50 })
  return {
    ...(started() ?? { apiPort: 0, proxyPort: 0 }),
    kill: (signal) => void child.kill(signal),
    ended,
    lines,
  }
}

// A stream server that sends a little and then goes on slowly.
async function source(): Promise<StreamServer> {
  const server = await StreamServer.start((socket) => {
    let next = 0
    const more = () => socket.write(packets(100, (next += 100)))
    socket.write(ok)
    more()
    const timer = setInterval(more, 20)
    socket.once('close', () => clearInterval(timer))
  })
  closers.push(() => server.close())
  return server
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  it('drains the streams and exits with 0', async () => {
    const server = await source()
    const daemon = await serve({
      XG2G_PROXY_TARGET: `http://127.0.0.1:${server.port}`,
      XG2G_ENABLE_AUDIO_TRANSCODING: 'false',
    })
    const client = viewer(daemon.proxyPort, path)
    const first = await read(client, 50_000)
    daemon.kill(signal)
    const { body } = parse(Buffer.concat([first, await read(client, Infinity)]))
    expect(body.length % 188).toBe(0)
    expect(body.equals(packets(body.length / 188, 100))).toBe(true)
    expect((await daemon.ended).code).toBe(0)
    expect(daemon.lines().at(-1)).toMatchObject({ msg: 'stopped' })
    expect(server.sockets[0]?.destroyed).toBe(true)
  })
})

describe('a second signal', () => {
  it('ends a daemon that still drains', async () => {
    const server = await StreamServer.start((socket) => {
      socket.write(ok)
      const more = () => {
        while (!socket.destroyed && socket.write(packets(300))) continue
      }
      socket.on('drain', more)
      more()
    })
    closers.push(() => server.close())
    const daemon = await serve({
      XG2G_PROXY_TARGET: `http://127.0.0.1:${server.port}`,
      XG2G_ENABLE_AUDIO_TRANSCODING: 'false',
    })
    const client = viewer(daemon.proxyPort, path) // and does not read
    client.pause()
    await server.stuck()
    daemon.kill('SIGTERM')
    await vi.waitFor(() => expect(daemon.lines().at(-1)).toMatchObject({ msg: 'stopping' }), {
      timeout: 5000,
    })
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(1)
    client.destroy()
  })
})

describe('xg2g serve', () => {
  it('exits with 1 when a port is taken, and leaves nothing running', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    closers.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const child = start(['serve'], {
      XG2G_UDS_PATH: 'off',
      XG2G_LISTEN: '127.0.0.1:0',
      XG2G_PROXY_LISTEN: `127.0.0.1:${port}`,
      XG2G_HDHR_ENABLED: 'false',
      XG2G_PROXY_TARGET: 'http://127.0.0.1:9',
    })
    const { code, stderr } = await outcome(child)
    expect([code, stderr]).toEqual([1, expect.stringContaining('EADDRINUSE')])
  })

  it.each(['/proc/nothing/such', '/dev/null'])(
    'exits with 1 when XG2G_DATA is %s, saying so',
    async (data) => {
      const child = start(['serve'], {
        XG2G_UDS_PATH: 'off',
        XG2G_LISTEN: '127.0.0.1:0',
        XG2G_PROXY_LISTEN: '127.0.0.1:0',
        XG2G_HDHR_ENABLED: 'false',
        XG2G_OWI_BASE: 'http://127.0.0.1:9',
        XG2G_DATA: data,
      })
      closers.push(() => child.kill('SIGKILL'))
      const { code, stderr } = await outcome(child)
      const message = `Expected a folder that can be written to for XG2G_DATA but received "${data}": E`
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
    },
  )

  it('logs no password', async () => {
    const daemon = await serve({ XG2G_OWI_BASE: 'http://root:geheim@127.0.0.1:9', XG2G_OWI_PASS: 'geheim' })
    const client = viewer(daemon.proxyPort, path)
    await read(client, Infinity)
    daemon.kill('SIGTERM')
    const { stdout, stderr } = await daemon.ended
    expect(stdout.toString() + stderr).not.toContain('geheim')
  })

  it('brings a receiver along with --demo and says what can be watched', async () => {
    const daemon = await serve({}, ['--demo'])
    const isReady = async () => (await fetch(`http://127.0.0.1:${daemon.apiPort}/readyz`)).ok
    await expect.poll(isReady, { timeout: 30_000 }).toBe(true) // the lineup comes after the start
    daemon.kill('SIGTERM')
    const { code, stderr } = await daemon.ended
    expect(code).toBe(0)
    expect(stderr).toMatch(new RegExp(`Radio Nordlicht +http://localhost:${daemon.proxyPort}/1:0:2:`))
    expect(stderr).toMatch(/\n {2}vlc http:.*\n {2}ffplay http:/)
  })
})

describe('xg2g demo-receiver', () => {
  it('serves OpenWebIF until it is stopped', async () => {
    const child = start(['demo-receiver', '--web-port', '0', '--stream-port', '0'])
    closers.push(() => child.kill('SIGKILL'))
    const ended = outcome(child)
    const [text] = (await once(child.stderr, 'data')) as [Buffer]
    const [url] = /http:\/\/\S+?(?=,| )/.exec(text.toString()) ?? ['']
    expect((await fetch(`${url}/api/about`)).status).toBe(200)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })
})

describe('without the addon', () => {
  it('starts, says once how to get it, and without ffmpeg too passes streams through', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'xg2g-'))
    closers.push(() => rm(folder, { recursive: true }))
    for (const part of ['src', 'package.json', 'xg2g']) cpSync(part, join(folder, part), { recursive: true })
    for (const part of ['node_modules', 'toolchain']) symlinkSync(resolve(part), join(folder, part))

    const body = packets(2000)
    const server = await StreamServer.start((socket) => socket.end(answerOf(body)))
    closers.push(() => server.close())
    const env = { XG2G_PROXY_TARGET: `http://127.0.0.1:${server.port}`, XG2G_FFMPEG: '/nowhere/ffmpeg' }
    const daemon = await serve(env, [], folder)
    const cures = daemon.lines().filter((line) => JSON.stringify(line).includes('make native'))
    expect(cures).toMatchObject([{ level: 'error', msg: 'streams begin with another engine' }])
    expect((await ask(daemon.proxyPort, path)).body.equals(body)).toBe(true)
    expect((await ask(daemon.proxyPort, `${path}?audio=mp3`)).status).toBe(503)
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })
})
