// How many live streams a worker carries, and how many workers a machine: a sweep over both, with a plot.
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { mostPushBytes } from '../src/workers/native.ts'
import { Pool, type PoolStream } from '../src/workers/pool.ts'
import { defaultProfile } from '../src/workers/profile.ts'
import { draw, type Line } from './chart.ts'
import { stream, withoutNulls, type Input } from './input.ts'
import { alone, beginning, type Expected } from './live/expected.ts'
import { machineSeconds, memoryMb, threadSeconds } from './live/process.ts'
import { groupBytes } from './live/stream.ts'
import { percentile, slope } from './measure.ts'
import { atMost, round, type Benchmark } from './report.ts'

const sounds = { m: 'MP2', a: 'AC-3' } as const
type Sound = keyof typeof sounds

const sweep = [10, 20, 40, 60, 80, 100, 120] // streams for each worker
const warmMs = 1000
const spreadMs = 2000 // in which the streams of a point begin: a group of pictures
const defaultStreams = 128 // XG2G_STREAMS_PER_WORKER
const tickMs = 10 // of the timer that measures the loop's delay
const feedMs = 2
const goodMs = 30 // a p99 that a viewer with a small buffer does not notice
const quietPercent = 15 // of a core: more than this by other programs, and delays are theirs too
const fullPercent = 70 // of a worker thread: what is left is for joins and other work

/** What is run. */
interface Load {
  readonly sound: Sound
  readonly workers: number
  readonly perWorker: number
}

/** What was seen. */
interface Point extends Load {
  /** % of a core: the thread that runs JavaScript, and all others together */
  readonly main: number
  readonly others: number
  /** % of a core: other programs of the machine, meanwhile */
  readonly strangers: number
  readonly p50: number
  readonly p99: number
  readonly loopP99: number
  /** Times that a ring had no room for what was due. */
  readonly overruns: number
  /** Private and written to, of the process */
  readonly mb: number
}

interface Source {
  readonly input: Input
  readonly expected: Expected
}

export const pool: Benchmark = {
  title: 'Streams for each worker, and workers: a sweep',
  async run({ seconds, isQuick }) {
    const ms = 1000 * (seconds ?? (isQuick ? 1 : 8))
    const cores = availableParallelism()
    const steps = isQuick ? [2, 4] : sweep
    const workers = workersTried(cores)
    const points: Point[] = []
    const inputs: string[] = []
    for (const sound of Object.keys(sounds) as Sound[]) {
      const input = await withoutNulls(await stream(sound))
      inputs.push(
        `${sounds[sound]}: ${input.name}, ${(await stream(sound)).description}, without null packets ${round((input.bytes * 8) / input.seconds / 1e6)} Mbit/s`,
      )
      const length = warmMs + spreadMs + ms + 1000
      const source = { input, expected: alone(await beginning(input, length), groupBytes) }
      for (const count of workers)
        for (const perWorker of steps)
          points.push(await measure({ sound, workers: count, perWorker }, source, ms))
    }
    const advice = adviceOf(points, cores)
    return {
      task:
        'So many live streams in real time go through the rings of one pool in this process; the main thread writes what is due ' +
        `each ${feedMs} ms, and reads what comes. The delay of a group of 7 packets is from the moment at which it is due to the last ` +
        'byte that comes of it: a pool that falls behind has a delay that grows. Other threads are the workers and the little that ' +
        'V8 and libuv do beside them. Private MB has the input, which lies in memory, and all else of the process.',
      inputs,
      tables: [
        { title: 'Advice', columns: ['question', 'answer on this machine'], rows: advice },
        {
          title: `Each point ${ms / 1000} s`,
          columns: [
            ...[
              'sound',
              'workers',
              'streams per worker',
              'streams',
              'delay p50 ms',
              'p99 ms',
              'rings found full',
            ],
            ...[
              'main thread % of a core',
              'other threads %',
              '% per stream',
              'loop p99 ms',
              'private MB',
              'other programs %',
            ],
          ],
          rows: points.map((point) => [
            ...[
              sounds[point.sound],
              String(point.workers),
              String(point.perWorker),
              String(streamsOf(point)),
            ],
            ...[round(point.p50), round(point.p99), String(point.overruns), point.main.toFixed(0)],
            ...[point.others.toFixed(0), round((point.main + point.others) / streamsOf(point))],
            ...[round(point.loopP99), point.mb.toFixed(0), point.strangers.toFixed(0)],
          ]),
        },
      ],
      plot: plotOf(points),
      goals: (Object.keys(sounds) as Sound[]).map((sound) => {
        const least = points.find((point) => point.sound === sound && point.perWorker === (isQuick ? 2 : 40))
        return atMost(
          `delay p99, one worker with ${least?.perWorker ?? 0} streams, ${sounds[sound]}`,
          goodMs,
          least?.p99 ?? NaN,
          ' ms',
        )
      }),
      notes: [
        `Good is a p99 of at most ${goodMs} ms with no ring found full. Streams of a point begin spread over ${spreadMs / 1000} s, as their key frames are at a receiver.`,
        'In a daemon the main thread also has sockets: see server and crowd for what that costs, and patterns for processes apart.',
        `The loop’s delay is the time from one tick of a timer of ${tickMs} ms to the next, so that an idle loop has ${tickMs} ms.`,
        'Points run one after the other in one process; memory that was given back by a pool may be used again by the next one.',
      ],
    }
  },
}

