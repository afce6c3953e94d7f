// How far behind the broadcast a browser is: by a clock in the picture, beside ffmpeg's own HLS of the same stream.
import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'
import { basename, extname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { startChromium } from '../test/web/launch.ts'
import { startDemoReceiver } from '../src/demo/receiver.ts'
import { playWithHls, playWithPage, readClock } from './live/browser.ts'
import { startPictureClock } from './live/clock.ts'
import { temporaryFolder } from './live/folder.ts'
import { startDaemon } from './live/server.ts'
import { percentile, spreadOf } from './measure.ts'
import { atLeast, atMost, show, type Benchmark } from './report.ts'

const channel = 'Picture clock'
const settleMs = 10_000 // of playing, not looked at: players close in on the edge by and by
const lookMs = 250
const waitMs = 30_000
const segmentSeconds = 2 // of ffmpeg

type Way = 'the page' | 'hls.js' | 'ffmpeg'
const titles: Record<Way, string> = {
  'the page': 'xg2g, its page, parts of 200 ms',
  'hls.js': 'xg2g, hls.js as it comes',
  ffmpeg: `ffmpeg -f hls, segments of ${segmentSeconds} s, hls.js`,
}
const ways = Object.keys(titles) as Way[]

export const delayBehind: Benchmark = {
  title: 'Delay behind the broadcast in a browser',
  async run({ seconds, isQuick }) {
    const measureMs = 1000 * (seconds ?? (isQuick ? 4 : 30))
    const delays = await measure(measureMs)
    const middle = (way: Way) => percentile(delays[way], 50)
    return {
      task:
        'A stream with a clock in its picture is published through the job socket; the same bytes go to `ffmpeg -c:v copy -c:a ' +
        `aac -f hls -hls_time ${segmentSeconds}\`. All are played at once by Chromium, and each ${lookMs} ms the clock is read from ` +
        `the picture. The first ${settleMs / 1000} s are left out.`,
      inputs: [
        '640x360, 25 pictures/s, an access point each second, 3 Mbit/s, MP2; made by ffmpeg in real time',
      ],
      tables: [
        {
          title: 'Behind the broadcast, ms; median (least - most)',
          columns: ['', 'delay'],
          rows: ways.map((way) => [titles[way], show(spreadOf(delays[way]))]),
        },
      ],
      goals: [
        atMost(titles['the page'], 1.5, middle('the page') / 1000, ' s'),
        atLeast('ffmpeg / the page', 3, middle('ffmpeg') / middle('the page'), ' x'),
      ],
      notes: [
        'A frame counts as broadcast when ffmpeg makes it: its encoding is in the delay of all.',
        'No other server of low-latency HLS was to be had on this machine.',
      ],
    }
  },
}

async function measure(measureMs: number): Promise<Record<Way, number[]>> {
  await using parts = new AsyncDisposableStack()
  const folder = parts.use(await temporaryFolder()).path
  const socketPath = join(folder, 'jobs.sock')
  const receiver = await startDemoReceiver({ webPort: 0, streamPort: 0, dataDir: 'var', streams: ['mpeg2'] })
  parts.defer(() => receiver.close())
  const daemon = parts.use(
    await startDaemon(receiver.streamUrl, {
      XG2G_OWI_BASE: receiver.webUrl,
      XG2G_UDS_PATH: socketPath,
      XG2G_DATA: join(folder, 'data'),
      XG2G_HLS_PART: '200ms',
    }),
  )
  const clock = parts.use(await startPictureClock())
  const job = publish(socketPath)
  parts.defer(() => void job.destroy())
  const rival = parts.use(startRival(folder))
  for (const sink of [job, rival.input]) clock.stream.pipe(sink)
  const files = parts.use(await serveFolder(folder))
  const origin = `http://127.0.0.1:${daemon.apiPort}`
  const id = await channelId(origin)

  const browser = await startChromium()
  parts.defer(() => browser.close())
  const open: Record<Way, (browser: Browser) => Promise<Page>> = {
    'the page': (browser) => playWithPage(browser, `${origin}/#/channel/${encodeURIComponent(id)}`),
    'hls.js': (browser) => playWithHls(browser, `${origin}/healthz`, `/hls/${id}/index.m3u8`),
    ffmpeg: async (browser) => {
      await until(async () => (await fetch(`${files.url}/live.m3u8`)).ok)
      return playWithHls(browser, `${files.url}/`, '/live.m3u8')
    },
  }
  const delays: Record<Way, number[]> = { 'the page': [], 'hls.js': [], ffmpeg: [] }
  for (const way of ways) {
    // One at a time: three players would take the machine from each other.
    const page = await open[way](browser)
    await delay(settleMs)
    for (const end = performance.now() + measureMs; performance.now() < end; await delay(lookMs)) {
      const { frame, atMs } = await readClock(page)
      delays[way].push(atMs - clock.timeOf(frame))
    }
    await page.context().close()
  }
  return delays
}

function publish(path: string): Socket {
  const socket = connect(path)
  socket.on('error', () => undefined) // it ends with the daemon
  socket.write(`${JSON.stringify({ mode: 'publish', name: channel })}\n`)
  return socket
}

async function channelId(origin: string): Promise<string> {
  let id = ''
  await until(async () => {
    const response = await fetch(`${origin}/api/v1/channels`)
    const { channels = [] } = (await response.json()) as { channels?: { id: string; name: string }[] }
    id = channels.find(({ name }) => name === channel)?.id ?? ''
    return id !== ''
  })
  return id
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + waitMs; performance.now() < end; await delay(100))
    if (await isSo().catch(() => false)) return
  throw new Error(`Nothing came in ${waitMs} ms`)
}

function startRival(folder: string): { input: Writable } & AsyncDisposable {
  const child = spawn(
    'ffmpeg',
    [
      ...[
        '-v',
        'error',
        '-f',
        'mpegts',
        '-i',
        'pipe:0',
        '-c:v',
        'copy',
        '-c:a',
        'aac',
        '-b:a',
        '192k',
        '-f',
        'hls',
      ],
      ...['-hls_time', String(segmentSeconds), '-hls_flags', 'delete_segments', join(folder, 'live.m3u8')],
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  )
  child.stdin.on('error', () => undefined) // it ends before its input
  const ended = new Promise((resolve) => child.once('close', resolve))
  return {
    input: child.stdin,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const types: Readonly<Record<string, string>> = {
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.ts': 'video/mp2t',
}

async function serveFolder(folder: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const name = basename(request.url ?? '')
    const type = types[extname(name)]
    if (type === undefined) return void response.writeHead(200, { 'Content-Type': 'text/html' }).end()
    const file = createReadStream(join(folder, name))
    file.once('error', () => response.writeHead(404).end())
    file.once('open', () => {
      response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' })
      file.pipe(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
