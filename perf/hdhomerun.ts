// The HDHomeRun tuner: how long a client waits for its first picture, and for being told that no tuner is left.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Kind } from '../src/demo/channels.ts'
import { channelOf, decodedFrom, pictureFrom } from './live/picture.ts'
import { startDaemon, startReceiver, type Daemon } from './live/server.ts'
import { visit } from './live/visit.ts'
import { interleaved, percentile } from './measure.ts'
import { atMost, round, type Benchmark } from './report.ts'
import { randomOf } from './sound.ts'

const watched: Kind = 'h264-1080i'
const others: readonly Kind[] = ['mpeg2', 'latm']
const ways = ['cold', 'running', 'ffmpeg'] as const
type Way = (typeof ways)[number]

const tuners = 2
const goneMs = 1200 // until a stream has left the receiver and may be opened again
const warmMs = 3000 // of the stream that others join
const spreadMs = 1000 // the moment of a join is somewhere in it
const betweenRefusalsMs = 200 // some of them ask the receiver what its tuners do, as its answer counts for 3 s
const startMs = 15_000
const startStepMs = 100

const about: Readonly<Record<Way, string>> = {
  cold: 'xg2g, nobody watches the channel',
  running: 'xg2g, somebody watches it',
  ffmpeg: 'ffmpeg from the receiver',
}

export const hdhomerun: Benchmark = {
  title: 'The HDHomeRun tuner: first picture, and refusal',
  async run({ rounds, isQuick }) {
    const count = rounds ?? (isQuick ? 3 : 40)
    const data = await mkdtemp(join(tmpdir(), 'xg2g-hdhomerun-'))
    try {
      await using receiver = await startReceiver([watched, ...others])
      await using daemon = await startDaemon('', {
        XG2G_OWI_BASE: `http://127.0.0.1:${receiver.webPort}`,
        XG2G_DATA: data,
        XG2G_LINGER: '0s',
        XG2G_TUNERS: String(tuners),
        XG2G_HDHR_ENABLED: 'true',
        XG2G_HDHR_LISTEN: '127.0.0.1:0',
        XG2G_HDHR_DISCOVERY: 'false',
      })
      const pathOf = await lineupOf(daemon)
      const url = `http://127.0.0.1:${receiver.port}/${channelOf(watched).ref}`
      const waits = await interleaved(ways, count, (way) => waitFor(way, daemon, pathOf(watched), url))
      const refusals = await refusalsOf(daemon, pathOf, 4 * count)
      const row = (name: string, values: readonly number[]) => [
        name,
        String(values.length),
        ...[50, 95, 100].map((percent) => round(percentile(values, percent))),
      ]
      const columns = ['', 'times', 'p50', 'p95', 'max']
      return {
        task:
          '`GET /auto/v<n>` of `./xg2g serve`, from the demo receiver in real time, each in turn: from the request until PAT, ' +
          'PMT and the whole of a picture that a decoder can begin with have come. `ffmpeg`: a new process that reads the ' +
          'receiver, until its first decoded picture. Refusal: from the request to the end of the answer 805 while all ' +
          'tuners are in use.',
        inputs: [`${watched}: H.264 1080i, GOP of 0.96 s, AC-3 and two MP2`],
        tables: [
          { title: 'ms to the first picture', columns, rows: ways.map((way) => row(about[way], waits[way])) },
          { title: 'ms to the refusal', columns, rows: [row('805 All Tuners In Use', refusals)] },
        ],
        goals: [
          atMost('channel that runs, p95 to the first picture', 150, percentile(waits.running, 95), ' ms'),
          atMost('all tuners in use, p95 to the refusal', 50, percentile(refusals, 95), ' ms'),
        ],
        notes: [
          'The demo receiver tunes at once; a real one takes a second or more, whoever asks.',
          'A cold channel is sent from its first packet: its first picture is that of the next group of pictures, here up to 0.96 s later.',
        ],
      }
    } finally {
      await rm(data, { recursive: true, force: true })
    }
  },
}

async function waitFor(way: Way, { tunerPort }: Daemon, path: string, url: string): Promise<number> {
  const random = randomOf(Date.now())
  const holder = way === 'running' ? visit(tunerPort, path, () => undefined) : undefined
  if (holder !== undefined) await delay(warmMs)
  await delay(random() * spreadMs)
  const waitMs =
    way === 'ffmpeg' ? await decodedFrom(url) : await pictureFrom(tunerPort, channelOf(watched), path)
  holder?.leave()
  await delay(goneMs)
  return waitMs
}

async function refusalsOf(
  { tunerPort }: Daemon,
  pathOf: (kind: Kind) => string,
  count: number,
): Promise<number[]> {
  const holders = others.map((kind) => visit(tunerPort, pathOf(kind), () => undefined))
  await delay(warmMs)
  const waits: number[] = []
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now()
    const answer = await fetch(`http://127.0.0.1:${tunerPort}/${pathOf(watched)}`)
    await answer.text()
    const fault = answer.headers.get('x-hdhomerun-error')
    waits.push(fault?.startsWith('805') === true ? performance.now() - startedAt : Infinity)
    await delay(betweenRefusalsMs)
  }
  for (const { leave } of holders) leave()
  return waits
}

/** The paths of the channels' streams, without their slashes, once there is a lineup. */
async function lineupOf({ tunerPort }: Daemon): Promise<(kind: Kind) => string> {
  const url = `http://127.0.0.1:${tunerPort}/lineup.json`
  const until = performance.now() + startMs
  let answer = await fetch(url)
  while (!answer.ok && performance.now() < until) {
    await delay(startStepMs)
    answer = await fetch(url)
  }
  const entries = (await answer.json()) as { GuideName: string; URL: string }[]
  return (kind) => {
    const entry = entries.find(({ GuideName: name }) => name === channelOf(kind).name)
    if (entry === undefined) throw new TypeError(`there is no ${kind} in the lineup`)
    return new URL(entry.URL).pathname.slice(1)
  }
}
