// The house rules that a compiler does not know: imports go one way, the addon's borders hold.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

// What each room may import besides itself. A new room needs a line here.
const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  demo: ['base'],
  receiver: ['base'],
  guide: ['receiver', 'base'],
  workers: ['base'],
  stream: ['workers', 'receiver', 'base'],
  jobs: ['stream', 'workers', 'base'],
  hls: ['stream', 'guide', 'workers', 'receiver', 'base'],
  hdhomerun: ['stream', 'guide', 'workers', 'receiver', 'base'],
  api: ['stream', 'guide', 'workers', 'receiver', 'base'],
  web: ['api', 'base'],
  cli: ['guide', 'receiver', 'workers', 'base'],
}

// Single files beside the rooms.
const everyRoom = Object.keys(rooms)
const files: Readonly<Record<string, readonly string[]>> = {
  'plant.ts': ['stream', 'workers', 'base'],
  'tools.ts': everyRoom,
  'sources.ts': ['tools.ts', 'plant.ts', ...everyRoom],
  'ports.ts': ['tools.ts', 'plant.ts', ...everyRoom],
  'lineup.ts': ['tools.ts', ...everyRoom],
  'daemon.ts': ['tools.ts', 'plant.ts', 'sources.ts', 'ports.ts', 'lineup.ts', ...everyRoom],
  'transcoder.ts': ['plant.ts', 'jobs', 'api', 'stream', 'workers', 'base'],
  'remux.ts': ['cli', 'workers', 'base'],
  'main.ts': ['daemon.ts', 'transcoder.ts', 'remux.ts', ...everyRoom],
}

interface Import {
  readonly file: string
  readonly specifier: string
}

const sources = globSync('src/**/*.ts').sort()
const imports = sources.flatMap(importsOf)

describe('src', () => {
  it('has sources to look at', () => {
    expect(sources.length).toBeGreaterThan(5)
    expect(imports.some(({ specifier }) => specifier.startsWith('.'))).toBe(true)
  })

  it('imports in one direction only', () => {
    expect(relativeImports().filter(({ from, to }) => from !== to && !mayImport(from, to))).toEqual([])
  })

  it('has only rooms that this test knows', () => {
    const unknown = sources.map(roomOf).filter((room) => !(room in rooms) && !(room in files))
    expect([...new Set(unknown)]).toEqual([])
  })

  it('names the extension in every relative import', () => {
    expect(
      imports.filter(({ specifier }) => /^\.\.?\//.test(specifier) && !/\.(ts|json)$/.test(specifier)),
    ).toEqual([])
  })

  it('names built-in modules with node:', () => {
    const builtin =
      /^(fs|path|os|net|http|https|url|util|stream|events|buffer|crypto|zlib|dgram|child_process|worker_threads)(\/|$)/
    expect(imports.filter(({ specifier }) => builtin.test(specifier))).toEqual([])
  })

  it('has no drawer for everything', () => {
    const drawers = /(^|\/)(utils?|common|helpers?|types|misc|index)\.ts$/
    expect(sources.filter((file) => drawers.test(file))).toEqual([])
  })
})

describe('addon', () => {
  const native = globSync(['addon/**/*.cc', 'addon/**/*.h']).sort()
  const includes = native.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map((match) => ({
      file,
      header: match[1] ?? '',
    })),
  )

  it('has sources to look at', () => {
    expect(native.length).toBeGreaterThan(5)
  })

  it('sees N-API in its own folder only', () => {
    const napi = includes.filter(({ header }) => /^(napi|node_api|node|uv|v8)\b.*\.h$/.test(header))
    expect(napi.filter(({ file }) => !file.startsWith('addon/node/'))).toEqual([])
  })

  it('sees libav in audio and video only', () => {
    const libav = includes.filter(({ header }) => /^lib(av|sw)\w+\//.test(header))
    expect(libav.filter(({ file }) => !/^addon\/(audio|video)\//.test(file))).toEqual([])
  })
})

function importsOf(file: string): Import[] {
  const statements =
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  return [...readFileSync(file, 'utf8').matchAll(statements)].map((match) => ({
    file,
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
  }))
}

function relativeImports() {
  return imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ file, specifier }) => ({
      file,
      specifier,
      from: roomOf(file),
      to: roomOf(normalize(join(dirname(file), specifier))),
    }))
}

/** `src/stream/feed.ts` -> `stream`, `src/main.ts` -> `main.ts`. */
function roomOf(file: string): string {
  return file.split('/')[1] ?? file
}

function mayImport(from: string, to: string): boolean {
  return (files[from] ?? rooms[from] ?? []).includes(to)
}
