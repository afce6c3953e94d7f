// How much later picture and sound leave than they came, and how long a viewer waits for the first of it.
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { asBroadcast, pids, stream, type Input, type StreamName } from './input.ts'
import { delaysOf, type Delays } from './live/delays.ts'
import { pace } from './live/pace.ts'
import { daemonRoute, echoRoute, ffmpegRoute, poolRoute, tuned, type Route } from './live/route.ts'
import { Recording, starts } from './live/stream.ts'
import { interleaved, mean, percentile } from './measure.ts'
import { atMost, round, type Benchmark, type Goal, type Table } from './report.ts'
import { randomOf } from './sound.ts'

const routes = {
  'rings alone': echoRoute,
  'xg2g pool': poolRoute,
  'xg2g daemon': daemonRoute,
  'ffmpeg tuned': () => ffmpegRoute(tuned),
  'ffmpeg default': () => ffmpegRoute(),
} as const
type RouteName = keyof typeof routes
const names = Object.keys(routes) as RouteName[]
type RemuxingName = Exclude<RouteName, 'rings alone'>
const isRemuxing = (name: RouteName): name is RemuxingName => name !== 'rings alone'
const remuxing = names.filter(isRemuxing)

const settleMs = 3000 // not looked at
const longestWaitMs = 8000

export const latency: Benchmark = {
  title: 'Delay of picture and sound, live',
  async run({ rounds, seconds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 3)
    const length = seconds ?? (isQuick ? 6 : 20)
    const startCount = isQuick ? 4 : 30
    const asked: StreamName[] = isQuick ? ['m'] : ['m', 'a']
    const plain = await Promise.all(asked.map(stream))
    const inputs = [...(await Promise.all(plain.map(asBroadcast))), ...plain]
    await using open = new AsyncDisposableStack()
    const made = {} as Record<RouteName, Route>
    for (const name of names) made[name] = open.use(await routes[name]())

    const tables: Table[] = []
    const goals: Goal[] = []
    for (const input of inputs) {
      const bytes = await readFile(input.path)
      const steady = await interleaved(names, often, (name) => watch(made[name], input, bytes, length * 1000))
      const { table, goals: found } = judgeSteady(input, steady, often * length)
      tables.push(table)
      goals.push(...found)
    }
    const m = await asBroadcast(await stream('m'))
    const bytes = await readFile(m.path)
    const { tables: anywhere, beforeKeys } = starts(bytes.subarray(0, bytes.length / 2), pids.video)
    for (const [where, places] of [
      ['anywhere', anywhere],
      ['at a key frame', beforeKeys],
    ] as const) {
      const waits = await startAt(made, m, bytes, places, startCount)
      tables.push(startTable(where, waits, startCount))
      if (where === 'anywhere')
        goals.push(
          atMost(
            'first video byte after the first in, daemon, p50',
            15,
            percentile(waits['xg2g daemon'].video, 50),
            ' ms',
          ),
        )
    }
    return {
      task:
        'A stream is written 7 packets at a time at the rate of its multiplex. Each PES packet of the picture is found ' +
        'again in the output by its payload: the delay is from its last byte in to its last byte out. Sound: for each ' +
        '128th sample, from the last byte of the source frame that has it to the last byte of the AAC frame that has it, ' +
        'by PTS; a constant shift of the time line, as ffmpeg makes, is taken off by the picture. ' +
        'Source and viewer are one process and one clock. `pool`: through the rings and a worker thread of this process. ' +
        '`rings alone`: the same with a thread that copies, which is what two rings and two threads that wake take; what the ' +
        'pool takes more is added in the worker. ' +
        '`daemon`: through `./xg2g serve` over TCP. ffmpeg: through pipes, with ' +
        `\`${tuned.join(' ')} -flush_packets 1\`, or as the default command is.`,
      inputs: inputs.map(({ name, description }) => `${name}: ${description}`),
      tables,
      goals,
      notes: [
        `The first ${settleMs / 1000} s of output are not looked at.`,
        '`soonest`: what of the pool’s delay of sound nobody can avoid. An AAC encoder that switches its windows gives a frame when it has ' +
          '2624 samples from its beginning on, and source frames come whole; here it takes no time.',
        'The inputs without `broadcast` in their names have their sound as ffmpeg’s muxer sends it, in bursts.',
        'First bytes: from the first write of the source. The daemon runs already; an ffmpeg process is started for each ' +
          'stream, with the first byte written at once. ffmpeg sends nothing before a key frame, xg2g what comes.',
      ],
    }
  },
}

