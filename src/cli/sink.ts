// Where `remux` writes to: a file or standard output. A file is not touched before the first byte, so that
// an input of which nothing can be made leaves neither an empty file nor an old one destroyed.
import { fstatSync, statSync, writeSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { isatty } from 'node:tty'

/** Whoever read our output has left: no failure of ours. */
export class ReaderLeft extends Error {}

export class Sink {
  readonly #path: string
  #handle: FileHandle | undefined
  #isPlain = false // a file or /dev/null: nobody at the other end can make us wait
  #bytes = 0

  /** @param path  a file's, or `-` for standard output */
  constructor(path: string) {
    this.#path = path
    if (this.#isStandard) process.stdout.on('error', () => undefined) // each write hears of it itself
  }

  /** Bytes written. */
  get bytes(): number {
    return this.#bytes
  }

  /** Which file this is; undefined if there is none yet. */
  stat(): Stats | undefined {
    return this.#isStandard ? fstatSync(process.stdout.fd) : statSync(this.#path, { throwIfNoEntry: false })
  }

  /** Resolves when the bytes may be used for something else. @throws ReaderLeft, or what the system says */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isStandard) await writeStandard(bytes)
    else await this.#writeFile(bytes)
    this.#bytes += bytes.length
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  get #isStandard(): boolean {
    return this.#path === '-'
  }

  async #writeFile(bytes: Uint8Array): Promise<void> {
    this.#handle ??= await this.#open()
    const { fd } = this.#handle
    let done = 0
    while (done < bytes.length) {
      done += this.#isPlain
        ? writeSync(fd, bytes, done)
        : (await this.#handle.write(bytes, done).catch(left)).bytesWritten
    }
  }

  async #open(): Promise<FileHandle> {
    const handle = await open(this.#path, 'w')
    const stat = await handle.stat()
    this.#isPlain = stat.isFile() || (stat.isCharacterDevice() && !isatty(handle.fd))
    return handle
  }
}

function writeStandard(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(translate(error)) : resolve()))
  })
}

function left(error: NodeJS.ErrnoException): never {
  throw translate(error)
}

function translate(error: NodeJS.ErrnoException): Error {
  return error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED'
    ? new ReaderLeft('', { cause: error })
    : error
}
