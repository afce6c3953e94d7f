// The page as the API port sends it: headers, caches, addresses; and what its parts may not do.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageRoutes } from '../../src/web/routes.ts'
import { loadSite, type Site } from '../../src/web/site.ts'
import { startFake, type Fake } from '../api/fake.ts'

let fake: Fake
let site: Site
beforeAll(async () => {
  site = await loadSite()
  const settings = { XG2G_API_READ_TOKEN: 'readtoken', XG2G_API_TOKEN: 'admintoken' }
  fake = await startFake(settings, { further: pageRoutes(() => Promise.resolve(site)) })
})
afterAll(() => fake.close())

const directives = (policy: string | null) =>
  new Map((policy ?? '').split('; ').map((directive) => [directive.split(' ')[0] ?? '', directive] as const))

describe('GET /', () => {
  it('is the document, for everyone, also where reading needs a token', async () => {
    const response = await fake.ask('/')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await response.text()).toMatch(/^<!doctype html>/)
    expect((await fake.ask('/api/v1/channels')).status).toBe(401)
  })

  it('lets nothing from elsewhere in, and nothing inline but the import map', async () => {
    const response = await fake.ask('/')
    const policy = directives(response.headers.get('content-security-policy'))
    const [, map = ''] = /<script type="importmap">(.*?)<\/script>/s.exec(await response.text()) ?? []
    const hash = createHash('sha256').update(map).digest('base64')
    expect(policy.get('default-src')).toBe("default-src 'none'")
    expect(policy.get('script-src')).toBe(`script-src 'self' 'sha256-${hash}'`)
    expect(policy.get('style-src')).toBe("style-src 'self'")
    expect(policy.get('frame-ancestors')).toBe("frame-ancestors 'none'")
    expect([...policy.values()].join()).not.toMatch(/unsafe|https?:|\*/)
    expect(response.headers.get('permissions-policy')).toContain('camera=()')
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('is asked for again each time, and costs nothing where it is the same', async () => {
    const first = await fake.ask('/')
    expect(first.headers.get('cache-control')).toBe('no-cache')
    const etag = first.headers.get('etag') ?? ''
    const asBrowsers = { 'If-None-Match': etag, 'Cache-Control': 'max-age=0' }
    const second = await fake.ask('/', { headers: asBrowsers })
    expect([second.status, await second.text()]).toEqual([304, ''])
  })

  it('answers HEAD without a body', async () => {
    const response = await fake.ask('/', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
  })

  it('names only files that are there', async () => {
    const text = await (await fake.ask('/')).text()
    const named = [
      ...text.matchAll(/(?:href|src)="(page\/[^"]+)"/g),
      ...text.matchAll(/"\.\/(page\/[^"]+)"/g),
    ]
    expect(named.length).toBeGreaterThan(20)
    for (const [, path = ''] of named) {
      expect([path, (await fake.ask(`/${path}`, { method: 'HEAD' })).status]).toEqual([path, 200])
    }
  })
})

describe('GET /page/:version/...', () => {
  const at = (path: string) => `/page/${site.version}/${path}`

  it('may be kept for ever', async () => {
    const response = await fake.ask(at('style/base.css'))
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(response.headers.get('etag')).not.toBeNull()
  })

  it('sends modules that are JavaScript, without a type left', async () => {
    const name = [...site.files.keys()].find((file) => file.startsWith('main.')) ?? ''
    const response = await fake.ask(at(name))
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    const text = await response.text()
    expect(text).toContain('new Client(askToken)')
    expect(text).not.toContain('import type')
  })

  it('is compressed where the client can, else as it is', async () => {
    const plain = await fake.ask(at('lib/hls.min.js'), { headers: { 'Accept-Encoding': 'identity' } })
    const packed = await fake.ask(at('lib/hls.min.js'), { headers: { 'Accept-Encoding': 'gzip' } })
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(plain.headers.get('etag')).not.toBe(packed.headers.get('etag'))
    expect(plain.headers.get('vary')).toContain('Accept-Encoding')
    const text = await plain.text()
    expect(await packed.text()).toBe(text)
    expect(text).toBe(gunzipSync(site.files.get('lib/hls.min.js')?.gzip ?? '').toString())
  })

  it.each(['/page/another/main.ts', '/page/another/style/base.css'])('knows nothing at %s', async (path) => {
    expect((await fake.ask(path)).status).toBe(404)
  })

  it.each(['nothing.ts', '..%2fsite.ts', 'style/%2e%2e%2fmain.ts'])('has no file %s', async (path) => {
    expect((await fake.ask(at(path))).status).toBe(404)
  })

  it('takes no POST', async () => {
    expect((await fake.ask(at('style/base.css'), { method: 'POST' })).status).toBe(405)
  })
})

describe('the page', () => {
  it('loads again after it could not be read', async () => {
    let tries = 0
    const load = () => (++tries === 1 ? Promise.reject(new Error('no')) : Promise.resolve(site))
    const other = await startFake({}, { further: pageRoutes(load) })
    try {
      expect((await other.ask('/')).status).toBe(500)
      expect((await other.ask('/')).status).toBe(200)
    } finally {
      await other.close()
    }
  })

  it('takes nothing but types from other rooms', () => {
    const statements = globSync('src/web/page/**/*.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^(import|export)\b[^'"]*?from '([^']+)'/gms)].map(
        ([statement, , from = '']) => ({ file, statement, from }),
      ),
    )
    const foreign = statements.filter(({ from }) =>
      /^(?:node:|zod|(?:\.\.\/)+(?:api|base\/\w+\/))/.test(from),
    )
    expect(statements.length).toBeGreaterThan(60)
    expect(foreign.length).toBeGreaterThan(0)
    expect(foreign.filter(({ statement }) => !statement.startsWith('import type '))).toEqual([])
  })

  it('is the same when it has been built', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xg2g-built-'))
    try {
      const project = ['--project', 'src/web/page/tsconfig.build.json', '--outDir', folder]
      execFileSync('tsc', project, { stdio: 'pipe' })
      const made = globSync('web/page/**/*.js', { cwd: folder }).map((name) =>
        name.slice('web/page/'.length, -3),
      )
      const sent = [...site.files.keys()]
        .filter((name) => name.endsWith('.ts'))
        .map((name) => name.slice(0, -3))
      expect(made.sort()).toEqual(sent.sort())
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
