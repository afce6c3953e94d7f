// etc/nginx/xg2g.conf with a real nginx: in front of the daemon, and as the cache of HLS.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { gunzipSync } from 'node:zlib'
import { open, type House } from './house.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { startOrigin, type Origin } from './origin.ts'
import { askOn } from './session.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function inFrontOfDaemon(): Promise<{ house: House; nginx: Nginx }> {
  const house = await open({ streams: ['mpeg2'] }, { XG2G_TRUSTED_PROXIES: '127.0.0.1' })
  closers.push(() => house.close())
  const nginx = await startNginx({ api: house.daemon.apiPort, streams: house.proxyPort })
  closers.push(() => nginx.close())
  const readiness = () => askOn(nginx.connect(), '/readyz')
  await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: 200 }), { timeout: 10_000 })
  return { house, nginx }
}

describe('in front of the daemon', () => {
  it('lists have addresses as the client knows them', async () => {
    const { house, nginx } = await inFrontOfDaemon()
    house.settings.XG2G_PROXY_BASE_URL = nginx.url
    house.daemon.reload()
    const { body } = await askOn(nginx.connect(), '/playlist.m3u')
    expect(body).toContain(`url-tvg="${nginx.url}/xmltv.xml"`)
    expect(body).toContain(`\n${nginx.url}/${house.ref('mpeg2')}\n`)
  })

  it('pages of its own may change things', async () => {
    const { nginx } = await inFrontOfDaemon()
    const ask = { method: 'POST', headers: { origin: nginx.url } }
    expect(await askOn(nginx.connect(), '/api/v1/config/reload', ask)).toMatchObject({ status: 200 })
  })

  it('the daemon knows who asks, whatever they claim', async () => {
    const { house, nginx } = await inFrontOfDaemon()
    house.settings.XG2G_RATELIMIT_RPS = '1'
    house.settings.XG2G_RATELIMIT_BURST = '0'
    house.daemon.reload()
    const session = nginx.connect()
    const statuses = []
    for (let at = 0; at < 12; at++) {
      const headers = { 'x-forwarded-for': `192.0.2.${at}` }
      statuses.push((await askOn(session, '/healthz', { headers })).status)
    }
    expect(statuses.at(-1)).toBe(429)
  })

  it('events come as they happen', async () => {
    const { house, nginx } = await inFrontOfDaemon()
    const events = nginx.connect().request({ ':path': '/api/v1/events' })
    let heard = ''
    events.setEncoding('utf8').on('data', (text: string) => (heard += text))
    await vi.waitFor(() => expect(heard).toContain('event: status\n'))
    house.daemon.reload()
    await vi.waitFor(() => expect(heard).toContain('event: config\n'))
    events.close()
  })

  it.each(['', 'encoded'])('streams flow, by the reference %s', async (encoded) => {
    const { house, nginx } = await inFrontOfDaemon()
    const ref = house.ref('mpeg2')
    const path = `/${encoded === '' ? ref : encodeURIComponent(ref)}`
    const stream = nginx.connect().request({ ':path': path })
    const pieces: Buffer[] = []
    stream.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => undefined)
    const bytes = () => Buffer.concat(pieces)
    await vi.waitFor(() => expect(bytes().length).toBeGreaterThan(400_000), { timeout: 20_000 })
    expect([0, 188, 188 * 2000].map((at) => bytes()[at])).toEqual([0x47, 0x47, 0x47])
    stream.close()
    await vi.waitFor(async () => expect(await house.metric('xg2g_stream_active_count')).toBe(0), {
      timeout: 10_000,
    }) // the tuner is given back
  })
})

