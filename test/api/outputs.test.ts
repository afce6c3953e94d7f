// What players fetch.
import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { behindProxy, channels, FakeGuide, from, startFake, type Fake } from './fake.ts'

let fake: Fake
beforeEach(async () => void (fake = await startFake(behindProxy)))
afterEach(() => fake.close())

// fetch() would undo the compression, and ask for a fresh answer where it has one.
function raw(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      request({ host: '127.0.0.1', port: fake.port, path, headers }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces),
          }),
        )
      })
        .on('error', reject)
        .end()
    },
  )
}

describe.each(['/playlist.m3u', '/files/playlist.m3u'])('GET %s', (path) => {
  it('is a playlist with addresses by the name that the client used', async () => {
    const response = await fake.ask(path)
    expect(response.headers.get('content-type')).toBe('audio/x-mpegurl; charset=utf-8')
    const text = await response.text()
    expect(text).toContain(`http://127.0.0.1:${fake.port}/xmltv.xml`)
    expect(text).toContain('http://127.0.0.1:8001/1:0:19:')
  })

  it('is right behind a reverse proxy', async () => {
    const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'tv.example.org' }
    await fake.ask(path, from('192.168.1.9', headers))
    expect(fake.guide.asked.at(-1)).toMatchObject({
      baseUrl: 'https://tv.example.org',
      streamBaseUrl: 'http://tv.example.org:8001',
    })
  })

  it('is not sent again to who has it', async () => {
    const etag = (await fake.ask(path)).headers.get('etag') ?? ''
    expect((await raw(path, { 'If-None-Match': etag })).status).toBe(304)
    expect((await raw(`${path}?group=HD`, { 'If-None-Match': etag })).status).toBe(200)
  })

  it('has variants', async () => {
    await fake.ask(`${path}?group=HD&radio=false&audio=copy`)
    expect(fake.guide.asked.at(-1)).toMatchObject({
      variant: { group: 'HD', isRadio: false, audio: 'copy' },
    })
    expect((await fake.ask(`${path}?audio=opus`)).status).toBe(400)
  })

  it('has addresses of HLS where asked for them, unless there is none', async () => {
    await fake.ask(`${path}?type=hls&token=some-token`)
    expect(fake.guide.asked.at(-1)).toMatchObject({ token: 'some-token', variant: { format: 'hls' } })
    expect((await fake.ask(`${path}?type=dash`)).status).toBe(400)
    const without = await startFake(behindProxy, { hasHls: false })
    const refused = await without.ask(`${path}?type=hls`)
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining('HLS is switched off'),
    ])
    expect((await without.ask(`${path}?type=ts`)).status).toBe(200)
    await without.close()
  })

  it('answers HEAD', async () => {
    const response = await fake.ask(path, { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(response.headers.get('content-type')).toContain('mpegurl')
  })

  it('is 503 while there is no lineup, never an empty one', async () => {
    fake.guide.missing = ['lineup']
    const response = await fake.ask(path)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
  })
})

describe('configured addresses', () => {
  it('win over what a request says', async () => {
    const guide = new FakeGuide()
    const settings = {
      XG2G_PUBLIC_URL: 'https://tv.example.org/xg2g/',
      XG2G_PROXY_BASE_URL: 'https://streams.example.org',
    }
    const other = await startFake(settings, { guide })
    await other.ask('/playlist.m3u')
    await other.close()
    expect(guide.asked).toMatchObject([
      {
        baseUrl: 'https://tv.example.org/xg2g',
        streamBaseUrl: 'https://streams.example.org',
        xmltvUrl: 'https://tv.example.org/xg2g/xmltv.xml',
      },
    ])
  })
})

describe('GET /xmltv.xml', () => {
  it('is compressed for who can read it, plain for others', async () => {
    const packed = await raw('/xmltv.xml', { 'Accept-Encoding': 'gzip, br' })
    const plain = await raw('/xmltv.xml')
    expect(packed.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/xml; charset=utf-8',
      etag: '"one-gz"',
      vary: expect.stringContaining('Accept-Encoding') as string,
    })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(plain.headers.etag).toBe('"one"')
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true)
  })

  it('is not sent again to who has it', async () => {
    expect((await raw('/xmltv.xml', { 'If-None-Match': '"one"' })).status).toBe(304)
    const since = 'Fri, 01 Jan 2100 00:00:00 GMT'
    expect((await raw('/xmltv.xml', { 'If-Modified-Since': since })).status).toBe(304)
    expect((await raw('/xmltv.xml', { 'If-None-Match': '"two"' })).status).toBe(200)
  })

  it('answers HEAD without opening the document', async () => {
    const response = await fake.ask('/xmltv.xml', { method: 'HEAD' })
    expect([response.status, response.headers.get('etag')]).toEqual([200, '"one-gz"'])
  })

  it('is 503 with Retry-After until the first is built', async () => {
    fake.guide.hasXmltv = false
    const { status, headers } = await raw('/xmltv.xml')
    expect([status, headers['retry-after'], headers.etag]).toEqual([503, '10', undefined])
  })
})

describe('GET /xmltv.xml.gz', () => {
  it('is a gzip file, not a compressed answer', async () => {
    const { headers, body } = await raw('/xmltv.xml.gz')
    expect([headers['content-type'], headers['content-encoding']]).toEqual(['application/gzip', undefined])
    expect(gunzipSync(body).toString()).toContain('<tv>')
  })
})

describe('GET /picons/:id.png', () => {
  it('is the logo, and says how long it keeps', async () => {
    const response = await fake.ask(`/picons/${channels[0]!.id}.png`)
    expect(response.headers.get('content-type')).toBe('image/png')
    expect(response.headers.get('cache-control')).toBe('public, max-age=86400')
    expect((await response.arrayBuffer()).byteLength).toBe(8)
    const again = await raw(`/picons/${channels[0]!.id}.png`, { 'If-None-Match': '"logo"' })
    expect(again.status).toBe(304)
  })

  it.each([
    `/picons/${channels[1]!.id}.png`,
    '/picons/nothing.png',
    '/picons/..%2f..%2fetc%2fpasswd.png',
    '/picons/../../../../etc/passwd',
    '/picons/%2e%2e/%2e%2e/etc/passwd.png',
    '/picons/%00.png',
  ])('is 404 for %s', async (path) => {
    const { status, body } = await raw(path)
    expect([status, body.toString()]).toEqual([404, expect.stringContaining('NOT_FOUND') as string])
  })
})
