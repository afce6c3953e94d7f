// Channel logos: from a folder of the user's, else from the receiver; kept on disk, also the knowledge
// that there is none. What comes is a picture by its content, not by its name.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenWebIf } from '../receiver/client.ts'
import type { Picon } from './guide.ts'
import type { LineupChannel } from './lineup.ts'

export interface PiconOptions {
  client: Pick<OpenWebIf, 'file'>
  /** Where what came from the receiver is kept. */
  cache: string
  /** The user's own pictures, named as the receiver names them. */
  folder?: string | undefined
}

const freshMs = 7 * 86_400_000
const absentMs = 86_400_000 // until a missing picon is asked for again
const mostBytes = 2 ** 20 // of one picture
const mostFiles = 5000
const mostCacheBytes = 64 * 2 ** 20
const writesPerPrune = 64

export class Picons {
  readonly #options: PiconOptions
  readonly #underWay = new Map<string, Promise<Picon | undefined>>()
  #writes = 0

  constructor(options: PiconOptions) {
    this.#options = options
  }

  /** @throws what the receiver's client throws, when only the receiver could know */
  get(channel: LineupChannel): Promise<Picon | undefined> {
    const running = this.#underWay.get(channel.id)
    if (running !== undefined) return running
    const found = this.#find(channel).finally(() => this.#underWay.delete(channel.id))
    this.#underWay.set(channel.id, found)
    return found
  }

  async #find(channel: LineupChannel): Promise<Picon | undefined> {
    const own = await this.#fromFolder(channel)
    if (own !== undefined) return own
    const kept = await this.#fromCache(channel.id)
    if (kept !== undefined) return kept.picon
    const bytes = await this.#fromReceiver(channel)
    const picon = bytes && piconOf(bytes)
    await this.#keep(channel.id, picon === undefined ? Buffer.alloc(0) : picon.bytes)
    return picon
  }

  async #fromFolder(channel: LineupChannel): Promise<Picon | undefined> {
    const { folder } = this.#options
    if (folder === undefined) return undefined
    for (const name of piconNames(channel)) {
      for (const ending of ['png', 'svg', 'jpg']) {
        const bytes = await read(join(folder, `${name}.${ending}`))
        const picon = bytes && piconOf(bytes)
        if (picon !== undefined) return picon
      }
    }
    return undefined
  }

  /** An empty file says that there is no picon. */
  async #fromCache(id: string): Promise<{ picon: Picon | undefined } | undefined> {
    const path = join(this.#options.cache, id)
    const bytes = await read(path)
    if (bytes === undefined) return undefined
    const ageMs = Date.now() - (await stat(path)).mtimeMs
    if (ageMs > (bytes.length === 0 ? absentMs : freshMs)) return undefined
    return { picon: piconOf(bytes) }
  }

  // A receiver that named its picon has looked already; one that did not is asked in its own order.
  async #fromReceiver(channel: LineupChannel): Promise<Buffer | undefined> {
    const { piconPath } = channel
    if (piconPath === '') return undefined
    const paths =
      piconPath === undefined
        ? piconNames(channel).map((name) => `picon/${encodeURIComponent(name)}.png`)
        : [piconPath]
    for (const path of paths) {
      const file = await this.#options.client.file(path)
      if (file !== undefined && piconOf(file.bytes) !== undefined) return file.bytes
    }
    return undefined
  }

  async #keep(id: string, bytes: Uint8Array): Promise<void> {
    const { cache } = this.#options
    const path = join(cache, id)
    await mkdir(cache, { recursive: true })
    await writeFile(`${path}.part`, bytes)
    await rename(`${path}.part`, path)
    if (this.#writes++ % writesPerPrune === 0) await this.#prune()
  }

  /** The oldest go first. */
  async #prune(): Promise<void> {
    const { cache } = this.#options
    const files = []
    for (const name of await readdir(cache)) {
      const { size, mtimeMs } = await stat(join(cache, name))
      files.push({ name, size, mtimeMs })
    }
    files.sort((a, b) => b.mtimeMs - a.mtimeMs)
    let bytes = 0
    const tooMany = files.filter(({ size }, index) => (bytes += size) > mostCacheBytes || index >= mostFiles)
    await Promise.all(tooMany.map(({ name }) => rm(join(cache, name), { force: true })))
  }
}

/** File names without ending, in the order in which receivers look for them. */
export function piconNames({ ref, name }: Pick<LineupChannel, 'ref' | 'name'>): string[] {
  const fields = ref.split(':', 10)
  const withField = (index: number, value: string, from = fields): string[] => from.with(index, value)
  const namespace = ((parseInt(fields[6] ?? '0', 16) & 0xffff0000) >>> 0).toString(16).toUpperCase()
  const plain = withField(6, namespace)
  const streamed = withField(0, '1', fields)
  const typed = withField(2, '1', streamed)
  const byReference = [fields, plain, streamed, typed].map((parts) => parts.join('_'))
  const normal = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll('&', 'and')
    .replaceAll('+', 'plus')
    .replaceAll('*', 'star')
    .replace(/[^a-z0-9]/g, '')
  const byName = [name.replace(/[/\\\0]/g, ''), normal, normal.replace(/hd$/, '')]
  return [...new Set([...byReference, ...byName])].filter((text) => text !== '' && !text.startsWith('.'))
}

function piconOf(bytes: Buffer): Picon | undefined {
  const type = bytes.length > mostBytes ? undefined : typeOf(bytes)
  if (type === undefined) return undefined
  return { type, bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 16)}"` }
}

function typeOf(bytes: Buffer): Picon['type'] | undefined {
  if (bytes.subarray(0, 8).toString('latin1') === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (bytes.subarray(0, 3).toString('latin1') === '\xff\xd8\xff') return 'image/jpeg'
  return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*<svg[\s/>]/.test(bytes.subarray(0, 1024).toString())
    ? 'image/svg+xml'
    : undefined
}

async function read(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined
  }
}
