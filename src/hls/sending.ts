// Answers to players: texts that many get, and media that lies in memory once. Nothing is copied.
import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Reply } from './reply.ts'

/** A client that has not taken an answer in this time is dropped. */
const mostSendMs = 60_000

export const mediaTypes = { ts: 'video/mp2t', mp4: 'video/mp4' } as const
const playlistType = 'application/vnd.apple.mpegurl'

/** Sends a playlist, or says that the client has it. @returns bytes of the body */
export function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  { reply, cache }: { reply: Reply; cache: string },
): number {
  const { headers, method } = request
  const isGzip = /\bgzip\b/.test(headers['accept-encoding'] ?? '')
  response.setHeader('Cache-Control', cache)
  response.setHeader('ETag', reply.etag)
  response.appendHeader('Vary', 'Accept-Encoding')
  if (headers['if-none-match'] === reply.etag) {
    response.writeHead(304).end()
    return 0
  }
  const body = isGzip ? reply.gzip : reply.plain
  if (isGzip) response.setHeader('Content-Encoding', 'gzip')
  response.setHeader('Content-Type', playlistType)
  response.setHeader('Content-Length', body.length)
  response.writeHead(200)
  endInTime(response)
  response.end(method === 'HEAD' ? undefined : body)
  return body.length
}

/** Answers a HEAD for a playlist, which nothing is begun for. */
export function sendTextHead(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': playlistType }).end()
}

/** Sends a file, and closes it. @returns its bytes */
export async function sendFile(
  response: ServerResponse,
  type: string,
  { file, bytes }: { file: FileHandle; bytes: number },
): Promise<number> {
  sendMediaHead(response, type, bytes)
  if (response.req.method === 'HEAD') {
    response.end()
    await file.close()
    return bytes
  }
  // The client may go at any time; the stream closes the file in any case.
  await pipeline(file.createReadStream(), response).catch(() => undefined)
  return bytes
}

/** Sends what never changes. @returns its bytes */
export function sendMedia(response: ServerResponse, type: string, pieces: readonly Buffer[]): number {
  const bytes = pieces.reduce((all, { length }) => all + length, 0)
  sendMediaHead(response, type, bytes)
  if (response.req.method === 'HEAD') {
    response.end()
    return bytes
  }
  response.cork() // one system call for all of them
  for (const piece of pieces) response.write(piece)
  response.end()
  response.uncork()
  return bytes
}

function sendMediaHead(response: ServerResponse, type: string, bytes: number): void {
  response.setHeader('Cache-Control', 'public, max-age=3600, immutable')
  response.setHeader('Content-Type', type)
  response.setHeader('Content-Length', bytes)
  response.writeHead(200)
  endInTime(response)
}

function endInTime(response: ServerResponse): void {
  const timer = setTimeout(() => response.destroy(), mostSendMs).unref()
  response.once('close', () => clearTimeout(timer))
}