/** One, then twice as many each time, up to the cores. */
function workersTried(cores: number): number[] {
  const doubled = Array.from({ length: Math.ceil(Math.log2(cores)) }, (_, place) => 2 ** place)
  return [...doubled, cores]
}

const streamsOf = ({ workers, perWorker }: Load) => workers * perWorker
const isGood = ({ p99, overruns }: Point) => p99 <= goodMs && overruns === 0

/** Questions and answers, with figures. */
function adviceOf(points: readonly Point[], cores: number): string[][] {
  const most = (sound: Sound, workers: number) => {
    const row = points.filter((point) => point.sound === sound && point.workers === workers)
    const bad = row.findIndex((point) => !isGood(point))
    return (bad < 0 ? row : row.slice(0, bad)).at(-1)
  }
  const carried = (workers: number) =>
    (Object.keys(sounds) as Sound[]).map((sound) => {
      const point = most(sound, workers)
      if (point === undefined) return `${sounds[sound]} less than the least tried`
      const percent = point.others / point.workers
      return (
        `${sounds[sound]} ${point.perWorker} (p99 ${round(point.p99)} ms, worker at ${percent.toFixed(0)} % of a core)` +
        (percent > fullPercent ? ', which leaves little for joins' : '')
      )
    })
  const total = (workers: number) =>
    (Object.keys(sounds) as Sound[])
      .map((sound) => `${sounds[sound]} ${workers * (most(sound, workers)?.perWorker ?? 0)}`)
      .join(', ')
  const strangers = Math.max(...points.map((point) => point.strangers))
  const row = points.filter(({ sound, workers }) => sound === 'm' && workers === 1)
  const perStream = slope(row.map((point) => ({ x: streamsOf(point), y: point.mb })))
  return [
    ...(strangers > quietPercent
      ? [['worth', `a lower limit: other programs used up to ${strangers.toFixed(0)} % of a core meanwhile`]]
      : []),
    ['streams of 10 Mbit/s for one worker', carried(1).join('; ')],
    [
      'workers',
      `cores - 1 (here ${Math.max(1, cores - 1)}), the default: the main thread and the kernel’s sockets need the last one. ` +
        `In all with so many workers: ${workersTried(cores)
          .map((count) => `${count}: ${total(count)}`)
          .join('; ')}. ` +
        'Take fewer where other programs need the machine, as many as cores only where the main thread column stays far below 50 %.',
    ],
    [
      'memory',
      `about ${round(perStream)} MB for each further stream, rings included (the slope of private MB, MP2, one worker); ` +
        `the default of ${defaultStreams} for each worker needs ${(defaultStreams * perStream).toFixed(0)} MB: with less to spare, set XG2G_STREAMS_PER_WORKER to what fits`,
    ],
  ]
}

function plotOf(points: readonly Point[]): { about: string; svg: string } {
  const ends = new Set([Math.min, Math.max].map((end) => end(...points.map(({ workers }) => workers))))
  const some = points.filter(({ workers }) => ends.has(workers))
  const lines = (y: (point: Point) => number): Line[] =>
    [...Map.groupBy(some, ({ sound, workers }) => `${sounds[sound]}, workers: ${workers}`)].map(
      ([name, line]) => ({ name, points: line.map((point) => ({ x: point.perWorker, y: y(point) })) }),
    )
  const about = 'Delay and CPU by streams for each worker'
  const svg = draw({
    title: about,
    x: 'live streams of 10 Mbit/s for each worker',
    panels: [
      { title: 'delay p99, ms (log)', scale: 'log', lines: lines(({ p99 }) => p99) },
      {
        title: 'CPU of the process, % of a core',
        scale: 'linear',
        lines: lines(({ main, others }) => main + others),
      },
    ],
  })
  return { about, svg }
}

