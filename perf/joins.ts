// How long a viewer who joins a channel that runs waits for the first picture, and whether all of it decodes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Channel, Kind } from '../src/demo/channels.ts'
import { channelOf, decodedFrom, longestWaitMs, pictureFrom, videoOf } from './live/picture.ts'
import { startDaemon, startPipe, startReceiver } from './live/server.ts'
import { Recording } from './live/stream.ts'
import { visit } from './live/visit.ts'
import { percentile } from './measure.ts'
import { atMost, round, type Benchmark, type Table } from './report.ts'
import { randomOf } from './sound.ts'

const kinds: Readonly<Partial<Record<Kind, string>>> = {
  'open-gop': 'H.264 720p25, open GOP of 0.96 s',
  'h264-1080i': 'H.264 1080i, GOP of 0.96 s, AC-3 and two MP2',
  'h264-long-gop': 'H.264 720p50, GOP of 8.64 s',
  mpeg2: 'MPEG-2 576i, open GOP of 0.48 s',
}
const names = Object.keys(kinds) as Kind[]
const ways = ['xg2g', 'relay', 'ffmpeg'] as const
type Way = (typeof ways)[number]

const lanes = 16 // joins at once
const ffmpegLanes = 3
const batch = 48 // joins before what they brought is looked at
const watchMs = 1500
const spreadMs = 1000 // the moment of a join is somewhere in it
const warmMs = 10_000 // the longest group has come

/** What came of a join. */
interface Join {
  readonly kind: Kind
  /** ms from the request to the first picture; infinite if none came */
  readonly waitMs: number
  readonly errors: readonly string[]
}

export const joins: Benchmark = {
  title: 'Joining a channel that runs',
  async run({ rounds, isQuick }) {
    const count = rounds ?? (isQuick ? 32 : 500)
    const rivalCount = Math.ceil(count / (isQuick ? 4 : 20))
    const random = randomOf(1)
    const plan = (often: number) =>
      Array.from({ length: often }, () => ({
        channel: channelOf(names[Math.floor(random() * names.length)] ?? 'mpeg2'),
        afterMs: random() * spreadMs,
      }))
    await using receiver = await startReceiver(names)
    const upstream = `http://127.0.0.1:${receiver.port}`
    await using daemon = await startDaemon(upstream)
    await using relay = await startPipe(upstream)
    const holders = names.map((kind) => visit(daemon.port, channelOf(kind).ref, () => undefined))
    await delay(warmMs)

    const found: Record<Way, Join[]> = { xg2g: [], relay: [], ffmpeg: [] }
    const order = plan(count)
    for (let at = 0; at < order.length; at += batch) {
      const part = order.slice(at, at + batch)
      const came = await inLanes(part, lanes, async ({ channel, afterMs }) => {
        await delay(afterMs)
        return { channel, ...(await watch(daemon.port, channel.ref)) }
      })
      found.xg2g.push(...(await inLanes(came, 2, judge)))
    }
    found.relay = await inLanes(plan(rivalCount), lanes, async ({ channel, afterMs }) => {
      await delay(afterMs)
      return { kind: channel.kind as Kind, waitMs: await pictureFrom(relay.port, channel), errors: [] }
    })
    found.ffmpeg = await inLanes(plan(rivalCount), ffmpegLanes, async ({ channel, afterMs }) => {
      await delay(afterMs)
      return {
        kind: channel.kind as Kind,
        waitMs: await decodedFrom(`${upstream}/${channel.ref}`),
        errors: [],
      }
    })
    for (const { leave } of holders) leave()

    const { errors, lost } = sorted(found.xg2g)
    const waits = found.xg2g.map(({ waitMs }) => waitMs)
    return {
      task:
        'Channels run in `./xg2g serve`, from the demo receiver in real time. Viewers join them at random moments, up to ' +
        `${lanes} at once: the wait is from the request to the moment when PAT, PMT and then the whole of a picture that ` +
        `a decoder can begin with have come. Each watches ${watchMs / 1000} s; what it got, but for the last PES packet of each ` +
        'PID, is decoded by ffmpeg, picture and sound, and each line that it says is an error. `relay`: a Node process ' +
        'that pipes a connection of its own to the receiver. `ffmpeg`: a new process that reads the receiver, until its ' +
        'first decoded picture.',
      inputs: names.map((kind) => `${kind}: ${kinds[kind] ?? ''}`),
      tables: names.map((kind) => tableOf(kind, found)),
      goals: [
        atMost(`errors of the decoder, ${count} joins`, 0, errors.length),
        atMost(
          `from the request to the first picture, p99 of ${count} joins`,
          100,
          percentile(waits, 99),
          ' ms',
        ),
      ],
      notes: [
        `Of all joins: p50 ${round(percentile(waits, 50))} ms, p95 ${round(percentile(waits, 95))} ms, ` +
          `most ${round(percentile(waits, 100))} ms.`,
        `Not counted: ${lost} times "mmco: unref short failure" in open-gop. The first picture of an open group lets go of ` +
          'one that a decoder which begins there never had; it is complete all the same, wherever the stream is cut.',
        'The demo receiver tunes at once; a real one takes a second or more, which who joins a running channel does not wait for.',
        ...[...new Set(errors)].slice(0, 8).map((line) => `ffmpeg says: ${line}`),
      ],
    }
  },
}

