// The three ways to a transcoder on the same streams: in the daemon by shared memory, in a process of its own by a
// Unix socket, and by HTTP.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { asBroadcast, head, stream, type Input } from './input.ts'
import { callPost, callSocket, type Call } from './live/caller.ts'
import { delaysOf } from './live/delays.ts'
import { temporaryFolder } from './live/folder.ts'
import { pace } from './live/pace.ts'
import { cpuSeconds } from './live/process.ts'
import { daemonRoute, type DaemonRoute } from './live/route.ts'
import { startDaemon, startTranscoder, type Server } from './live/server.ts'
import { Recording } from './live/stream.ts'
import { interleaved, percentile, spreadOf } from './measure.ts'
import { round, show, type Benchmark } from './report.ts'

const ways = ['shared memory', 'Unix socket', 'HTTP'] as const
type Pattern = (typeof ways)[number]

const settleMs = 4000 // not looked at
const probes = 2 // of the streams; their pictures are looked at
const apartMs = 250 // streams begin one after the other
const engineNames: Record<Pattern, string> = {
  'shared memory': 'native',
  'Unix socket': 'remote',
  HTTP: 'remote',
}

interface Reading {
  /** % of a core for each stream, of daemon and transcoder together */
  readonly percent: number
  readonly daemonPercent: number
  readonly transcoderPercent: number
  /** ms, of the streams that are looked at */
  readonly video: readonly number[]
  readonly audio: readonly number[]
}

export const patterns: Benchmark = {
  title: 'Shared memory, Unix socket, HTTP: the ways to a transcoder',
  async run({ rounds, seconds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 3)
    const measureMs = 1000 * (seconds ?? (isQuick ? 4 : 15))
    const count = isQuick ? 2 : 8
    const m = await stream('m')
    const [programme, film] = [await asBroadcast(m), isQuick ? await head(m, 11) : m]
    const bytes = await readFile(programme.path)
    const live = await interleaved(ways, often, (name) =>
      watch(name, { count, input: programme, bytes, ms: measureMs }),
    )
    const speeds = await throughputs(film, isQuick ? 1 : 7)
    const middle = (name: Pattern, kind: 'percent' | 'daemonPercent' | 'transcoderPercent') =>
      show(spreadOf(live[name].map((each) => each[kind])))
    const delays = (name: Pattern, kind: 'video' | 'audio') => live[name].flatMap((each) => each[kind])
    const p = (name: Pattern, kind: 'video' | 'audio', percent: number) =>
      percentile(delays(name, kind), percent)
    const added = (name: Pattern, percent: number) =>
      p(name, 'video', percent) - p('shared memory', 'video', percent)
    return {
      task:
        `${count} live streams, each a channel of its own, go through \`./xg2g serve\` over TCP in real time: with the pool of the ` +
        'daemon (shared memory), and with XG2G_TRANSCODER_URL=unix:... and =http://127.0.0.1:... to `./xg2g transcoder`. ' +
        'CPU is user and system time of daemon and transcoder together. The delay of a picture is from its last byte in to its ' +
        'last byte out. Throughput: one file, as fast as it goes, through the daemon’s job socket, through the job socket of a ' +
        'transcoder, and by POST /audio-remux to one.',
      inputs: [
        `live: ${programme.name}: ${programme.description}`,
        `file: ${film.name}: ${film.description}, ${(film.bytes / 1e6).toFixed(0)} MB`,
      ],
      tables: [
        {
          title: `${count} live streams, ${measureMs / 1000} s, ${often} rounds; % of a core for each stream, median (least - most)`,
          columns: ['', '% per stream', 'of it the daemon', 'the transcoder', 'streams on one core'],
          rows: ways.map((name) => [
            name,
            middle(name, 'percent'),
            middle(name, 'daemonPercent'),
            name === 'shared memory' ? '' : middle(name, 'transcoderPercent'),
            (
              100 /
              percentile(
                live[name].map(({ percent }) => percent),
                50,
              )
            ).toFixed(0),
          ]),
        },
        {
          title: `Delay in ms, of ${probes} of the streams, all rounds together`,
          columns: ['', 'picture p50', 'p99', 'max', 'p50 added', 'p99 added', 'sound p50', 'p99'],
          rows: ways.map((name) => [
            name,
            ...[50, 99, 100].map((percent) => round(p(name, 'video', percent))),
            ...(name === 'shared memory' ? ['', ''] : [50, 99].map((percent) => round(added(name, percent)))),
            ...[50, 99].map((percent) => round(p(name, 'audio', percent))),
          ]),
        },
        {
          title: 'One file as fast as it goes, MB/s, median (least - most)',
          columns: ['', 'MB/s'],
          rows: [
            ['shared memory: the daemon’s job socket', show(spreadOf(speeds['shared memory']))],
            ['Unix socket: a transcoder’s job socket', show(spreadOf(speeds['Unix socket']))],
            ['HTTP: POST /audio-remux', show(spreadOf(speeds.HTTP))],
          ],
        },
      ],
      goals: [],
      notes: [
        'Source and viewers are in the process that measures, one clock stamps both; it needs some of the cores beside what is measured.',
        `The first ${settleMs / 1000} s of each stream are not looked at. All engines are asked for by /api/v1/streams in each round: a ` +
          'stream that is not on the engine of its row ends the benchmark.',
        'Sound: for each 128th sample by PTS, as in latency. The daemon has its own pool beside a transcoder, which idles.',
        'Each row of the last table has one socket between the program and the process with the pool, so that they differ by ' +
          'protocol alone; the program that calls is the one that measures.',
        'To choose: shared memory unless something speaks against it, since nothing is copied through the kernel; a Unix socket to ' +
          'keep the codecs in a process that may be restarted, limited or lost alone; HTTP for a transcoder on another machine.',
      ],
    }
  },
}

