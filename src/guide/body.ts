// The programmes of the XMLTV document, written compressed into a file: a piece at a time, so that the whole
// is never in memory. Runs in the writer's thread.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createDeflateRaw } from 'node:zlib'
import type { Listed } from './filler.ts'
import type { Programme } from './guide.ts'
import type { Body } from './gzip.ts'
import { formatProgramme, tail } from './markup.ts'

export interface BodySummary extends Body {
  readonly hash: string
}

const perPiece = 100 // programmes

/** Writes a raw deflate stream of all programmes and the end of the document.
 *  @param programmes  of a channel, in their order */
export async function writeBody(
  path: string,
  channels: readonly Listed[],
  programmes: (channel: Listed) => readonly Programme[],
): Promise<BodySummary> {
  const summary = new Summary()
  await pipeline(
    Readable.from(pieces(channels, programmes, summary), { objectMode: false }),
    createDeflateRaw({ level: 6 }),
    createWriteStream(path),
  )
  return summary.read()
}

function* pieces(
  channels: readonly Listed[],
  programmes: (channel: Listed) => readonly Programme[],
  summary: Summary,
): Generator<Buffer> {
  for (const channel of channels) {
    const list = programmes(channel)
    for (let index = 0; index < list.length; index += perPiece) {
      const texts = list.slice(index, index + perPiece).map((programme) => formatProgramme(programme))
      yield summary.add(Buffer.from(texts.join('')))
    }
  }
  yield summary.add(Buffer.from(tail))
}

/** Checksum, length and hash of what passed. */
class Summary {
  readonly #hash = createHash('sha256')
  #crc = 0
  #bytes = 0

  add(piece: Buffer): Buffer {
    this.#hash.update(piece)
    this.#crc = crc32(piece, this.#crc)
    this.#bytes += piece.length
    return piece
  }

  read(): BodySummary {
    return { crc: this.#crc, bytes: this.#bytes, hash: this.#hash.digest('base64url') }
  }
}