describe('as the cache of HLS', () => {
  async function start(isPlain = false): Promise<{ origin: Origin; nginx: Nginx }> {
    const origin = await startOrigin()
    closers.push(() => origin.close())
    const nginx = await startNginx({ api: origin.port, streams: 9, isPlain })
    closers.push(() => nginx.close())
    return { origin, nginx }
  }

  it.each([
    ['part', '/hls/one/next.4.ts'],
    ['playlist', '/hls/one/main.m3u8?_HLS_msn=7&_HLS_part=2'],
  ])('asks once for a %s that 50 players wait for', async (_, path) => {
    const { origin, nginx } = await start()
    const sessions = Array.from({ length: 50 }, () => nginx.connect())
    // Of all browsers, with and without compression.
    const encodings = ['gzip, deflate, br', 'gzip', 'identity', 'br;q=1.0, gzip;q=0.8']
    const answers = sessions.map((session, at) =>
      askOn(session, path, { headers: { 'accept-encoding': encodings[at % encodings.length] ?? '' } }),
    )
    await vi.waitFor(() => expect(origin.held).toBe(1))
    await vi.waitFor(() => expect(sessions.every(({ connecting }) => !connecting)).toBe(true))
    origin.publish()
    const got = await Promise.all(answers)
    expect(got.map(({ status }) => status)).toEqual(new Array(50).fill(200))
    const plain = got.filter(({ headers }) => headers['content-encoding'] === undefined)
    expect(plain.filter(({ body }) => !body.includes(path))).toEqual([])
    expect(origin.asked).toEqual([path])
  })

  it('asks once although who asked first leaves', async () => {
    const { origin, nginx } = await start(true)
    const url = `${nginx.url}/hls/one/main.m3u8?_HLS_msn=7&_HLS_part=2`
    const first = new AbortController()
    const asking = fetch(url, { signal: first.signal })
    await vi.waitFor(() => expect(origin.held).toBe(1))
    first.abort()
    await expect(asking).rejects.toThrow('aborted')
    const second = fetch(url)
    origin.publish()
    expect((await second).headers.get('x-cache')).toBe('HIT')
    expect(origin.asked).toHaveLength(1)
  })

  it('keeps what is to be kept, and asks again for the rest', async () => {
    const { origin, nginx } = await start()
    const session = nginx.connect()
    const timesAsked = async (path: string) => {
      await askOn(session, path)
      await askOn(session, path)
      return origin.asked.filter((each) => each === path).length
    }
    expect(await timesAsked('/hls/one/12.ts')).toBe(1)
    expect(await timesAsked('/hls/one/main.m3u8')).toBe(1)
    expect(await timesAsked('/hls/one/main.m3u8?name=value')).toBe(2)
    expect(await timesAsked('/hls/one/main.m3u8?_HLS_skip=YES')).toBe(2)
    expect(await timesAsked('/hls/one/far.ts')).toBe(2)
  })

  it('lets nobody wait for another where nothing is kept', async () => {
    const { origin, nginx } = await start()
    const sessions = Array.from({ length: 50 }, () => nginx.connect())
    await Promise.all(sessions.map((session) => askOn(session, '/hls/one/main.m3u8?name=value')))
    expect(origin.asked).toHaveLength(50)
  })

  it('tells answers apart by what HLS asks for', async () => {
    const { origin, nginx } = await start()
    const session = nginx.connect()
    const bodies = new Map<string, string>()
    for (const query of ['_HLS_msn=7', '_HLS_msn=7&_HLS_part=1', '_HLS_msn=7&_HLS_skip=YES', '_HLS_msn=71']) {
      const answer = askOn(session, `/hls/one/main.m3u8?${query}`)
      await vi.waitFor(() => expect(origin.held).toBe(1))
      origin.publish()
      bodies.set(query, (await answer).body)
    }
    for (const [query, body] of bodies) expect(body).toBe(`#EXTM3U\n# /hls/one/main.m3u8?${query}\n`)
  })

  it('keeps nothing of who brings a token, and gives nothing kept to them', async () => {
    const { origin, nginx } = await start()
    const session = nginx.connect()
    const path = '/hls/one/12.ts'
    await askOn(session, `${path}?token=a-token`)
    await askOn(session, path, { headers: { authorization: 'Bearer a-token' } })
    await askOn(session, path, { headers: { 'x-api-token': 'a-token' } })
    expect(await askOn(session, path)).toMatchObject({ headers: { 'x-cache': 'MISS' } })
    expect(await askOn(session, path)).toMatchObject({ headers: { 'x-cache': 'HIT' } })
    expect(await askOn(session, `${path}?token=a-token`)).toMatchObject({ headers: { 'x-cache': 'BYPASS' } })
    expect(origin.asked).toHaveLength(5)
  })

  it('hands a compressed playlist on as it is, and opened to who cannot read it', async () => {
    const { origin, nginx } = await start()
    const answer = nginx.connect().request({ ':path': '/hls/one/list.m3u8', 'accept-encoding': 'gzip' })
    const pieces: Buffer[] = []
    for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece)
    expect(gunzipSync(Buffer.concat(pieces)).toString()).toBe('#EXTM3U\n# /hls/one/list.m3u8\n')
    const plain = await askOn(nginx.connect(), '/hls/one/list.m3u8')
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(plain.body).toBe('#EXTM3U\n# /hls/one/list.m3u8\n')
    expect(origin.asked).toHaveLength(1)
  })
})