interface Load {
  readonly count: number
  readonly input: Input
  readonly bytes: Uint8Array
  readonly ms: number
}

async function watch(name: Pattern, { count, input, bytes, ms }: Load): Promise<Reading> {
  await using plant = await startPlant(name)
  const { route, transcoder } = plant
  const bytesPerMs = input.bytes / input.seconds / 1000
  const stop = new AbortController()
  const streams = await Promise.all(
    Array.from({ length: count }, async (_, place) => {
      await delay(place * apartMs)
      const [source, result] = [new Recording(), new Recording()]
      const isProbe = place < probes
      const passage = await route.open((piece) => {
        if (isProbe) result.add(piece)
      })
      const paced = pace({ bytes, from: 0, bytesPerMs, signal: stop.signal }, (group) => {
        if (isProbe) source.add(group)
        return passage.give(group)
      })
      return { source, result, passage, paced }
    }),
  )
  await delay(settleMs)
  await checkEngines(route, engineNames[name], count)
  const cpu = () => [cpuSeconds(route.daemon.pid), transcoder === undefined ? 0 : cpuSeconds(transcoder.pid)]
  const [before, from] = [cpu(), performance.now()]
  await delay(ms)
  const [after, to] = [cpu(), performance.now()]
  stop.abort()
  await Promise.all(streams.map(({ paced }) => paced))
  await Promise.all(streams.map(({ passage }) => passage.close()))
  const found = streams.slice(0, probes).map(({ source, result }) => delaysOf(source, result, settleMs))
  const percent = (place: number) =>
    (100 * 1000 * ((after[place] ?? NaN) - (before[place] ?? NaN))) / (to - from) / count
  const reading = {
    percent: percent(0) + percent(1),
    daemonPercent: percent(0),
    transcoderPercent: percent(1),
    video: found.flatMap(({ video }) => video),
    audio: found.flatMap(({ audio }) => audio),
  }
  process.stderr.write(
    `${name}: ${round(reading.percent)} % each, picture p50 ${round(percentile(reading.video, 50))} ms\n`,
  )
  return reading
}

interface Plant extends AsyncDisposable {
  readonly route: DaemonRoute
  readonly transcoder: Server | undefined
}

async function startPlant(name: Pattern): Promise<Plant> {
  await using starting = new AsyncDisposableStack()
  if (name === 'shared memory') {
    const route = starting.use(await daemonRoute())
    return own({ route, transcoder: undefined }, starting.move())
  }
  const socket = join(starting.use(await temporaryFolder()).path, 'transcoder.sock')
  const settings: Record<string, string> = name === 'HTTP' ? {} : { XG2G_UDS_PATH: socket }
  const transcoder = starting.use(await startTranscoder(settings))
  const url = name === 'HTTP' ? `http://127.0.0.1:${transcoder.port}` : `unix:${socket}`
  const route = starting.use(await daemonRoute({ XG2G_TRANSCODER_URL: url }))
  return own({ route, transcoder }, starting.move())
}

function own<T extends object>(parts: T, stack: AsyncDisposableStack): T & AsyncDisposable {
  return { ...parts, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** @throws Error where a stream is made by another engine */
async function checkEngines({ daemon }: DaemonRoute, expected: string, count: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${daemon.apiPort}/api/v1/streams`)
  const { streams } = (await response.json()) as { streams: { engine: string }[] }
  const engines = streams.map(({ engine }) => engine)
  if (engines.length !== count || engines.some((engine) => engine !== expected))
    throw new Error(`Expected ${count} streams by ${expected} but received ${engines.join(', ')}`)
}

/** MB/s of one job. */
async function throughputs(film: Input, rounds: number): Promise<Record<Pattern, number[]>> {
  const bytes = await readFile(film.path)
  await using folder = await temporaryFolder()
  const [ours, theirs] = ['daemon.sock', 'transcoder.sock'].map((name) => join(folder.path, name))
  if (ours === undefined || theirs === undefined) throw new Error('There are two sockets')
  // No stream is asked for: nobody answers there.
  await using servers = new AsyncDisposableStack()
  servers.use(await startDaemon('http://127.0.0.1:9', { XG2G_UDS_PATH: ours }))
  const transcoder = servers.use(await startTranscoder({ XG2G_UDS_PATH: theirs }))
  const call = (name: Pattern): Promise<Call> => {
    switch (name) {
      case 'shared memory':
        return callSocket(ours, bytes)
      case 'Unix socket':
        return callSocket(theirs, bytes)
      case 'HTTP':
        return callPost(transcoder.port, bytes)
    }
  }
  return await interleaved(ways, rounds, async (name) => bytes.length / (await call(name)).ms / 1000)
}
