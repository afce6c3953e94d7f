// Each channel of the demo receiver that a browser can decode, watched in the page: is anything missing for a minute?
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import type { Kind } from '../src/demo/channels.ts'
import { startDemoReceiver } from '../src/demo/receiver.ts'
import { startChromium } from '../test/web/launch.ts'
import { idOf, openPage, watch, type Play } from './live/browser.ts'
import { temporaryFolder } from './live/folder.ts'
import { channelOf } from './live/picture.ts'
import { startDaemon } from './live/server.ts'
import { atMost, round, type Benchmark } from './report.ts'

const kinds: readonly Kind[] = [
  'h264-1080i',
  'h264-long-gop',
  'open-gop',
  'latm',
  'description',
  'switching',
  'mono-44k1',
  'absent-audio',
  'radio-mp2',
  'radio-aac',
]
const startMs = 40_000
const lookMs = 50
const screenshots = 'var/perf' // left there to be looked at

interface Visit {
  readonly startedMs: number
  readonly play: Play
}

export const watching: Benchmark = {
  title: 'A minute of each channel in the page',
  async run({ seconds, isQuick }) {
    const ms = 1000 * (seconds ?? (isQuick ? 5 : 60))
    await using parts = new AsyncDisposableStack()
    const folder = parts.use(await temporaryFolder()).path
    const receiver = await startDemoReceiver({
      webPort: 0,
      streamPort: 0,
      dataDir: 'var',
      streams: [...kinds],
    })
    parts.defer(() => receiver.close())
    const env = { XG2G_OWI_BASE: receiver.webUrl, XG2G_DATA: folder }
    const daemon = parts.use(await startDaemon(receiver.streamUrl, env))
    const browser = await startChromium()
    parts.defer(() => browser.close())
    const origin = `http://127.0.0.1:${daemon.apiPort}`
    const found = new Map<Kind, Visit>()
    for (const kind of isQuick ? kinds.slice(0, 2) : kinds)
      found.set(kind, await visit(browser, { origin, kind, ms }))
    const visits = [...found.values()]
    const most = (read: (play: Play) => number) => Math.max(...visits.map(({ play }) => read(play)))
    return {
      task:
        `Chromium shows the page and is led to one channel after the other, each for ${ms / 1000} s from its first picture or ` +
        'sound on. A stall is what the browser calls one: nothing was there to show.',
      inputs: [
        'the demo receiver’s channels, each cold; the browser decodes by software on the cores of the daemon',
      ],
      tables: [
        {
          title: 'What was seen and heard',
          columns: [
            '',
            'begun after, s',
            'shown, s',
            'stalls',
            'ms',
            'frames',
            'too late',
            'sound, KB',
            'picture',
            'said',
          ],
          rows: [...found].map(([kind, { startedMs, play }]) => [
            kind,
            round(startedMs / 1000),
            round(play.shownS),
            String(play.stalls),
            String(Math.round(play.stalledMs)),
            String(play.frames),
            String(play.droppedFrames),
            String(Math.round(play.soundBytes / 1000)),
            `${play.width} x ${play.height}`,
            play.trouble,
          ]),
        },
      ],
      goals: [
        atMost(
          'stalls of a channel',
          0,
          most(({ stalls }) => stalls),
          '',
        ),
        atMost(
          'seconds that were not shown',
          1.5,
          most(({ shownS }) => ms / 1000 - shownS),
          ' s',
        ),
      ],
      notes: [],
    }
  },
}

async function visit(
  browser: Browser,
  { origin, kind, ms }: { origin: string; kind: Kind; ms: number },
): Promise<Visit> {
  const page = await openPage(browser, origin)
  try {
    const id = await idOf(origin, channelOf(kind).name)
    const beganAt = performance.now()
    await page.goto(`${origin}/#/channel/${encodeURIComponent(id)}`)
    const end = beganAt + startMs
    const isMoving = () =>
      page.evaluate<boolean>(`(document.querySelector('video')?.currentTime ?? 0) > 0 &&
        document.querySelector('.screen')?.getAttribute('data-phase') === 'playing'`)
    while (!(await isMoving()) && performance.now() < end) await delay(lookMs)
    const startedMs = performance.now() - beganAt
    const play = await watch(page, ms)
    await page.screenshot({ path: `${screenshots}/watch-${kind}.png` })
    return { startedMs, play }
  } finally {
    await page.context().close()
  }
}
