// Many HLS players in a process of their own: they ask for playlists and what these list, and throw it away.
// hlsviewers.ts ORIGIN COUNT plain|low|stream PATH ...; stream reads the path as it is.
// Each line on standard input is answered with what was seen so far.
import { Agent, get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

/** What all players have seen. */
export interface HlsSight {
  /** of segments or parts, by player */
  readonly bytes: readonly number[]
  readonly objects: number
  readonly playlists: number
  /** Answers that were none. */
  readonly errors: readonly string[]
}

const [, , origin = '', count = '', mode = 'plain', ...paths] = process.argv
const startGapMs = 20 // they do not all press the button at once
const retryMs = 500
const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
const bytes: number[] = []
const errors: string[] = []
let objects = 0
let playlists = 0

for (let viewer = 0; viewer < Number(count); viewer++)
  setTimeout(() => void view(viewer), viewer * startGapMs)

createInterface(process.stdin)
  .on('line', () => console.log(JSON.stringify({ bytes, objects, playlists, errors } satisfies HlsSight)))
  .on('close', () => process.exit())

async function view(viewer: number): Promise<void> {
  bytes[viewer] = 0
  const path = paths[viewer % paths.length] ?? ''
  for (;;) {
    try {
      if (mode === 'stream') await readStream(viewer, new URL(path, origin))
      const master = new URL(path, origin)
      const media = new URL(firstUri(await text(master)), master)
      await (mode === 'plain' ? playSegments(viewer, media) : playParts(viewer, media))
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error))
      await delay(retryMs)
    }
  }
}

// As any player of a transport stream, beside which the others are measured.
async function readStream(viewer: number, url: URL): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  const request = get(url, { agent }, (response) => {
    response.on('data', (part: Buffer) => (bytes[viewer] = (bytes[viewer] ?? 0) + part.length))
    response.once('end', () => reject(new Error(`${url.pathname} has ended`)))
    response.once('error', reject)
  })
  request.once('error', reject)
  return promise
}

// As hls.js without low latency: a playlist each half target duration, and each new segment.
async function playSegments(viewer: number, media: URL): Promise<never> {
  let seen = ''
  for (;;) {
    const playlist = await text(media)
    const there = playlist.replaceAll(/#EXT-X-GAP\n(?:#.*\n)*[^#\n].*/g, '')
    const uris = there.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const fresh = uris.slice(seen === '' ? -1 : uris.indexOf(seen) + 1)
    for (const uri of fresh) await fetchObject(viewer, new URL(uri, media))
    seen = uris.at(-1) ?? seen
    const target = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(playlist)?.[1] ?? 4)
    await delay(target * 500)
  }
}

// As hls.js with it: each playlist is asked for before it is there, then the part that came with it.
async function playParts(viewer: number, media: URL): Promise<never> {
  let playlist = await text(media)
  for (;;) {
    const part = [...playlist.matchAll(/#EXT-X-PART:.*URI="([^"]+)"/g)].at(-1)?.[1]
    if (part !== undefined) await fetchObject(viewer, new URL(part, media))
    const next = new URL(media)
    const { msn, index } = followingPart(playlist)
    next.searchParams.set('_HLS_msn', String(msn))
    next.searchParams.set('_HLS_part', String(index))
    playlist = await text(next)
  }
}

// What the playlist does not have yet: the next part of the segment under way, or of the one after it.
function followingPart(playlist: string): { msn: number; index: number } {
  const lines = playlist.split('\n')
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1] ?? 0)
  const skipped = Number(/SKIPPED-SEGMENTS=(\d+)/.exec(playlist)?.[1] ?? 0)
  const segments = lines.filter((line) => line.startsWith('#EXTINF:')).length
  const last = lines.findLastIndex((line) => line.startsWith('#EXTINF:'))
  const index = lines.slice(last + 1).filter((line) => line.startsWith('#EXT-X-PART:')).length
  return { msn: first + skipped + segments, index }
}

function firstUri(master: string): string {
  return master.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? ''
}

async function text(url: URL): Promise<string> {
  const { response, body } = await fetchBytes(url)
  playlists++
  return (response.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
}

async function fetchObject(viewer: number, url: URL): Promise<void> {
  const { body } = await fetchBytes(url)
  objects++
  bytes[viewer] = (bytes[viewer] ?? 0) + body.length
}

interface Fetched {
  readonly response: IncomingMessage
  readonly body: Buffer
}

// A server may close a kept connection just when it is used again: as browsers do, another one is taken then.
async function fetchBytes(url: URL): Promise<Fetched> {
  for (;;) {
    const fetched = await tryFetch(url)
    if (fetched !== undefined) return fetched
  }
}

// Undefined where the connection was an old one that is gone.
function tryFetch(url: URL): Promise<Fetched | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { agent, headers: { 'Accept-Encoding': 'gzip' }, timeout: 30_000 },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('error', reject)
        response.once('end', () => {
          if (response.statusCode === 200) resolve({ response, body: Buffer.concat(parts) })
          else reject(new Error(`${response.statusCode} for ${url.pathname}${url.search}`))
        })
      },
    )
    request.once('error', (error: NodeJS.ErrnoException) => {
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(undefined)
      else reject(error)
    })
    request.once('timeout', () => request.destroy(new Error(`no answer for ${url.pathname}${url.search}`)))
  })
}
