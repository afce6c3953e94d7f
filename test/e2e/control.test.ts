// The API of a running daemon: what is watched, ending it, and a configuration read again meanwhile.
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { createLog } from '../../src/base/log.ts'
import { startDaemon, type Daemon } from '../../src/daemon.ts'
import { start as run } from '../cli/command.ts'
import { ok, packets, StreamServer } from '../stream/packets.ts'
import { ask, read, viewer } from '../stream/viewers.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const path = '/1:0:19:132F:3EF:1:C00000:0:0:0:'

// A few packets now and then, for ever.
function trickle(socket: Socket): void {
  socket.write(ok)
  let next = 0
  const timer = setInterval(() => socket.write(packets(100, (next += 100))), 10)
  socket.once('close', () => clearInterval(timer))
}

async function start(settings: Record<string, string> = {}) {
  const server = await StreamServer.start(trickle)
  const env: Record<string, string> = {
    XG2G_PROXY_TARGET: `http://127.0.0.1:${server.port}`,
    XG2G_ENABLE_AUDIO_TRANSCODING: 'false',
    XG2G_UDS_PATH: 'off',
    XG2G_LISTEN: '127.0.0.1:0',
    XG2G_PROXY_LISTEN: '127.0.0.1:0',
    XG2G_HDHR_ENABLED: 'false',
    ...settings,
  }
  const load = () => loadConfig({ env })
  const log = createLog('info', new PassThrough().resume())
  const daemon = await startDaemon(load(), { log, load })
  closers.push(
    () => server.close(),
    () => daemon.close(),
  )
  return { daemon, env, log }
}

async function call(daemon: Daemon, at: string, method = 'GET'): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${daemon.apiPort}/api/v1/${at}`, { method })
  return response.status === 204 ? 204 : await response.json()
}

describe('/api/v1/streams', () => {
  it('lists a stream while it runs and ends it on request; the others go on', async () => {
    const { daemon } = await start()
    const first = viewer(daemon.proxyPort ?? 0, path)
    await read(first, 20_000)
    const second = viewer(daemon.proxyPort ?? 0, path)
    await read(second, 20_000)
    const { streams } = (await call(daemon, 'streams')) as { streams: Record<string, unknown>[] }
    expect(streams).toHaveLength(2)
    expect(streams[0]).toMatchObject({ client: '127.0.0.1', engine: 'passthrough', audio: 'copy' })
    expect(streams[0]?.bytesSent).toBeGreaterThan(0)

    const ended = once(first, 'close')
    expect(await call(daemon, `streams/${String(streams[0]?.id)}`, 'DELETE')).toBe(204)
    first.resume()
    await ended
    expect(await call(daemon, 'streams')).toMatchObject({ streams: [{ id: streams[1]?.id }] })
    await read(second, 20_000)
    second.destroy()
  })
})

describe('/api/v1/config/reload', () => {
  it('changes what can change while a stream runs, and names the rest', async () => {
    const { daemon, env, log } = await start()
    const client = viewer(daemon.proxyPort ?? 0, path)
    await read(client, 20_000)
    Object.assign(env, { XG2G_LOG_LEVEL: 'warn', XG2G_AUDIO_CODEC: 'mp3', XG2G_LISTEN: ':1' })
    expect(await call(daemon, 'config/reload', 'POST')).toEqual({
      applied: ['audioCodec', 'logLevel'],
      restart: ['listen'],
      warnings: [],
    })
    expect(log.level).toBe('warn')
    await read(client, 20_000) // still flows
    expect(await call(daemon, 'streams')).toMatchObject({ streams: [{ id: '1' }] })
    expect(await call(daemon, 'config')).toMatchObject({
      config: { audioCodec: 'mp3', listen: '127.0.0.1:0' },
    })
    client.destroy()
  })

  it('keeps everything when the new configuration is wrong', async () => {
    const { daemon, env } = await start()
    env.XG2G_LOG_LEVEL = 'loud'
    expect(await call(daemon, 'config/reload', 'POST')).toMatchObject({ error: { code: 'CONFIG_REJECTED' } })
    expect(await call(daemon, 'config')).toMatchObject({ config: { logLevel: 'info' } })
  })
})

describe('SIGHUP', () => {
  it('reads the file and its secrets again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xg2g-reload-'))
    const [file, secret] = [join(folder, 'xg2g.yaml'), join(folder, 'token')]
    writeFileSync(secret, 'first-token\n')
    const settings = [
      'proxyTarget: http://127.0.0.1:9',
      'listen: 127.0.0.1:0',
      'proxyListen: 127.0.0.1:0',
      `apiTokenFile: ${secret}`,
    ]
    writeFileSync(file, [...settings, 'enableAudioTranscoding: false'].join('\n'))
    const child = run(['serve', '--config', file])
    closers.push(
      () => child.kill('SIGKILL'),
      () => rmSync(folder, { recursive: true }),
    )
    let said = ''
    child.stdout.on('data', (piece: Buffer) => (said += piece.toString()))
    const says = (text: string) => vi.waitFor(() => expect(said).toContain(text), { timeout: 20_000 })
    await says('"started"')
    const port = /"apiPort":(\d+)/.exec(said)?.[1] ?? ''
    const config = (token: string) =>
      fetch(`http://127.0.0.1:${port}/api/v1/config`, { headers: { 'X-API-Token': token } })
    expect((await config('first-token')).status).toBe(200)

    writeFileSync(secret, 'second-token\n')
    child.kill('SIGHUP')
    await says('configuration reloaded')
    expect((await config('first-token')).status).toBe(401)
    expect((await config('second-token')).status).toBe(200)

    writeFileSync(file, 'colour: red')
    child.kill('SIGHUP')
    await says('configuration rejected')
    expect((await config('second-token')).status).toBe(200)
    expect(said).not.toMatch(/first-token|second-token/)
  })
})

describe('the two ports', () => {
  it('know nothing of each other: no stream on the API port, no API on the proxy port', async () => {
    const { daemon } = await start()
    expect((await fetch(`http://127.0.0.1:${daemon.apiPort}${path}`)).status).toBe(404)
    expect((await ask(daemon.proxyPort ?? 0, '/api/v1/status')).status).toBe(404)
  })
})

describe('a daemon that stops', () => {
  it('ends its listeners', async () => {
    const { daemon } = await start()
    const response = await fetch(`http://127.0.0.1:${daemon.apiPort}/api/v1/events`)
    const whole = response.text()
    await daemon.close()
    expect(await whole).toContain('event: status')
  })
})