async function watch(route: Route, input: Input, bytes: Uint8Array, ms: number): Promise<Delays> {
  const source = new Recording()
  const result = new Recording()
  const passage = await route.open((piece) => result.add(piece))
  const stop = new AbortController()
  const bytesPerMs = input.bytes / input.seconds / 1000
  const paced = pace({ bytes, from: 0, bytesPerMs, signal: stop.signal }, (group) => {
    source.add(group)
    return passage.give(group)
  })
  await delay(ms + settleMs)
  stop.abort()
  await paced
  await passage.close()
  return delaysOf(source, result, settleMs)
}

function judgeSteady(
  { name, description }: Input,
  found: Record<RouteName, Delays[]>,
  seconds: number,
): { table: Table; goals: Goal[] } {
  const all = (route: RouteName, kind: keyof Delays) => found[route].flatMap((delays) => delays[kind])
  const table: Table = {
    title: `${name}: ${description}; ms, ${seconds} s`,
    columns: ['', 'video p50', 'p95', 'p99', 'max', 'audio mean', 'p50', 'p95', 'p99'],
    rows: [
      ...names.map((route) => {
        const video = [50, 95, 99, 100].map((percent) => round(percentile(all(route, 'video'), percent)))
        return [route, ...video, ...(isRemuxing(route) ? soundRow(all(route, 'audio')) : nothing)]
      }),
      ['soonest', ...nothing, ...soundRow(all('xg2g pool', 'soonest'))],
    ],
  }
  const video = all('xg2g pool', 'video')
  const median = percentile(video, 50)
  const inWorker = median - percentile(all('rings alone', 'video'), 50)
  const goals = [
    atMost(`video delay, added in the worker, p50, ${name}`, 0.1, inWorker, ' ms'),
    atMost(`video delay, pool with its wake-ups, p50, ${name}`, 0.1, median, ' ms'),
    atMost(`video delay, pool with its wake-ups, p99, ${name}`, 3, percentile(video, 99), ' ms'),
    atMost(`audio delay, pool, p50, ${name}`, 55, percentile(all('xg2g pool', 'audio'), 50), ' ms'),
  ]
  return { table, goals }
}

const nothing = new Array<string>(4).fill('-')

function soundRow(delays: readonly number[]): string[] {
  return [round(mean(delays)), ...[50, 95, 99].map((percent) => round(percentile(delays, percent)))]
}

interface Waits {
  readonly video: number[]
  readonly audio: number[]
}

async function startAt(
  made: Record<RouteName, Route>,
  input: Input,
  bytes: Uint8Array,
  places: readonly number[],
  count: number,
): Promise<Record<RemuxingName, Waits>> {
  const random = randomOf(1)
  const chosen = Array.from({ length: count }, () => places[Math.floor(random() * places.length)] ?? 0)
  const found = await interleaved(remuxing, count, (name, turn) =>
    start(made[name], input, bytes, chosen[turn] ?? 0),
  )
  const waits = (name: RemuxingName): Waits => ({
    video: found[name].map(({ video }) => video),
    audio: found[name].map(({ audio }) => audio),
  })
  return Object.fromEntries(remuxing.map((name) => [name, waits(name)])) as Record<RemuxingName, Waits>
}

/** Ms from the first byte given to the first packet of each. */
async function start(
  route: Route,
  input: Input,
  bytes: Uint8Array,
  from: number,
): Promise<{ video: number; audio: number }> {
  const result = new Recording()
  const stop = new AbortController()
  const isThere = () => result.firstOf(pids.video) !== undefined && result.firstOf(pids.audio) !== undefined
  const passage = await route.open((piece) => {
    if (stop.signal.aborted) return
    result.add(piece)
    if (isThere()) stop.abort()
  })
  const timer = setTimeout(() => stop.abort(), longestWaitMs)
  const startedAt = performance.now()
  const bytesPerMs = input.bytes / input.seconds / 1000
  await pace({ bytes, from, bytesPerMs, signal: stop.signal }, (group) => passage.give(group))
  clearTimeout(timer)
  await passage.close()
  const wait = (pid: number) => (result.firstOf(pid) ?? Infinity) - startedAt
  return { video: wait(pids.video), audio: wait(pids.audio) }
}

function startTable(where: string, waits: Record<RemuxingName, Waits>, count: number): Table {
  return {
    title: `First bytes of a stream that begins ${where}, ms after its first byte came; ${count} starts`,
    columns: ['', 'video p50', 'p95', 'max', 'audio p50', 'p95', 'max'],
    rows: remuxing.map((name) => {
      const { video, audio } = waits[name]
      const three = (values: number[]) => [50, 95, 100].map((percent) => round(percentile(values, percent)))
      return [name, ...three(video), ...three(audio)]
    }),
  }
}