async function watch(port: number, ref: string): Promise<{ recording: Recording; askedAt: number }> {
  const recording = new Recording()
  const first = Promise.withResolvers<undefined>()
  const { askedAt, leave } = visit(port, ref, (bytes) => {
    recording.add(bytes)
    first.resolve(undefined)
  })
  await Promise.race([first.promise, delay(longestWaitMs, undefined, { ref: false })])
  await delay(watchMs)
  leave()
  return { recording, askedAt }
}

interface Watched {
  readonly channel: Channel
  readonly recording: Recording
  readonly askedAt: number
}

async function judge({ channel, recording, askedAt }: Watched): Promise<Join> {
  const waitMs = (recording.firstPicture(videoOf(channel)) ?? Infinity) - askedAt
  return { kind: channel.kind as Kind, waitMs, errors: await decode(recording.whole()) }
}

// The first picture of an open group lets go of a picture that a decoder which begins there never had.
const lostReference = /^\[h264\] mmco: unref short failure$/

/** What the decoder said, and how much of it is of open groups as such. */
function sorted(all: readonly Join[]): { errors: string[]; lost: number } {
  const isOfGroup = (kind: Kind, line: string) => kind === 'open-gop' && lostReference.test(line)
  const errors = all.flatMap((join) => join.errors.filter((line) => !isOfGroup(join.kind, line)))
  return { errors, lost: all.reduce((sum, join) => sum + join.errors.length, 0) - errors.length }
}

/** What ffmpeg finds wrong. */
async function decode(bytes: Uint8Array): Promise<string[]> {
  const how = [
    '-v',
    'error',
    '-nostdin',
    '-threads',
    '1',
    '-skip_loop_filter',
    'all',
    '-f',
    'mpegts',
    '-i',
    'pipe:0',
  ]
  const child = spawn('ffmpeg', [...how, '-map', '0:v', '-map', '0:a', '-f', 'null', '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(bytes)
  const [code] = (await once(child, 'close')) as [number]
  const lines = said.split('\n').filter((line) => line.trim() !== '')
  // Addresses differ from process to process.
  const plain = lines.map((line) => line.replace(/ @ 0x[0-9a-f]+/, ''))
  return code === 0 ? plain : [...plain, `it ended with ${code}`]
}

function tableOf(kind: Kind, found: Record<Way, readonly Join[]>): Table {
  return {
    title: `${kind}: ${kinds[kind] ?? ''}; ms to the first picture`,
    columns: ['', 'joins', 'p50', 'p95', 'p99', 'max', 'errors of the decoder'],
    rows: ways.map((way) => {
      const joins = found[way].filter((join) => join.kind === kind)
      const waits = joins.map(({ waitMs }) => waitMs)
      const { errors } = sorted(joins)
      const times = [50, 95, 99, 100].map((percent) => round(percentile(waits, percent)))
      return [way, String(joins.length), ...times, way === 'xg2g' ? String(errors.length) : '']
    }),
  }
}

/** All tasks, at most so many at once; the results in their order. */
async function inLanes<Task, Value>(
  tasks: readonly Task[],
  count: number,
  act: (task: Task) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = []
  const rest = [...tasks.entries()]
  const lane = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift())
      values[next[0]] = await act(next[1])
  }
  await Promise.all(Array.from({ length: count }, lane))
  return values
}
