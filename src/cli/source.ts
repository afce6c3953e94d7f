// Where `remux` reads from: a file, a device, a named pipe or standard input.
import { fstatSync, readSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

const pieceBytes = 64 * 1024
const filePieceBytes = 1024 * 1024 // of a file, which is always there: few calls cost little

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

  /** What is read, up to 1 MiB at a time, until the end or until `signal`. */
  async *pieces(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.#handle === undefined) yield* standardInput(signal)
    else if (this.stat().isFile()) yield* file(this.#handle, signal)
    else yield* device(this.#handle, signal)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

// Read without leaving the thread: going to the thread pool and back costs more than the reading.
// Lets signals in between two pieces.
async function* file({ fd }: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(filePieceBytes)
  while (!signal.aborted) {
    const length = readSync(fd, buffer)
    if (length === 0) return
    yield buffer.subarray(0, length)
    await new Promise(setImmediate)
  }
}

async function* device(handle: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
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
