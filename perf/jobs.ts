// A hundred jobs and twenty live streams in one pool: what viewers notice of it, and what is left for the jobs.
import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { mostPushBytes, patientSettleMs } from '../src/workers/native.ts'
import { Pool, type PoolStream } from '../src/workers/pool.ts'
import { defaultProfile } from '../src/workers/profile.ts'
import { head, stream, withoutNulls, type Input } from './input.ts'
import { alone, beginning, type Expected } from './live/expected.ts'
import { pace } from './live/pace.ts'
import { groupBytes } from './live/stream.ts'
import { interleaved, percentile, spreadOf } from './measure.ts'
import { atLeast, atMost, show, type Benchmark } from './report.ts'

const jobSeconds = 3
const warmMs = 2000
const tickMs = 10 // of the timer that measures the loop's delay
const apartMs = 37 // live streams begin one after the other

/** How many jobs and live streams there are at once. */
interface Load {
  readonly jobs: number
  readonly live: number
}

interface Reading {
  /** MB/s, of all jobs */
  readonly speed: number
  /** What the place that got least of it got, by what the one with most got. */
  readonly evenness: number
  readonly jobsDone: number
  /** Jobs and live streams whose output is not what a remuxer alone gives. */
  readonly wrong: number
  /** Groups of packets that found the ring of a live stream full. */
  readonly overruns: number
  /** Worker threads that ended or counted as hung: their streams are flagged, and so not as expected. */
  readonly losses: number
  readonly loop: { readonly p50: number; readonly p99: number; readonly max: number }
  /** ms, from the writing of each group to the last byte that comes of it, of all live streams */
  readonly delays: readonly number[]
}

export const jobs: Benchmark = {
  title: 'Jobs beside live streams in one pool',
  async run({ rounds, seconds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 5)
    const ms = 1000 * (seconds ?? (isQuick ? 3 : 10))
    const [many, live] = isQuick ? [20, 4] : [100, 20]
    const loads = {
      'one job': { jobs: 1, live: 0 },
      [`${live} live`]: { jobs: 0, live },
      [`${many} jobs`]: { jobs: many, live: 0 },
      [`${many} jobs, ${live} live`]: { jobs: many, live },
    } satisfies Record<string, Load>
    const names = Object.keys(loads)
    const m = await stream('m')
    const [film, programme] = [await head(m, jobSeconds), await withoutNulls(m)]
    const job = alone(await readFile(film.path), mostPushBytes, { settleMs: patientSettleMs })
    const channel = alone(await beginning(programme, warmMs + ms + live * apartMs + 5000), groupBytes)
    const found = await interleaved(names, often, (name) =>
      measure(loads[name] ?? loads['one job'], ms, job, channel, programme),
    )
    const [single = '', calm = '', busy = '', full = ''] = names
    const of = (name: string) => found[name] ?? []
    const all = names.flatMap(of)
    const loaded = of(full)
    const p = (name: string, percent: number) => of(name).map(({ delays }) => percentile(delays, percent))
    const speeds = (name: string) => of(name).map(({ speed }) => speed)
    const middle = (values: readonly number[]) => percentile(values, 50)
    return {
      task:
        `${many} jobs are written as fast as they are taken, ${live} live streams in real time, into the rings of one pool with ` +
        'default settings; a job that has ended is followed by another one. The main thread writes, reads and compares every ' +
        'byte with what a remuxer alone makes of the same input. The delay of a live stream is the time from the ' +
        'writing of a group of 7 packets to the last byte that comes of it.',
      inputs: [
        `jobs: ${film.description}: ${m.description}`,
        `live: ${programme.name}: ${m.description}, without null packets`,
      ],
      tables: [
        {
          title: `${ms / 1000} s, ${often} rounds, median (least - most)`,
          columns: [
            '',
            'jobs MB/s',
            'least of a job by most',
            'live delay p50 ms',
            'p99 ms',
            'loop p50 ms',
            'loop p99 ms',
            'longest ms',
          ],
          rows: names.map((name) => [
            name,
            ...(name === calm
              ? ['', '']
              : [show(spreadOf(speeds(name))), show(spreadOf(of(name).map(({ evenness }) => evenness)))]),
            ...(name === single || name === busy
              ? ['', '']
              : [show(spreadOf(p(name, 50))), show(spreadOf(p(name, 99)))]),
            ...(['p50', 'p99', 'max'] as const).map((kind) =>
              show(spreadOf(of(name).map(({ loop }) => loop[kind]))),
            ),
          ]),
        },
        {
          title: 'All rounds together',
          columns: ['', 'jobs done', 'streams with wrong bytes', 'live rings found full', 'threads lost'],
          rows: names.map((name) => [
            name,
            ...(['jobsDone', 'wrong', 'overruns', 'losses'] as const).map((kind) =>
              String(sum(of(name).map((each) => each[kind]))),
            ),
          ]),
        },
      ],
      goals: [
        atMost('streams with wrong bytes', 0, sum(all.map(({ wrong }) => wrong))),
        atMost(`live rings found full, ${full}`, 0, sum(loaded.map(({ overruns }) => overruns))),
        atMost(`event loop delay, p99, ${full}`, 30, middle(loaded.map(({ loop }) => loop.p99)), ' ms'),
        atMost(`delay of a live stream, p99, ${full}`, 30, middle(p(full, 99)), ' ms'),
        atLeast(`throughput, ${busy} / one job`, 0.75, middle(speeds(busy)) / middle(speeds(single))),
      ],
      notes: [
        `The event loop’s delay is the time from one tick of a timer of ${tickMs} ms to the next, so that an idle loop has ${tickMs} ms.`,
        'The main thread does here what sockets would make it do, and compares all bytes besides; on a machine with two cores ' +
          'it and the only worker thread have one each.',
        'The least of a job by most compares places: what the jobs that followed one another there took in the same time.',
      ],
    }
  },
}

