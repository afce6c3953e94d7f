// From the click on a channel in the page to its first frame: where the channel runs, and where nobody watches it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import type { Kind } from '../src/demo/channels.ts'
import { startChromium } from '../test/web/launch.ts'
import { startDemoReceiver } from '../src/demo/receiver.ts'
import { idOf, openPage, turnOn } from './live/browser.ts'
import { temporaryFolder } from './live/folder.ts'
import { channelOf } from './live/picture.ts'
import { startDaemon } from './live/server.ts'
import { percentile, spreadOf } from './measure.ts'
import { atMost, show, type Benchmark } from './report.ts'

const kinds: readonly Kind[] = ['h264-1080i', 'h264-long-gop', 'open-gop', 'latm', 'description']
const pauseMs = 12_000 // between two visits of a channel, by which it is given up
const cadence = { XG2G_LINGER: '0s', XG2G_HLS_LINGER: '10s' }

interface Visits {
  readonly running: number[]
  readonly cold: number[]
  /** of the same channel by the receiver itself, to the first byte */
  readonly tuning: number[]
}

export const click: Benchmark = {
  title: 'From a click in the page to the first frame',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 3)
    const found = await measure(isQuick ? kinds.slice(0, 1) : kinds, often)
    const all = (what: keyof Visits) => [...found.values()].flatMap((visits) => visits[what])
    const tuned = (visits: Visits) => visits.cold.map((ms, turn) => ms - (visits.tuning[turn] ?? 0))
    const over = [...found.values()].flatMap(tuned)
    return {
      task:
        'Chromium shows the page; a channel is turned on and its first frame waited for. Running: another browser window plays it. ' +
        'Cold: nobody does. The receiver’s own tuning is measured by asking it for the same channel just before.',
      inputs: [`the demo receiver’s ${kinds.join(', ')}`],
      tables: [
        {
          title: `ms, ${often} visits each, median (least - most)`,
          columns: ['', 'running', 'cold', 'the receiver’s first byte', 'cold, without that'],
          rows: [...found].map(([kind, visits]) => [
            kind,
            show(spreadOf(visits.running)),
            show(spreadOf(visits.cold)),
            show(spreadOf(visits.tuning)),
            show(spreadOf(tuned(visits))),
          ]),
        },
      ],
      goals: [
        atMost('running channel, median', 0.5, percentile(all('running'), 50) / 1000, ' s'),
        atMost('cold channel without tuning, median', 1.5, percentile(over, 50) / 1000, ' s'),
      ],
      notes: [
        'A cold channel begins at its first access point: with groups of pictures of 8.33 s that is 4 s away on average, whoever plays it.',
      ],
    }
  },
}

async function measure(kinds: readonly Kind[], often: number): Promise<Map<Kind, Visits>> {
  await using parts = new AsyncDisposableStack()
  const folder = parts.use(await temporaryFolder()).path
  const receiver = await startDemoReceiver({ webPort: 0, streamPort: 0, dataDir: 'var', streams: [...kinds] })
  parts.defer(() => receiver.close())
  const daemon = parts.use(
    await startDaemon(receiver.streamUrl, { XG2G_OWI_BASE: receiver.webUrl, XG2G_DATA: folder, ...cadence }),
  )
  const origin = `http://127.0.0.1:${daemon.apiPort}`
  const browser = await startChromium()
  parts.defer(() => browser.close())
  const found = new Map<Kind, Visits>()
  for (const kind of kinds) {
    const visits: Visits = { running: [], cold: [], tuning: [] }
    found.set(kind, visits)
    const { name, ref } = channelOf(kind)
    const id = await idOf(origin, name)
    for (let turn = 0; turn < often; turn++) {
      visits.tuning.push(await firstByte(`${receiver.streamUrl}/${ref}`))
      await delay(pauseMs)
      visits.cold.push(await visit(browser, origin, id))
      await delay(pauseMs)
    }
    const other = await openPage(browser, origin)
    await turnOn(other, id)
    await delay(pauseMs)
    for (let turn = 0; turn < often; turn++) visits.running.push(await visit(browser, origin, id))
    await other.context().close()
  }
  return found
}

async function visit(browser: Browser, origin: string, id: string): Promise<number> {
  const page = await openPage(browser, origin)
  try {
    return await turnOn(page, id)
  } finally {
    await page.context().close()
  }
}

async function firstByte(url: string): Promise<number> {
  const beganAt = performance.now()
  const controller = new AbortController()
  const response = await fetch(url, { signal: controller.signal })
  await response.body?.getReader().read()
  const ms = performance.now() - beganAt
  controller.abort()
  return ms
}
