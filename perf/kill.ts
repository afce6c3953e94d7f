// The transcoder's process is killed under viewers: how long they wait, and how it comes back.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Kind } from '../src/demo/channels.ts'
import { startDemoReceiver, type DemoReceiver } from '../src/demo/receiver.ts'
import { temporaryFolder } from './live/folder.ts'
import { startDaemon, startTranscoder, type Daemon } from './live/server.ts'
import { visit } from './live/visit.ts'
import { spreadOf } from './measure.ts'
import { atMost, show, type Benchmark } from './report.ts'

const ways = ['Unix socket', 'HTTP'] as const
type Way = (typeof ways)[number]

const watched: readonly Kind[] = ['h264-1080i', 'h264-long-gop', 'mpeg2', 'hevc', 'open-gop']
const late: Kind = 'description' // watched by the one who comes afterwards
const apartMs = 50 // viewers come one after the other
const calmMs = 4000
const usualMs = 2000
const afterMs = 5000
const longestWaitMs = 20_000

/** What one kill did. */
interface Outcome {
  /** The longest of each viewer, ms, before it */
  readonly usual: readonly number[]
  /** and from it on. */
  readonly pauses: readonly number[]
  readonly ended: number
  /** Opened at the receiver from the kill on. */
  readonly opened: number
  /** Streams of the receiver that were lost. */
  readonly lost: number
  /** Of the streams, after the kill. */
  readonly engines: readonly string[]
  /** From the start of the new process to the daemon's having found it, ms. */
  readonly backMs: number
  /** Of the stream of the one who came then. */
  readonly lateEngine: string
}

export const kill: Benchmark = {
  title: 'kill -9 of the transcoder under viewers',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 5)
    const count = isQuick ? 6 : 20
    const found: { way: Way; outcome: Outcome }[] = []
    for (let turn = 0; turn < often; turn++)
      for (const way of ways) found.push({ way, outcome: await killOnce(way, count) })
    const of = (way: Way) => found.filter((each) => each.way === way).map(({ outcome }) => outcome)
    const total = (way: Way, kind: 'ended' | 'opened' | 'lost') =>
      of(way).reduce((sum, outcome) => sum + outcome[kind], 0)
    const strangers = (way: Way) => of(way).filter(({ lateEngine }) => lateEngine !== 'remote').length
    return {
      task:
        `${count} viewers watch ${watched.length} channels of the demo receiver through \`./xg2g serve\` over TCP, in real time; the ` +
        'streams are made by `./xg2g transcoder`. That process is killed with SIGKILL. A pause is the time between two pieces ' +
        `that come to a viewer; the longest of each in ${afterMs / 1000} s from the kill on. Then the transcoder is started again at ` +
        'the same place, and once the daemon has found it somebody turns on another channel.',
      inputs: [`the demo receiver’s ${watched.join(', ')}; then ${late}`],
      tables: [
        {
          title: `Longest pause of a viewer, ms; ${often} kills of each kind, median (least - most)`,
          columns: ['', 'usual, before', 'with the kill', 'engine afterwards'],
          rows: ways.map((way) => [
            way,
            show(spreadOf(of(way).flatMap(({ usual }) => usual))),
            show(spreadOf(of(way).flatMap(({ pauses }) => pauses))),
            [...new Set(of(way).flatMap(({ engines }) => engines))].join(', '),
          ]),
        },
        {
          title: 'All kills together',
          columns: [
            ...['', 'viewers that ended', 'connections opened at the receiver', 'lost there'],
            ...['found again after ms', 'engine of the next channel'],
          ],
          rows: ways.map((way) => [
            way,
            ...(['ended', 'opened', 'lost'] as const).map((kind) => String(total(way, kind))),
            show(spreadOf(of(way).map(({ backMs }) => backMs))),
            [...new Set(of(way).map(({ lateEngine }) => lateEngine))].join(', '),
          ]),
        },
      ],
      goals: ways.flatMap((way) => [
        atMost(
          `longest pause of a viewer, ${way}`,
          1000,
          Math.max(...of(way).flatMap((each) => each.pauses)),
          ' ms',
        ),
        atMost(`viewers that ended, ${way}`, 0, total(way, 'ended')),
        atMost(
          `connections opened or lost at the receiver, ${way}`,
          0,
          total(way, 'opened') + total(way, 'lost'),
        ),
        atMost(`next channels that did not go to the transcoder again, ${way}`, 0, strangers(way)),
      ]),
      notes: [
        'Receiver and viewers are in the process that measures; daemon and transcoder are processes of their own. On a machine ' +
          'with two cores all of them and the threads that take over share these.',
        'Streams that went on in the daemon’s own pool stay there; the next ones go to the transcoder once it is back. Found again: ' +
          'from the new process’s being up to xg2g_transcoder_up 1, looked at each 50 ms; the daemon looks for it after 100 ms, then at doubled intervals up to 5 s.',
      ],
    }
  },
}

