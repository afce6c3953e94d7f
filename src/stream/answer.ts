// The head of an HTTP answer and the chunks of its body, for upstream.ts, which reads raw sockets.
// Understands HTTP/1.0 and 1.1 as stream servers speak them; follows nothing, decodes nothing else.

export interface AnswerHead {
  readonly status: number
  readonly isChunked: boolean
  /** Content-Length, or undefined where the body ends with the connection. */
  readonly length: number | undefined
  readonly contentType: string
  /** Where another place is named to ask at. */
  readonly location: string | undefined
  /** Where the body begins. */
  readonly bodyOffset: number
}

/** The longest head that is waited for, in bytes. */
export const longestHeadBytes = 16 * 1024

/** Reads a head. `undefined` while it is not complete, `malformed` if it cannot become one. */
export function readHead(bytes: Uint8Array): AnswerHead | 'malformed' | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const isHttp = text.startsWith('HTTP/1.'.slice(0, text.length))
  const end = /\r?\n\r?\n/.exec(text)
  if (!isHttp || (end === null && bytes.length >= longestHeadBytes)) return 'malformed'
  if (end === null) return undefined

  const [statusLine = '', ...lines] = text.slice(0, end.index).split(/\r?\n/)
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]
  if (status === undefined) return 'malformed'
  const header = (name: string) =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const length = header('content-length')
  return {
    status: Number(status),
    isChunked: /(^|,)\s*chunked\s*$/i.test(header('transfer-encoding') ?? ''),
    length: length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined,
    contentType: header('content-type') ?? '',
    location: header('location'),
    bodyOffset: end.index + end[0].length,
  }
}

const longestChunkLine = 1024 // bytes of a size with its extensions, or of a trailer line

/** Takes the chunk framing out of a body, in place. */
export class ChunkDecoder {
  #state: 'size' | 'data' | 'gap' | 'trailer' | 'done' | 'malformed' = 'size'
  #line = ''
  #left = 0 // bytes of this chunk to come

  get isDone(): boolean {
    return this.#state === 'done'
  }

  get isMalformed(): boolean {
    return this.#state === 'malformed'
  }

  /** Moves the payload in `bytes` to its front. Returns how many bytes that is. */
  decode(bytes: Uint8Array): number {
    let read = 0
    let kept = 0
    while (read < bytes.length && !this.isDone && !this.isMalformed) {
      if (this.#state !== 'data') {
        this.#take(bytes[read++] ?? 0)
        continue
      }
      const piece = Math.min(this.#left, bytes.length - read)
      bytes.copyWithin(kept, read, read + piece)
      read += piece
      kept += piece
      this.#left -= piece
      if (this.#left === 0) this.#state = 'gap'
    }
    return kept
  }

  #take(byte: number): void {
    if (byte !== 10) {
      if (byte !== 13) this.#line += String.fromCharCode(byte)
      if (this.#line.length > longestChunkLine) this.#state = 'malformed'
      return
    }
    const line = this.#line
    this.#line = ''
    if (this.#state === 'gap') this.#state = line === '' ? 'size' : 'malformed'
    else if (this.#state === 'trailer') this.#state = line === '' ? 'done' : 'trailer'
    else this.#size(line)
  }

  #size(line: string): void {
    const digits = /^([0-9a-f]{1,8})\s*(?:;|$)/i.exec(line)?.[1]
    if (digits === undefined) {
      this.#state = 'malformed'
      return
    }
    this.#left = Number.parseInt(digits, 16)
    this.#state = this.#left === 0 ? 'trailer' : 'data'
  }
}

const packetStrides = [188, 192, 204]
const syncByte = 0x47
const syncsNeeded = 3

/** Do three packets in a row begin somewhere in these bytes? */
export function holdsTransportStream(bytes: Uint8Array): boolean {
  for (let start = bytes.indexOf(syncByte); start >= 0; start = bytes.indexOf(syncByte, start + 1)) {
    if (packetStrides.some((stride) => isAligned(bytes, start, stride))) return true
  }
  return false
}

function isAligned(bytes: Uint8Array, start: number, stride: number): boolean {
  for (let packet = 1; packet < syncsNeeded; packet++) {
    if (bytes[start + packet * stride] !== syncByte) return false
  }
  return true
}
