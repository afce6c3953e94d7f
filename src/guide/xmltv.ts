// The XMLTV document: its programmes are written once per version, compressed, into a file; its head with
// the channels is made for each reader. Never whole in memory, and never half of it in the file.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import type { BodySummary } from './body.ts'
import type { Listed } from './filler.ts'
import type { Channel, XmltvDocument } from './guide.ts'
import { wrap, type Body } from './gzip.ts'
import { formatHead } from './markup.ts'

/** A version that is on disk; kept in the store, so that it is there after a restart. */
export interface XmltvVersion extends Body {
  readonly file: string
  readonly hash: string
  /** Unix ms. */
  readonly changedAt: number
  /** The channels that its programmes belong to. */
  readonly channels: readonly Channel[]
}

/** Writes the programmes of the channels, compressed, into a new file. */
export type WriteBody = (
  path: string,
  channels: readonly Listed[],
  signal: AbortSignal,
) => Promise<BodySummary>

const chunkBytes = 65_536

export class Xmltv {
  readonly #folder: string
  readonly #write: WriteBody
  #version: XmltvVersion | undefined
  #written = 0

  /** @param version  what an earlier run left */
  constructor(folder: string, write: WriteBody, version: XmltvVersion | undefined) {
    this.#folder = folder
    this.#write = write
    this.#version = version
  }

  get version(): XmltvVersion | undefined {
    return this.#version
  }

  /** Writes the version of now. The one before stays readable for those who read it.
   *  @param keep  stores the version before its predecessor's file goes */
  async build(
    channels: readonly Channel[],
    keep: (version: XmltvVersion) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const before = this.#version
    const file = `xmltv-${Date.now().toString(36)}-${++this.#written}.deflate`
    const partial = join(this.#folder, `${file}.part`)
    let summary: BodySummary
    try {
      const listed = channels.map(({ id, name }) => ({ id, name }))
      summary = await this.#write(partial, listed, signal)
      await rename(partial, join(this.#folder, file))
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
    const { crc, bytes } = summary
    const hash = hashOf(summary.hash, channels)
    const changedAt = before?.hash === hash ? before.changedAt : Date.now()
    this.#version = { file, hash, crc, bytes, changedAt, channels }
    keep(this.#version)
    await this.#clear([file, before?.file])
  }

  /** The latest version with the channels' picons at `baseUrl`; undefined if none is on disk. */
  async open(baseUrl: string | undefined): Promise<XmltvDocument | undefined> {
    const version = this.#version
    if (version === undefined) return undefined
    const path = join(this.#folder, version.file)
    try {
      await access(path)
    } catch {
      this.#version = undefined // somebody emptied the folder: the next build makes it anew
      return undefined
    }
    const head = Buffer.from(formatHead(version.channels, baseUrl))
    const etag = `W/"${version.hash}-${crc32(head).toString(36)}"`
    return {
      etag,
      lastModified: new Date(version.changedAt),
      open: (encoding) =>
        Readable.from(encoding === 'gzip' ? zipped(path, head, version) : plain(path, head), {
          objectMode: false,
          highWaterMark: 2 * chunkBytes,
        }),
    }
  }

  async #clear(kept: ReadonlyArray<string | undefined>): Promise<void> {
    const old = (await readdir(this.#folder)).filter(
      (name) => /^xmltv-.*\.deflate/.test(name) && !kept.includes(name),
    )
    await Promise.all(old.map((name) => rm(join(this.#folder, name), { force: true })))
  }
}

function hashOf(bodyHash: string, channels: readonly Channel[]): string {
  return createHash('sha256')
    .update(bodyHash)
    .update(JSON.stringify(channels))
    .digest('base64url')
    .slice(0, 16)
}

async function* zipped(path: string, head: Buffer, body: Body): AsyncGenerator<Buffer> {
  const { before, after } = wrap(head, body)
  yield before
  yield* createReadStream(path, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>
  yield after
}

async function* plain(path: string, head: Buffer): AsyncGenerator<Buffer> {
  yield head
  const inflate = createInflateRaw({ chunkSize: chunkBytes })
  const file = createReadStream(path, { highWaterMark: chunkBytes })
  const inflated = pipeline(file, inflate)
  inflated.catch(() => undefined) // the reader below sees the same error
  try {
    yield* inflate as AsyncIterable<Buffer>
  } finally {
    file.destroy()
    inflate.destroy()
  }
}