async function killOnce(way: Way, count: number): Promise<Outcome> {
  await using parts = new AsyncDisposableStack()
  const socket = join(parts.use(await temporaryFolder()).path, 'transcoder.sock')
  const receiver = await startDemoReceiver({
    webPort: 0,
    streamPort: 0,
    dataDir: 'var',
    tuners: watched.length + 1,
    streams: [...watched, late],
  })
  parts.defer(() => receiver.close())
  const unix: Record<string, string> = way === 'Unix socket' ? { XG2G_UDS_PATH: socket } : {}
  const transcoder = parts.use(await startTranscoder(unix))
  const url = way === 'Unix socket' ? `unix:${socket}` : `http://127.0.0.1:${transcoder.port}`
  const daemon = parts.use(await startDaemon(receiver.streamUrl, { XG2G_TRANSCODER_URL: url }))

  const viewers: Viewer[] = []
  parts.defer(() => viewers.forEach((viewer) => viewer.leave()))
  for (let place = 0; place < count; place++) {
    viewers.push(new Viewer(daemon.port, referenceOf(receiver, watched[place % watched.length])))
    await delay(apartMs)
  }
  await delay(calmMs)
  const first = await streamsOf(daemon)
  const strangers = first.filter(({ engine }) => engine !== 'remote')
  if (strangers.length > 0 || viewers.some(({ times }) => times.length === 0))
    throw new Error(`Expected all streams by remote but received ${JSON.stringify(first)}`)

  const opened = streamsAsked(receiver)
  const open = receiver.requests.streamsNow
  const killedAt = performance.now()
  process.kill(transcoder.pid, 'SIGKILL')
  await delay(afterMs)
  const till = performance.now()
  const engines = (await streamsOf(daemon)).map(({ engine }) => engine)
  const outcome = {
    usual: viewers.map((viewer) => viewer.longestPause(killedAt - usualMs, killedAt)),
    pauses: viewers.map((viewer) => viewer.longestPause(killedAt, till)),
    ended: viewers.filter(({ isOver }) => isOver).length,
    opened: streamsAsked(receiver) - opened,
    lost: open - receiver.requests.streamsNow,
    engines,
  }

  const listen = { XG2G_TRANSCODER_LISTEN: `127.0.0.1:${transcoder.port}` }
  parts.use(await startTranscoder({ ...unix, ...listen }))
  const startedAt = performance.now()
  await until(async () => (await transcoderUp(daemon)) === 1, 'the transcoder to be found again')
  const backMs = performance.now() - startedAt
  const before = new Set((await streamsOf(daemon)).map(({ id }) => id))
  const last = new Viewer(daemon.port, referenceOf(receiver, late))
  viewers.push(last)
  await until(() => last.times.length > 0, 'the next channel')
  const latest = (await streamsOf(daemon)).find(({ id }) => !before.has(id))
  process.stderr.write(
    `${way}: longest pause ${Math.max(...outcome.pauses).toFixed(0)} ms, found again after ${backMs.toFixed(0)} ms\n`,
  )
  return { ...outcome, backMs, lateEngine: latest?.engine ?? 'none' }
}

/** Notes when something came. */
class Viewer {
  readonly times: number[] = []
  readonly leave: () => void
  isOver = false

  constructor(port: number, reference: string) {
    const { over, leave } = visit(port, reference, () => this.times.push(performance.now()))
    this.leave = leave
    void over.then(() => (this.isOver = true))
  }

  /** Between two pieces, or from the last one to the end of the time. */
  longestPause(from: number, to: number): number {
    const before = this.times.findLast((at) => at < from) ?? from
    const within = [before, ...this.times.filter((at) => at >= from && at <= to), to]
    return Math.max(...within.slice(1).map((at, place) => at - (within[place] ?? at)))
  }
}

function referenceOf({ channels }: DemoReceiver, kind: Kind | undefined): string {
  const channel = channels.find((each) => each.kind === kind)
  if (channel === undefined) throw new Error(`The demo receiver has no ${kind}`)
  return channel.ref
}

function streamsAsked({ requests }: DemoReceiver): number {
  return Object.values(requests.streams).reduce((sum, count) => sum + count, 0)
}

async function streamsOf({ apiPort }: Daemon): Promise<{ id: string; engine: string }[]> {
  const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1/streams`)
  return ((await response.json()) as { streams: { id: string; engine: string }[] }).streams
}

async function transcoderUp({ apiPort }: Daemon): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${apiPort}/metrics`)).text()
  return Number(/^xg2g_transcoder_up (\S+)$/m.exec(text)?.[1])
}

/** @throws Error after `longestWaitMs` */
async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + longestWaitMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`Waited ${longestWaitMs / 1000} s for ${what}`)
    await delay(50)
  }
}
