// From where the transcoder fetches: what the allow-list lets through, and all the ways around it.
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Sources } from '../../src/jobs/sources.ts'
import { passthroughEngine } from '../../src/stream/engine.ts'
import { Engines } from '../../src/stream/engines.ts'
import { Feeds } from '../../src/stream/feeds.ts'
import type { Place } from '../../src/stream/service.ts'
import { Spacing } from '../../src/stream/spacing.ts'
import { defaultProfile } from '../../src/workers/profile.ts'
import { ok, packets, StreamServer } from '../stream/packets.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

const wish = { channel: '', priority: 'normal', onRevoke: () => undefined } as const

// What the resolver of these tests knows.
const names: Readonly<Record<string, readonly string[]>> = {
  'box.lan': ['192.168.1.20'],
  'twin.lan': ['192.168.1.20', '192.168.1.21'],
  'six.lan': ['fd00::20', '192.168.1.20'],
  'public.example': ['203.0.113.9'],
  'looped.lan': ['127.0.0.1'],
  'half.lan': ['192.168.1.20', '127.0.0.1'],
  'mapped.lan': ['::ffff:127.0.0.1'],
  'nat64.lan': ['64:ff9b::7f00:1'],
  'linked.lan': ['fe80::1%eth0'],
  'cloud.lan': ['169.254.169.254'],
  'metadata.google.internal': ['169.254.169.254'],
  'listed.evil.com': ['192.168.1.20'],
  localhost: ['127.0.0.1', '::1'],
}

const asked: string[] = []
afterEach(() => void asked.splice(0))
async function lookup(name: string): Promise<readonly string[]> {
  asked.push(name)
  const addresses = names[name]
  if (addresses === undefined) throw new Error(`getaddrinfo ENOTFOUND ${name}`)
  return addresses
}

const place = async (allowed: readonly string[], source: string | undefined): Promise<Place> => {
  const sources = new Sources(allowed, { lookup })
  return (await sources.service(source).seek(wish)).place
}

const listed = ['box.lan', 'listed', '192.168.7.0/24', 'localhost', 'looped.lan', 'half.lan', 'mapped.lan']