async function measure(
  load: Load,
  ms: number,
  job: Expected,
  channel: Expected,
  { bytes, seconds }: Input,
): Promise<Reading> {
  const pool = new Pool()
  await pool.ready()
  const stop = new AbortController()
  const places = Array.from({ length: load.jobs }, () => new Place(pool, job))
  const working = places.map((place) => place.work(stop.signal))
  const viewers = Array.from({ length: load.live }, () => new Viewer(pool, channel))
  const watching = viewers.map(async (viewer, index) => {
    await delay(index * apartMs)
    await viewer.watch(bytes / seconds / 1000, stop.signal)
  })
  await delay(warmMs + load.live * apartMs)
  const taken = () => places.map((place) => place.taken)
  const [from, before] = [performance.now(), taken()]
  for (const viewer of viewers) viewer.delays.length = 0
  const loop = monitorEventLoopDelay({ resolution: tickMs })
  loop.enable()
  await delay(ms)
  loop.disable()
  const [to, now] = [performance.now(), taken()]
  const delays = viewers.flatMap((viewer) => viewer.delays)
  stop.abort()
  await Promise.all([...working, ...watching])
  const { restarts: losses, failures } = pool.stats()
  await pool.close()
  const each = now.map((bytes, place) => bytes - (before[place] ?? 0))
  const speed = sum(each) / (to - from) / 1000
  const reading = {
    speed,
    evenness: Math.min(...each) / Math.max(...each),
    jobsDone: sum(places.map(({ done }) => done)),
    wrong: sum([...places, ...viewers].map(({ wrong }) => wrong)),
    overruns: sum(viewers.map(({ overruns }) => overruns)),
    losses,
    loop: { p50: loop.percentile(50) / 1e6, p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 },
    delays,
  }
  process.stderr.write(
    `${load.jobs} jobs, ${load.live} live: ${speed.toFixed(0)} MB/s, loop p99 ${reading.loop.p99.toFixed(1)} ms, ` +
      `live p99 ${percentile(delays, 99).toFixed(1)} ms, ${reading.wrong} wrong, ${reading.overruns} overruns, ` +
      `threads lost: ${JSON.stringify(failures)}\n`,
  )
  return reading
}

