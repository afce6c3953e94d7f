// Where `remux` reads from: a file, a device, a named pipe or standard input.
import { fstatSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

const pieceBytes = 64 * 1024

/** An opened input. Its pieces are valid until the next one is asked for. */
export class Source {
  readonly #handle: FileHandle | undefined

  private constructor(handle: FileHandle | undefined) {
    this.#handle = handle
  }

  /** @param path  a file's, or `-` for standard input
   *  @throws what the system says */
  static async open(path: string): Promise<Source> {
    return new Source(path === '-' ? undefined : await open(path))
  }

  /** Which file this is, to compare with the output. */
  stat(): Stats {
    return fstatSync(this.#handle?.fd ?? process.stdin.fd)
  }

  /** What is read, up to 64 KiB at a time, until the end or until `signal`. */
  async *pieces(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.#handle === undefined) yield* standardInput(signal)
    else yield* file(this.#handle, signal)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

async function* file(handle: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  while (!signal.aborted) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

async function* standardInput(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { stdin } = process
  const stop = () => stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const piece of stdin as AsyncIterable<Buffer>) yield piece
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