describe('a source on the list', () => {
  it.each<[string, string[], Partial<Place>]>([
    ['http://box.lan/a', ['box.lan'], { host: '192.168.1.20', port: 80, hostHeader: 'box.lan', path: '/a' }],
    [
      'http://BOX.lan.:8001/a',
      ['box.lan'],
      { host: '192.168.1.20', port: 8001, hostHeader: 'box.lan.:8001' },
    ],
    ['HTTP://box.lan:8001', ['box.lan:8001'], { port: 8001, path: '/' }],
    ['http://box.lan', ['box.lan:80'], { port: 80 }],
    ['http://box.lan/?a=b&c=d#e', ['box.lan'], { path: '/?a=b&c=d' }],
    ['http://192.168.7.9:8001/1:0:19:', ['192.168.7.0/24'], { host: '192.168.7.9', path: '/1:0:19:' }],
    ['http://3232237321/', ['192.168.7.9'], { host: '192.168.7.9', hostHeader: '192.168.7.9' }],
    ['http://[fd00::5]:8001/', ['[fd00::5]:8001'], { host: 'fd00::5', hostHeader: '[fd00::5]:8001' }],
    ['http://box.lan/', ['192.168.1.0/24'], { host: '192.168.1.20' }],
    ['http://six.lan/', ['six.lan'], { host: 'fd00::20' }],
    ['http://127.0.0.1:8001/', ['127.0.0.1'], { host: '127.0.0.1' }],
    ['http://localhost/', ['localhost', '127.0.0.1', '::1'], { host: '127.0.0.1' }],
    ['http://looped.lan/', ['127.0.0.0/8'], { host: '127.0.0.1' }],
    ['http://[::ffff:127.0.0.1]/', ['127.0.0.1'], { host: '::ffff:7f00:1' }],
    ['http://evil.com@box.lan/', ['box.lan'], { host: '192.168.1.20', hostHeader: 'box.lan' }],
  ])('is where %s leads, with %j', async (source, allowed, expected) => {
    expect(await place(allowed, source)).toMatchObject(expected)
  })

  it('gets user and password, which nobody else sees', async () => {
    const service = new Sources(['box.lan'], { lookup }).service(
      'http://root:p%40ss%zz@box.lan:8001/a?token=t',
    )
    const { place } = await service.seek(wish)
    expect(place.authorization).toBe(`Basic ${Buffer.from('root:p%40ss%zz').toString('base64')}`)
    expect(place.hostHeader).toBe('box.lan:8001')
    expect(service.name).toBe('box.lan:8001/a')
  })

  it('is connected to at the address that was looked at', async () => {
    const answers = [['192.168.1.20'], ['127.0.0.1']]
    const rebinding = async () => answers.shift() ?? []
    const sources = new Sources(['box.lan'], { lookup: rebinding })
    expect((await sources.service('http://box.lan/').seek(wish)).place.host).toBe('192.168.1.20')
    await expect(sources.service('http://box.lan/').seek(wish)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('a source that is not allowed', () => {
  it.each([
    // not listed, in many clothes
    'http://evil.com/',
    'http://listed.evil.com/',
    'http://evil-listed/',
    'http://evillisted/',
    'http://listed.com/',
    'http://box.lan.evil.com/',
    'http://xbox.lan/',
    'http://box.lan../',
    'http://box.lan@evil.com/',
    'http://box.lan:80@evil.com/',
    'http://box.lan%2f@evil.com/',
    'http://box.lan%23@evil.com/',
    'http://evil.com\\@box.lan/',
    'http://evil.com?@box.lan/',
    'http://evil.com#@box.lan/',
    'http:evil.com',
    'http:\\\\evil.com\\',
    'http:///evil.com',
    'http://box.lan\t.evil.com/',
    'http://192.168.8.1/',
    'http://192.168.6.255/',
    'http://[fd00::5]/',
    'http://[::ffff:10.0.0.1]/',
    // this machine
    'http://127.0.0.1/',
    'http://127.0.0.1./',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://017700000001/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.01/',
    'http://127.1/',
    'http://127.0.1/',
    'http://127.8.9.10/',
    'http://\u2460\u2461\u2466.0.0.1/',
    'http://\uff11\uff12\uff17.0.0.1/',
    'http://127\u30020\u30020\u30021/',
    'http://%31%32%37.0.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://\u24dbocalhost/',
    'http://user:password@localhost/',
    // its link, its cloud, everybody
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://[::ffff:169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[2002:a9fe:a9fe::]/',
    'http://[fd00:ec2::254]/',
    'http://100.100.100.200/',
    'http://metadata.google.internal/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    // names that lead there
    'http://looped.lan/',
    'http://half.lan/',
    'http://mapped.lan/',
    // other ways to fetch
    'https://box.lan/',
    'ftp://box.lan/',
    'file:///etc/passwd',
    'gopher://box.lan:6379/_INFO',
    'unix:/run/docker.sock',
    'data:video/mp2t,G',
    'javascript:alert(1)',
    `${'x'.repeat(200)}:box.lan`,
  ])('%s is refused', async (source) => {
    const error = await place(listed, source).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'FORBIDDEN', status: 403 })
    expect((error as Error).message.length).toBeLessThan(250)
    expect((error as Error).message).not.toMatch(/password|127\.0\.0\.1\b(?!")/)
  })

  it.each(['nat64.lan', 'linked.lan', 'cloud.lan', 'mapped.lan', 'half.lan'])(
    'though %s itself is listed, its address is not',
    async (name) => {
      await expect(place([name], `http://${name}/`)).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: 'The source is at an address that has to be in XG2G_TRANSCODER_SOURCES itself',
      })
    },
  )

  it.each([
    ['http://box.lan/', 'box.lan:8001'],
    ['http://box.lan:8002/', 'box.lan:8001'],
    ['http://192.168.1.20/', '192.168.1.20:8001'],
    ['http://box.lan:22/', '192.168.1.0/24:8001'],
  ])('%s is another port than %s', async (source, allowed) => {
    await expect(place([allowed], source)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('is one of which a single address is not in the network', async () => {
    await expect(place(['192.168.1.20'], 'http://twin.lan/')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(await place(['192.168.1.20/31'], 'http://twin.lan/')).toMatchObject({ host: '192.168.1.20' })
  })

  it('is told of the setting where nothing is listed', async () => {
    await expect(place([], 'http://box.lan/')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('XG2G_TRANSCODER_SOURCES') as string,
    })
  })

  it('is asked of nobody where its name cannot be allowed', async () => {
    await expect(place(['box.lan', '10.0.0.0/8:8001'], 'http://secret.evil.com/')).rejects.toThrow('evil.com')
    expect(asked).toEqual([])
  })

  it('is not told whether its name exists', async () => {
    const message = async (source: string) => {
      const error = await place(['10.0.0.0/8'], source).catch((thrown: unknown) => thrown as Error)
      return (error as Error).message.replace(/"[^"]*"/, '')
    }
    expect(await message('http://public.example/')).toBe(await message('http://no.example/'))
    expect(asked).toEqual(['public.example', 'no.example'])
  })
})

describe('what is no source', () => {
  it.each([
    undefined,
    '',
    'box.lan/a',
    '/etc/passwd',
    'http://',
    'http://a b/',
    'http://[::1',
    'http://1.2.3.4.5:8001/',
  ])('is %j', async (source) => {
    await expect(place(listed, source)).rejects.toMatchObject({ code: 'BAD_REQUEST', status: 400 })
  })

  it('is never repeated: it may hold a password', async () => {
    await expect(place(listed, 'http://root:geheim@bo x.lan/')).rejects.not.toThrow('geheim')
  })
})

describe('a name that is listed', () => {
  it('and has no address is told so', async () => {
    await expect(place(['no.lan'], 'http://no.lan/')).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' })
  })

  it('and gets no answer is not waited for longer than lookupMs', async () => {
    vi.useFakeTimers()
    const sources = new Sources(['slow.lan'], { lookup: () => new Promise(() => undefined), lookupMs: 2000 })
    const refused = expect(sources.service('http://slow.lan/').seek(wish)).rejects.toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
    })
    await vi.advanceTimersByTimeAsync(2000)
    await refused
  })

  it('is not looked up while too many others are', async () => {
    const answers: ((addresses: string[]) => void)[] = []
    const lookup = () => new Promise<string[]>((resolve) => answers.push(resolve))
    const sources = new Sources(['slow.lan'], { lookup })
    const seek = () => sources.service('http://slow.lan/').seek(wish)
    const waiting = Array.from({ length: 64 }, seek)
    await expect(seek()).rejects.toMatchObject({ code: 'LIMIT_REACHED', status: 503 })
    for (const answer of answers) answer(['192.168.1.20'])
    await Promise.all(waiting)
    const next = seek()
    answers.at(-1)?.(['192.168.1.20'])
    expect((await next).place.host).toBe('192.168.1.20')
  })

  it('is resolved by the system unless told otherwise', async () => {
    const { place } = await new Sources(['localhost', '127.0.0.0/8', '::1'])
      .service('http://localhost/')
      .seek(wish)
    expect(['127.0.0.1', '::1']).toContain(place.host)
  })
})

// The feeds of a transcoder, and what a client of them gets.
async function follow(
  serve: (socket: Socket, request: string) => void,
  allowed?: (port: number) => string[],
) {
  const server = await StreamServer.start(serve)
  const feeds = new Feeds({
    engines: new Engines([passthroughEngine()]),
    spacing: new Spacing({ longestWaitMs: 0 }),
    limits: { lingerMs: 0 },
  })
  closers.push(
    () => server.close(),
    () => feeds.abort(),
  )
  const sources = new Sources(allowed?.(server.port) ?? [`127.0.0.1:${server.port}`], { lookup })
  const watch = async (path: string) => {
    const service = sources.service(`http://root:geheim@127.0.0.1:${server.port}${path}`)
    const seat = await feeds.join(service, defaultProfile)
    await seat.rendition.ready
    return Buffer.from(seat.cursor.next()?.bytes ?? [])
  }
  const paths = () => server.requests.map((request) => request.split(' ')[1])
  return { server, watch, paths }
}

const moved = (location: string, status = 302) =>
  `HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`

describe('a source that leads on', () => {
  it.each([301, 302, 303, 307, 308])(
    'with %i is followed, with user and password on the same host',
    async (status) => {
      const { server, watch, paths } = await follow((socket, request) =>
        request.startsWith('GET /old ')
          ? socket.end(moved('/new?a', status))
          : socket.write(Buffer.concat([Buffer.from(ok), packets(20)])),
      )
      expect((await watch('/old')).equals(packets(20))).toBe(true)
      expect(paths()).toEqual(['/old', '/new?a'])
      expect(server.requests[1]).toContain('\r\nAuthorization: Basic ')
    },
  )

  it('elsewhere does not take the password along', async () => {
    const { server, watch } = await follow((socket, request) =>
      request.startsWith('GET /old ')
        ? socket.end(moved(`http://127.0.0.1:${server.port}/new`))
        : socket.write(Buffer.concat([Buffer.from(ok), packets(20)])),
    )
    await watch('/old')
    expect(server.requests[1]).not.toContain('Authorization')
  })

  it('three times is followed, and not a fourth time', async () => {
    const { watch, paths } = await follow((socket, request) => {
      const [, step = '0', last = ''] = /GET \/(\d)of(\d)/.exec(request) ?? []
      if (step === last) socket.write(Buffer.concat([Buffer.from(ok), packets(20)]))
      else socket.end(moved(`/${Number(step) + 1}of${last}`))
    })
    expect((await watch('/0of3')).length).toBeGreaterThan(0)
    expect(paths()).toEqual(['/0of3', '/1of3', '/2of3', '/3of3'])
    await expect(watch('/0of4')).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED', status: 502 })
    expect(paths()).toHaveLength(8)
  })

  it.each([
    ['loopback', () => 'http://127.0.0.2/'],
    ['loopback in decimal', () => 'http://2130706434/'],
    ['loopback in IPv6', (port: number) => `http://[::1]:${port}/`],
    ['the cloud', () => 'http://169.254.169.254/latest/'],
    ['another port', (port: number) => `http://127.0.0.1:${port - 1}/`],
    ['another scheme', (port: number) => `https://127.0.0.1:${port}/`],
    ['a file', () => 'file:///etc/passwd'],
    ['another host', () => 'http://evil.com/'],
    ['a name that no network has', () => 'http://public.example/'],
    ['another host, in short', () => '//evil.com/'],
    ['a name that leads to loopback', () => 'http://looped.lan/'],
  ])('to %s is refused, and nothing told of it', async (_, location) => {
    const { server, watch, paths } = await follow(
      (socket) => socket.end(moved(location(server.port))),
      (port) => [`127.0.0.1:${port}`, 'looped.lan', '10.0.0.0/8:80'],
    )
    const error = await watch('/old').catch((thrown: unknown) => thrown as Error)
    expect(error).toMatchObject({ code: 'FORBIDDEN', status: 403 })
    expect((error as Error).message).not.toMatch(/evil|public|looped|latest|127|passwd|https/)
    expect(paths()).toEqual(['/old'])
  })

  it('to what is no URL is refused', async () => {
    const { watch } = await follow((socket) => socket.end(moved('http://[')))
    await expect(watch('/old')).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' })
  })
})
