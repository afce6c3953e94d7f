// HTTPS as browsers and players see it: HTTP/2 and HTTP/1.1 on one port, and a certificate that is renewed.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { createLog } from '../../src/base/log.ts'
import { startDaemon } from '../../src/daemon.ts'
import { issue, type Issued } from '../base/issuer.ts'
import { open, type House } from './house.ts'
import { askOn, type Answer, type Asked } from './session.ts'

let folder: string
let files: Issued
let house: House
let sessions: ClientHttp2Session[] = []
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'xg2g-tls-'))))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(async () => {
  for (const session of sessions) session.destroy()
  sessions = []
  await house.close()
})

async function start(env: Record<string, string> = {}): Promise<void> {
  files = issue(folder)
  house = await open(
    { streams: ['mpeg2'] },
    { XG2G_TLS_CERT: files.cert, XG2G_TLS_KEY: files.key, XG2G_TLS_LISTEN: '127.0.0.1:0', ...env },
  )
  await vi.waitFor(async () => expect((await old('/readyz')).status).toBe(200), { timeout: 10_000 })
}

const port = () => house.daemon.tlsPort ?? 0
const at = (path: string) => `https://localhost:${port()}${path}`
const ca = () => readFileSync(files.cert)

// By HTTP/1.1.
function old(path: string, { method = 'GET', headers = {} } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(at(path), { method, headers, ca: ca(), agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
      .on('error', reject)
      .end()
  })
}

function session(): ClientHttp2Session {
  const made = connectHttp2(at(''), { ca: ca() })
  made.on('error', () => undefined)
  sessions.push(made)
  return made
}

// By HTTP/2.
function modern(path: string, { on = session(), ...asked }: Asked & { on?: ClientHttp2Session } = {}) {
  return askOn(on, path, asked)
}

/** What the port shows to who connects now. */
function shown(): Promise<{ fingerprint: string; protocol: string | null }> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port: port(), host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve({ fingerprint: socket.getPeerCertificate().fingerprint256, protocol: socket.getProtocol() })
      socket.destroy()
    }).on('error', reject)
  })
}

describe.each([
  ['HTTP/1.1', old],
  ['HTTP/2', modern],
] as const)('over %s', (_, ask) => {
  it('the port answers as the plain one does, with addresses that begin with https', async () => {
    await start()
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: '{"status":"ok"}' })
    const { status, body, headers } = await ask('/playlist.m3u')
    expect([status, headers['content-type']]).toEqual([200, 'audio/x-mpegurl; charset=utf-8'])
    expect(body).toContain(`url-tvg="${at('/xmltv.xml')}"`)
    expect(body).toContain(`tvg-logo="${at('/picons/')}`)
    expect(body).toContain(`\nhttp://localhost:${house.proxyPort}/1:0:`) // streams have no HTTPS
    expect(headers).not.toHaveProperty('strict-transport-security')
    expect(await ask('/playlist.m3u', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect(await ask('/nothing')).toMatchObject({ status: 404 })
    const again = await ask('/playlist.m3u', { headers: { 'if-none-match': String(headers.etag) } })
    expect(again).toMatchObject({ status: 304, body: '' })
  })

  it('a page of its own may change things, one of another site may not', async () => {
    await start()
    const reload = (origin: string) =>
      ask('/api/v1/config/reload', { method: 'POST', headers: { origin } }).then(({ status }) => status)
    expect(await reload(at(''))).toBe(200)
    expect(await reload('https://evil.example')).toBe(403)
  })
})

describe('HTTP/2', () => {
  it('carries events and other answers on one connection', async () => {
    await start()
    const shared = session()
    const events = shared.request({ ':path': '/api/v1/events' })
    let heard = ''
    events.setEncoding('utf8').on('data', (text: string) => (heard += text))
    await vi.waitFor(() => expect(heard).toContain('event: status\n'))
    expect(await modern('/healthz', { on: shared })).toMatchObject({ status: 200 })
    house.daemon.reload()
    await vi.waitFor(() => expect(heard).toContain('event: config\n'))
  })

  it('carries HLS in low latency on one connection: what is yet to come lets the rest pass', async () => {
    await start()
    const on = session()
    const { channels } = JSON.parse((await modern('/api/v1/channels', { on })).body) as {
      channels: { id: string }[]
    }
    const read = async (url: string) => {
      const { status, body } = await modern(url, { on })
      expect([url, status]).toEqual([url, 200])
      return body
    }
    const index = `/hls/${channels[0]?.id}/index.m3u8`
    const beside = (url: string, name: string) => new URL(name, at(url)).pathname
    const list = beside(index, (await read(index)).trim().split('\n').at(-1) ?? '')
    const hint = /PRELOAD-HINT:TYPE=PART,URI="(.+\/(\d+)\.\d+\.ts)"/.exec(await read(list))
    const [, part = '', msn] = hint ?? []
    let hasCome = false
    const later = read(`${list}?_HLS_msn=${Number(msn) + 1}`).finally(() => (hasCome = true)) // seconds away
    const bytes = read(beside(list, part))
    expect(await read('/healthz')).toBe('{"status":"ok"}')
    expect(hasCome).toBe(false)
    expect((await bytes).charCodeAt(0)).toBe(0x47)
    expect(await later).toContain(`/${Number(msn) + 1}.ts`)
  })

  it('is what curl gets, also for what is compressed', async () => {
    await start()
    await vi.waitFor(async () => expect((await modern('/xmltv.xml')).status).toBe(200), { timeout: 15_000 })
    const args = [
      '-s',
      '--http2',
      '--compressed',
      '--cacert',
      files.cert,
      '-w',
      '%{http_version} %{http_code}',
    ]
    const { stdout } = await promisify(execFile)('curl', [...args, at('/xmltv.xml')], { maxBuffer: 1e8 })
    expect(stdout).toMatch(/^<\?xml[^]*<\/tv>\s*2 200$/)
  })

  it('refuses a body that is too long, and says so', async () => {
    await start()
    const headers = { 'content-length': '20000', 'content-type': 'application/json' }
    const stream = session().request({ ':path': '/api/v1/refresh', ':method': 'POST', ...headers })
    stream.on('error', () => undefined)
    const status = await new Promise((resolve) => stream.on('response', (told) => resolve(told[':status'])))
    expect(status).toBe(413)
  })
})

