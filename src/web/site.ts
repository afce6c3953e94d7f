// The page as it is sent: its files and the two libraries that it uses, compressed once, in memory. Modules keep
// their names, .ts where the daemon runs the sources, .js where it was built.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { AppError } from '../base/errors.ts'

/** One file, ready to be sent. */
export interface Asset {
  readonly type: string
  readonly gzip: Buffer
  /** Quoted, of the file as it is. */
  readonly etag: string
}

export interface Site {
  /** Changes with every byte of any file; part of each address but the document's. */
  readonly version: string
  readonly document: Asset
  /** The document's Content-Security-Policy. */
  readonly policy: string
  /** By path below the version. */
  readonly files: ReadonlyMap<string, Asset>
}

const folder = fileURLToPath(new URL('./page/', import.meta.url))
const longestStripMs = 20_000
const mostStrippedBytes = 8 * 1024 * 1024

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
}

// Of the packages: what the page imports by name, and what comes along.
const libraries: Readonly<Record<string, string>> = {
  'hls.js': 'hls.js/dist/hls.min.mjs',
  uplot: 'uplot/dist/uPlot.esm.js',
}
const companions = ['hls.js/dist/hls.worker.js', 'uplot/dist/uPlot.min.css']

/** Reads all of the page.
 *  @throws INTERNAL naming what could not be read */
export async function loadSite(): Promise<Site> {
  try {
    const own = await readPage()
    const foreign = await readPackages()
    const sources = new Map([...own, ...foreign])
    const version = digest([...sources].flatMap(([name, text]) => [name, text])).slice(0, 12)
    const document = fill(sources.get('page.html') ?? '', version, own)
    sources.delete('page.html')
    const entries = [...sources].map(async ([name, text]) => [name, await assetOf(name, text)] as const)
    return {
      version,
      document: await assetOf('page.html', document),
      policy: policyFor(document),
      files: new Map(await Promise.all(entries)),
    }
  } catch (cause) {
    throw new AppError('INTERNAL', { cause, reason: `The page cannot be read: ${String(cause)}` })
  }
}

async function readPage(): Promise<Map<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => extname(name) in types)
  const typed = names.filter((name) => name.endsWith('.ts'))
  const stripped = typed.length === 0 ? new Map<string, string>() : await strip(typed)
  const texts = names
    .sort()
    .map(async (name) => [name, stripped.get(name) ?? (await readFile(join(folder, name), 'utf8'))] as const)
  return new Map(await Promise.all(texts))
}

async function strip(names: readonly string[]): Promise<Map<string, string>> {
  const program = fileURLToPath(new URL('./strip.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, ...names],
    { cwd: folder, timeout: longestStripMs, maxBuffer: mostStrippedBytes },
  )
  return new Map(Object.entries(JSON.parse(stdout) as Record<string, string>))
}

async function readPackages(): Promise<Map<string, string>> {
  const files = [...Object.values(libraries), ...companions].map(async (specifier) => {
    const text = await readFile(fileURLToPath(import.meta.resolve(specifier)), 'utf8')
    return [placeOf(specifier), text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')] as const
  })
  return new Map(await Promise.all(files))
}

// `hls.js/dist/hls.min.mjs` lies at `lib/hls.min.js`.
function placeOf(specifier: string): string {
  return `lib/${specifier.slice(specifier.lastIndexOf('/') + 1).replace(/\.mjs$/, '.js')}`
}

// The document names every module, so that the browser does not find one after the other.
function fill(template: string, version: string, own: ReadonlyMap<string, string>): string {
  const base = `page/${version}`
  const names = [...own.keys()]
  const modules = names.filter((name) => /\.[tj]s$/.test(name) && hasCode(own.get(name) ?? ''))
  const main = modules.find((name) => name.startsWith('main.')) ?? 'main.ts'
  const imports = Object.entries(libraries).map(([name, file]) => [name, `./${base}/${placeOf(file)}`])
  const values: Record<string, string> = {
    base,
    main: `${base}/${main}`,
    imports: JSON.stringify({ imports: Object.fromEntries(imports) as object }),
    modules: modules.map((name) => `<link rel="modulepreload" href="${base}/${name}" />`).join('\n    '),
    styles: names
      .filter((name) => name.endsWith('.css'))
      .map((name) => `<link rel="stylesheet" href="${base}/${name}" />`)
      .join('\n    '),
  }
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '')
}

// Types alone leave nothing behind.
function hasCode(module: string): boolean {
  return (
    module
      .replace(/^\/\/.*$/gm, '')
      .replace('export {};', '')
      .trim() !== ''
  )
}

// Nothing from elsewhere, nothing inline but the import map, which is named by its hash.
function policyFor(document: string): string {
  const inline = [...document.matchAll(/<script type="importmap">([^]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  )
  return [
    "default-src 'none'",
    `script-src 'self' ${inline.join(' ')}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

async function assetOf(name: string, text: string): Promise<Asset> {
  const compressed = await promisify(gzip)(text, { level: 9 })
  return {
    type: types[extname(name)] ?? 'application/octet-stream',
    gzip: compressed,
    etag: `"${digest([text]).slice(0, 27)}"`,
  }
}

function digest(texts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(text).update('\0')
  return hash.digest('base64url')
}