/** One job after the other. */
class Place {
  done = 0
  wrong = 0
  readonly #pool: Pool
  readonly #expected: Expected
  #stream: PoolStream | undefined
  #before = 0 // bytes of the jobs before this one

  constructor(pool: Pool, expected: Expected) {
    this.#pool = pool
    this.#expected = expected
  }

  /** Bytes that the worker has taken. */
  get taken(): number {
    const input = this.#stream?.input
    return this.#before + (input === undefined ? 0 : input.total - input.fill)
  }

  async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const stream = (this.#stream = this.#pool.open(defaultProfile, { weight: 1 }))
      const [isRight] = await Promise.all([compare(stream, this.#expected.output), this.#feed(stream)])
      await stream.done
      this.#before += this.#expected.input.length
      this.#stream = undefined
      this.done++
      if (!isRight) this.wrong++
    }
  }

  // A piece in each pass of the loop, as a socket would give it.
  async #feed({ input }: PoolStream): Promise<void> {
    const bytes = this.#expected.input
    for (let at = 0; at < bytes.length;) {
      const taken = input.write(bytes.subarray(at, at + mostPushBytes))
      if (taken < 0) return
      if (taken === 0) await input.whenWritable(mostPushBytes)
      else await new Promise(setImmediate)
      at += taken
    }
    input.close()
  }
}

/** A live stream and who watches it. */
class Viewer {
  overruns = 0
  wrong = 0
  readonly delays: number[] = []
  readonly #pool: Pool
  readonly #expected: Expected
  readonly #writtenAt: number[] = []
  #seen = 0 // groups of which all has come

  constructor(pool: Pool, expected: Expected) {
    this.#pool = pool
    this.#expected = expected
  }

  async watch(bytesPerMs: number, signal: AbortSignal): Promise<void> {
    const stream = this.#pool.open(defaultProfile)
    const reading = compare(stream, this.#expected.output, (total) => this.#note(total))
    const all = this.#expected.input
    let given = 0
    const end = new AbortController()
    signal.addEventListener('abort', () => end.abort(), { once: true })
    await pace({ bytes: all, from: 0, bytesPerMs, signal: end.signal }, (group) => {
      if (stream.input.write(group) < group.length) this.overruns++
      this.#writtenAt.push(performance.now())
      if ((given += group.length) >= all.length) end.abort()
    })
    // What came until here is right; the end of the stream is not compared, as it is none of the input's.
    stream.close()
    if (!(await reading)) this.wrong++
    await stream.done
  }

  #note(total: number): void {
    const { after } = this.#expected
    const now = performance.now()
    for (; this.#seen < this.#writtenAt.length && (after[this.#seen] ?? Infinity) <= total; this.#seen++) {
      const isSome = (after[this.#seen] ?? 0) > (after[this.#seen - 1] ?? 0)
      if (isSome) this.delays.push(now - (this.#writtenAt[this.#seen] ?? now))
    }
  }
}

/** Reads all output. @returns whether it is the expected one, or the front of it if the stream is cancelled */
async function compare(
  { output }: PoolStream,
  expected: Buffer,
  onBytes: (total: number) => void = () => undefined,
): Promise<boolean> {
  let total = 0
  let isRight = true
  while (!output.isDrained) {
    const piece = output.readable(4 * mostPushBytes)
    if (piece.length === 0) {
      await output.whenReadable()
      continue
    }
    isRight &&= Buffer.compare(piece, expected.subarray(total, total + piece.length)) === 0
    total += piece.length
    output.release(piece.length)
    onBytes(total)
    await new Promise(setImmediate)
  }
  return isRight && (total === expected.length || output.closeReason === 'cancel')
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
