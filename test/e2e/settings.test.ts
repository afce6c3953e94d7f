// What settings change about the streams, seen from a client.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createLog } from '../../src/base/log.ts'
import { answerOf, packets, StreamServer } from '../stream/packets.ts'
import { realEngine, Transcoder } from '../stream/transcoder.ts'
import { ask } from '../stream/viewers.ts'
import { open, type House } from './house.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const body = packets(8000)
const path = '/1:0:19:132F:3EF:1:C00000:0:0:0:'

// A daemon whose fixed target sends the same bytes to everyone.
async function start(env: Record<string, string>): Promise<{ house: House; server: StreamServer }> {
  const server = await StreamServer.start((socket) => socket.end(answerOf(body)))
  const house = await open(
    { streams: [] },
    { XG2G_PROXY_TARGET: `http://localhost:${server.port}/at`, ...env },
  )
  closers.push(
    () => server.close(),
    () => house.close(),
  )
  return { house, server }
}

const withoutFfmpeg = { XG2G_USE_NATIVE_REMUXER: 'false', XG2G_FFMPEG: '/nowhere/ffmpeg' }

describe.each<[Record<string, string>, number, string]>([
  [{ XG2G_ENABLE_AUDIO_TRANSCODING: 'false' }, 400, 'switched off'],
  [withoutFfmpeg, 503, 'FFMPEG_MISSING'],
])('%j', (off, status, reason) => {
  it('passes every byte of XG2G_PROXY_TARGET, and refuses other sound', async () => {
    const { house, server } = await start(off)
    expect((await ask(house.proxyPort, path)).body.equals(body)).toBe(true)
    expect((await ask(house.proxyPort, `${path}?audio=copy`)).body.equals(body)).toBe(true)
    const refused = await ask(house.proxyPort, `${path}?audio=aac`)
    expect([refused.status, refused.body.toString()]).toEqual([status, expect.stringContaining(reason)])
    expect(server.requests[0]).toMatch(/^GET \/at\/1:0:19:132F:3EF:1:C00000:0:0:0: HTTP\/1\.1\r\n/)
    expect(house.demo.requests.web).not.toHaveProperty('streamm3u')
  })
})

describe('XG2G_USE_NATIVE_REMUXER=false', () => {
  it('makes the sound with ffmpeg', async () => {
    const house = await open({ streams: ['mpeg2'] }, { XG2G_USE_NATIVE_REMUXER: 'false' })
    closers.push(() => house.close())
    const { status, body } = await ask(house.proxyPort, `/${house.ref('mpeg2')}?duration=4`)
    expect(status).toBe(200)
    const shown = ['-show_entries', 'stream=codec_name:stream_tags=language', '-of', 'csv=p=0']
    const answer = execFileSync('ffprobe', ['-v', 'error', ...shown, '-i', 'pipe:0'], { input: body })
    expect(answer.toString().split(/\s+/)).toEqual(expect.arrayContaining(['mpeg2video,', 'aac,deu']))
  })
})

describe('XG2G_TRANSCODER_URL', () => {
  it('has the work done there, as part of the trace that the player is in', async () => {
    const lines: Record<string, unknown>[] = []
    const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) })
    const { engine, pool } = await realEngine(log)
    const transcoder = await Transcoder.start({ at: 'http://127.0.0.1:0', engine })
    const house = await open(
      { streams: ['mpeg2'] },
      { XG2G_TRANSCODER_URL: `http://127.0.0.1:${transcoder.port}` },
    )
    closers.push(
      () => pool.close(),
      () => transcoder.kill(),
      () => house.close(),
    )
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const answer = await fetch(house.url('mpeg2', '?duration=2'), { headers: { traceparent } })
    const body = Buffer.from(await answer.arrayBuffer())
    const shown = ['-show_entries', 'stream=codec_name', '-of', 'csv=p=0']
    const found = execFileSync('ffprobe', ['-v', 'error', ...shown, '-i', 'pipe:0'], { input: body })
    expect(found.toString().split(/[\s,]+/)).toEqual(expect.arrayContaining(['mpeg2video', 'aac']))
    const trace = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' }
    const all = () => [...house.lines, ...lines]
    const line = (msg: string) => all().find((each) => each.msg === msg)
    await vi.waitFor(() => expect(line('transcode.native')).toBeDefined(), { timeout: 10_000 })
    expect(line('stream started')).toMatchObject({
      ...trace,
      parent_id: '00f067aa0ba902b7',
      engine: 'remote',
    })
    const work = { 'transcode.codec': 'aac', 'transcode.device': 'cpu', errors: 0 }
    const remote = line('transcode.remote')
    expect(remote).toMatchObject({ ...trace, ...work, parent_id: line('stream started')?.span_id })
    expect(house.lines.some(({ msg }) => msg === 'transcode.native')).toBe(false)
    expect(line('transcode.native')).toMatchObject({ ...trace, ...work, parent_id: remote?.span_id })
    expect(line('transcode.native')?.['bytes.output']).toBeGreaterThanOrEqual(body.length)
    expect(await house.metric('xg2g_transcoder_up')).toBe(1)
  })

  it('keeps nobody from watching while nothing is there', async () => {
    const house = await open({ streams: ['mpeg2'] }, { XG2G_TRANSCODER_URL: 'unix:/nowhere/remux.sock' })
    closers.push(() => house.close())
    const { status, body } = await ask(house.proxyPort, `/${house.ref('mpeg2')}?duration=1`)
    expect([status, body[0]]).toEqual([200, 0x47])
    expect(house.lines.find(({ msg }) => msg === 'stream started')).toMatchObject({ engine: 'native' })
    expect(await house.metric('xg2g_engine_fallbacks_total{from="remote",to="native"}')).toBe(1)
    expect(await house.metric('xg2g_transcoder_up')).toBe(0)
  })
})