async function measure(load: Load, { input, expected }: Source, ms: number): Promise<Point> {
  const { workers, perWorker } = load
  const count = streamsOf(load)
  const pool = new Pool({ workers, streamsPerWorker: perWorker })
  await pool.ready()
  const stop = new AbortController()
  const viewers = Array.from(
    { length: count },
    () => new Viewer(pool, expected, input.bytes / input.seconds / 1000),
  )
  const feeding = feed(viewers, stop.signal)
  await delay(spreadMs + warmMs)
  for (const viewer of viewers) viewer.forget()
  const loop = monitorEventLoopDelay({ resolution: tickMs })
  loop.enable()
  const [before, from] = [used(), performance.now()]
  await delay(ms)
  const [after, to] = [used(), performance.now()]
  loop.disable()
  const { privateDirty: mb } = memoryMb(process.pid)
  const delays = viewers.flatMap((viewer) => viewer.seen(to))
  const overruns = viewers.reduce((sum, viewer) => sum + viewer.overruns, 0)
  stop.abort()
  await feeding
  await Promise.all(viewers.map((viewer) => viewer.close()))
  await pool.close()
  const percent = (kind: keyof Used) => (100 * 1000 * (after[kind] - before[kind])) / (to - from)
  const point = {
    ...load,
    ...{ main: percent('main'), others: percent('others') },
    strangers: percent('all') - percent('main') - percent('others'),
    ...{ p50: percentile(delays, 50), p99: percentile(delays, 99) },
    ...{ loopP99: loop.percentile(99) / 1e6, overruns, mb },
  }
  process.stderr.write(
    `${sounds[load.sound]}, ${workers} x ${perWorker}: p99 ${round(point.p99)} ms, main ${point.main.toFixed(0)} %, ` +
      `others ${point.others.toFixed(0)} %, ${overruns} overruns, ${mb.toFixed(0)} MB, other programs ${point.strangers.toFixed(0)} %\n`,
  )
  return point
}

/** CPU seconds. */
interface Used {
  readonly main: number
  readonly others: number
  /** of all programs */
  readonly all: number
}

function used(): Used {
  return { ...threadSeconds(), all: machineSeconds() }
}

/** Gives each stream what is due; they begin one after the other. */
async function feed(viewers: readonly Viewer[], signal: AbortSignal): Promise<void> {
  const startedAt = performance.now()
  while (!signal.aborted) {
    for (const [place, viewer] of viewers.entries()) {
      const beganAt = startedAt + (place * spreadMs) / viewers.length
      if (performance.now() >= beganAt) viewer.give(beganAt)
    }
    await delay(feedMs)
  }
}

/** A live stream and who watches it. */
class Viewer {
  overruns = 0
  #delays: number[] = []
  readonly #stream: PoolStream
  readonly #expected: Expected
  readonly #bytesPerMs: number
  readonly #reading: Promise<void>
  #beganAt = 0
  #given = 0 // bytes
  #seen = 0 // groups of which all has come

  constructor(pool: Pool, expected: Expected, bytesPerMs: number) {
    this.#stream = pool.open(defaultProfile)
    this.#expected = expected
    this.#bytesPerMs = bytesPerMs
    this.#reading = this.#read()
  }

  /** Writes the whole groups that are due and find room. */
  give(beganAt: number): void {
    this.#beganAt = beganAt
    const { input: all } = this.#expected
    const due = Math.min(all.length, (performance.now() - beganAt) * this.#bytesPerMs)
    const groups = Math.floor(due / groupBytes) * groupBytes
    if (groups <= this.#given) return
    const { input } = this.#stream
    const room = Math.floor(input.free / groupBytes) * groupBytes
    if (room < groups - this.#given) this.overruns++
    const end = Math.min(groups, this.#given + room)
    if (end > this.#given && input.write(all.subarray(this.#given, end)) > 0) this.#given = end
  }

  /** Delays from now on. */
  forget(): void {
    this.#delays = []
    this.overruns = 0
  }

  /** Delays so far; of what is under way, how long it has waited. @param now  ms */
  seen(now: number): readonly number[] {
    const waits = now - this.#dueAt(this.#seen)
    return waits > goodMs ? [...this.#delays, waits] : this.#delays
  }

  async close(): Promise<void> {
    this.#stream.close()
    await this.#reading
    await this.#stream.done.catch(() => undefined)
  }

  async #read(): Promise<void> {
    const { output } = this.#stream
    for (let total = 0; !output.isDrained;) {
      const { length } = output.readable(4 * mostPushBytes)
      if (length === 0) {
        await output.whenReadable()
        continue
      }
      output.release(length)
      this.#note((total += length))
    }
  }

  #note(total: number): void {
    const { after } = this.#expected
    const now = performance.now()
    for (; (after[this.#seen] ?? Infinity) <= total && this.#seen * groupBytes < this.#given; this.#seen++) {
      const isSome = (after[this.#seen] ?? 0) > (after[this.#seen - 1] ?? 0)
      if (isSome) this.#delays.push(now - this.#dueAt(this.#seen))
    }
  }

  // When the last byte of a group is due.
  #dueAt(group: number): number {
    return this.#beganAt + ((group + 1) * groupBytes) / this.#bytesPerMs
  }
}