describe('the certificate', () => {
  it('is read again by a reload, and who is connected stays so', async () => {
    await start()
    const before = session()
    expect(await modern('/healthz', { on: before })).toMatchObject({ status: 200 })
    const { fingerprint } = await shown()
    const next = issue(folder, 'next')
    copyFileSync(next.cert, files.cert)
    copyFileSync(next.key, files.key)
    expect(await modern('/api/v1/config/reload', { method: 'POST', on: before })).toMatchObject({
      status: 200,
    })
    expect((await shown()).fingerprint).not.toBe(fingerprint)
    expect(await modern('/healthz', { on: before })).toMatchObject({ status: 200 })
    expect(await modern('/healthz')).toMatchObject({ status: 200 }) // still HTTP/2
  })

  it('stays when what is found then is none', async () => {
    await start()
    const { fingerprint } = await shown()
    const body = readFileSync(files.cert)
    const before = session()
    writeFileSync(files.cert, 'Dear diary')
    house.settings.XG2G_LOG_LEVEL = 'warn'
    const { status, body: told } = await modern('/api/v1/config/reload', { method: 'POST', on: before })
    writeFileSync(files.cert, body)
    expect([status, told]).toEqual([422, expect.stringContaining('XG2G_TLS_CERT') as string])
    expect((await shown()).fingerprint).toBe(fingerprint)
    expect(house.daemon.reload().applied).toEqual(['logLevel']) // nothing had changed before
  })

  it('keeps the daemon from starting when it is none', async () => {
    await start()
    const env = { XG2G_LISTEN: '127.0.0.1:0', XG2G_DATA: folder, XG2G_OWI_BASE: 'http://127.0.0.1:9' }
    const config = loadConfig({ env: { ...env, XG2G_TLS_CERT: files.key, XG2G_TLS_KEY: files.key } })
    await expect(startDaemon(config, { log: createLog('silent') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('a certificate in PEM for XG2G_TLS_CERT') as string,
    })
  })
})

describe('the port of HTTPS', () => {
  it('takes nothing below TLS 1.2', async () => {
    await start()
    const attempt = (maxVersion: 'TLSv1.1' | 'TLSv1.2') =>
      new Promise<string | null>((resolve, reject) => {
        const options = { minVersion: 'TLSv1' as const, maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }
        const socket = connectTls(
          { port: port(), host: '127.0.0.1', rejectUnauthorized: false, ...options },
          () => {
            resolve(socket.getProtocol())
            socket.destroy()
          },
        ).on('error', reject)
      })
    await expect(attempt('TLSv1.1')).rejects.toThrow(/protocol version/)
    expect(await attempt('TLSv1.2')).toBe('TLSv1.2')
  })

  it('closes on who speaks plain HTTP, and serves the others', async () => {
    await start()
    const socket = connectPlain(port(), '127.0.0.1')
    const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve))
    socket.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await closed
    expect(await modern('/healthz')).toMatchObject({ status: 200 })
  })

  it('closes with the daemon, whoever still listens', async () => {
    await start()
    const shared = session()
    const events = shared.request({ ':path': '/api/v1/events' })
    events.resume().on('error', () => undefined)
    await new Promise((resolve) => events.once('response', resolve))
    const idle = connectPlain(port(), '127.0.0.1').on('error', () => undefined)
    const gone = new Promise((resolve) => idle.once('close', resolve))
    await house.daemon.close()
    await gone
    await vi.waitFor(() => expect(shared.closed || shared.destroyed).toBe(true))
  })
})
