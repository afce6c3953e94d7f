// An origin of HLS as a cache sees it: what is yet to come is held, what has come is told how long it is good.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

export interface Origin {
  readonly port: number
  /** Requests so far, each with its query. */
  readonly asked: readonly string[]
  /** Requests that are held. */
  readonly held: number
  /** Answers those that are held. */
  publish(): void
  close(): Promise<void>
}

/** `/hls/<channel>/next...` is held until it is published; `far` is refused; the rest is there. Playlists are
 *  compressed where the client can. */
export async function startOrigin(): Promise<Origin> {
  const asked: string[] = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    const { url = '', headers } = request
    asked.push(url)
    const send = () => answer(url, /\bgzip\b/.test(String(headers['accept-encoding'])), response)
    if (!url.includes('/next') && !url.includes('_HLS_msn')) return send()
    waiting.add(send)
    response.once('close', () => waiting.delete(send))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    get held() {
      return waiting.size
    },
    publish() {
      for (const send of waiting) send()
      waiting.clear()
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

// As the daemon says it of a playlist that is not asked for by number, but longer than a test takes.
const edgeLifetime = 'public, max-age=60, stale-while-revalidate=1'

function answer(url: string, mayCompress: boolean, response: ServerResponse): void {
  if (url.includes('far')) return void response.writeHead(404, { 'Cache-Control': 'no-store' }).end('no')
  const path = url.split('?', 1)[0] ?? url
  const isList = path.endsWith('.m3u8')
  const lifetime = isList && !url.includes('_HLS_') ? edgeLifetime : 'public, max-age=3600, immutable'
  const headers = { 'Cache-Control': lifetime, Vary: 'Accept-Encoding', ETag: `"${url.length}"` }
  if (!isList)
    return void response.writeHead(200, { ...headers, 'Content-Type': 'video/mp2t' }).end(`TS ${url}`)
  const text = `#EXTM3U\n# ${url}\n`
  const type = { 'Content-Type': 'application/vnd.apple.mpegurl' }
  if (!mayCompress) return void response.writeHead(200, { ...headers, ...type }).end(text)
  response.writeHead(200, { ...headers, ...type, 'Content-Encoding': 'gzip' }).end(gzipSync(text))
}