describe('XG2G_ENABLE_STREAM_PROXY=false', () => {
  it('opens no proxy port', async () => {
    const { house } = await start({ XG2G_ENABLE_STREAM_PROXY: 'false' })
    expect(house.daemon.proxyPort).toBeUndefined()
  })

  it.each([
    [{}, /^http:\/\/127\.0\.0\.1:8001\/1:0:1:2EE0:441:1:C00000:0:0:0:$/],
    [{ XG2G_PROXY_TARGET: 'http://root:geheim@box:8002/' }, /^http:\/\/box:8002\/1:0:1:2EE0:[^?]+:$/],
    [{ XG2G_PROXY_BASE_URL: 'http://other:8001' }, /^http:\/\/other:8001\/1:0:1:2EE0:.+:\?audio=copy$/],
  ])('sends players to the receiver (%j)', async (env, address) => {
    const house = await open({ streams: ['mpeg2'] }, { XG2G_ENABLE_STREAM_PROXY: 'false', ...env })
    closers.push(() => house.close())
    const at = `http://127.0.0.1:${house.daemon.apiPort}`
    await vi.waitFor(async () => expect((await fetch(`${at}/readyz`)).status).toBe(200), { timeout: 10_000 })
    const [, , first] = (await (await fetch(`${at}/playlist.m3u?audio=copy`)).text()).split('\n')
    expect(first).toMatch(address)
    const { channels } = (await (await fetch(`${at}/api/v1/channels`)).json()) as {
      channels: { stream: string }[]
    }
    expect(channels[0]!.stream).toBe(first!.replace('?audio=copy', ''))
  })
})

describe('XG2G_STREAMS_PER_WORKER', () => {
  it('limits the streams; more are refused with 503 before the receiver hears of them', async () => {
    const { house, server } = await start({ XG2G_STREAMS_PER_WORKER: '1', XG2G_WORKERS: '1' })
    const other = path.replace('132F', '1330')
    const answers = await Promise.all([ask(house.proxyPort, path), ask(house.proxyPort, other)])
    const full = answers.find(({ status }) => status === 503)
    expect(full?.body.toString()).toContain('POOL_FULL')
    expect(full?.headers['retry-after']).toBe('5')
    expect(server.sockets).toHaveLength(1)
    expect(await house.metric('xg2g_pool_refused_total{kind="live"}')).toBe(1)
  })
})

describe('a stream of which the remuxer makes nothing', () => {
  it('is answered with 502, saying what was found', async () => {
    const { house } = await start({})
    const { status, body } = await ask(house.proxyPort, path)
    expect([status, JSON.parse(body.toString())]).toEqual([
      502,
      { error: { code: 'NO_STREAM', message: expect.stringContaining('no PAT') as string } },
    ])
    expect(await house.metric('xg2g_stream_errors_total{code="NO_STREAM"}')).toBe(1)
  })
})

describe('XG2G_METRICS_LISTEN', () => {
  it('is a further place for the metrics, and for nothing else', async () => {
    const place = createServer().listen(0, '127.0.0.1')
    await once(place, 'listening')
    const { port } = place.address() as AddressInfo
    await new Promise((resolve) => place.close(resolve))
    await start({ XG2G_METRICS_LISTEN: `127.0.0.1:${port}` })
    expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toContain('xg2g_pool_capacity')
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(404)
  })
})

describe('/readyz', () => {
  it('says ready while it runs', async () => {
    const { house } = await start({ XG2G_OWI_BASE: '' }) // without a receiver there is no lineup to wait for
    expect((await fetch(`http://127.0.0.1:${house.daemon.apiPort}/readyz`)).status).toBe(200)
  })
})
