// CPU for each stream of a whole server over real sockets: the daemon, and Node with an ffmpeg for each stream.
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { stream, withoutNulls, type Input } from './input.ts'
import { gather } from './live/audience.ts'
import { cpuSeconds } from './live/process.ts'
import { askNumber, startDaemon, startPlayer, startRelay, type Server } from './live/server.ts'
import { interleaved, spreadOf } from './measure.ts'
import { atMost, round, show, type Benchmark, type Goal } from './report.ts'

const contenders = ['xg2g', 'ffmpeg default', 'ffmpeg fast'] as const
type Contender = (typeof contenders)[number]

const ours = 40
// Shares of what the cores could carry by the CPU time of two streams, tried from above: source, viewers and
// the machine's other work need some of it too.
const rivalShares = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
const warmMs = 8000
const probeMs = 10_000
const mostLagMs = 500

interface Reading {
  /** % of a core for each stream */
  readonly percent: number
  readonly megabits: number
  readonly lagMs: number
  readonly syncErrors: number
  readonly isInTime: boolean
}

export const server: Benchmark = {
  title: 'Whole server over real sockets: CPU per stream',
  async run({ rounds, seconds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 3)
    const measureMs = 1000 * (seconds ?? (isQuick ? 6 : 30))
    const input = await withoutNulls(await stream('m'))
    const counts: Record<Contender, number> = {
      xg2g: isQuick ? 8 : ours,
      'ffmpeg default': isQuick ? 2 : await mostInTime('ffmpeg default', input),
      'ffmpeg fast': isQuick ? 2 : await mostInTime('ffmpeg fast', input),
    }
    const found = await interleaved(contenders, often, (name) => watch(name, counts[name], input, measureMs))
    const percents = (name: Contender) => spreadOf(found[name].map(({ percent }) => percent))
    const share = (rival: Contender) => percents('xg2g').median / percents(rival).median
    return {
      task:
        'So many viewers each watch a stream of their own through the server, which fetches it over HTTP from a stream ' +
        'server, makes AAC 192k stereo of its sound and sends it on over HTTP, in real time. xg2g: `./xg2g serve`. The ' +
        'rivals: one Node process that relays through one ffmpeg process for each stream (perf/live/relay.ts), with as ' +
        'many streams as this machine carries without falling behind. CPU time of the server and its children; ' +
        'stream server and viewers are processes of their own and not counted.',
      inputs: [
        `${input.name}: ${input.description}, ${round((input.bytes * 8) / input.seconds / 1e6)} Mbit/s`,
      ],
      tables: [
        {
          title: `% of a core for each stream, ${measureMs / 1000} s, ${often} rounds, median (least - most)`,
          columns: [
            '',
            'streams',
            '% per stream',
            'Mbit/s out each',
            'source behind ms',
            'sync errors',
            'in time',
          ],
          rows: contenders.map((name) => {
            const worst = (kind: 'lagMs' | 'syncErrors') => Math.max(...found[name].map((each) => each[kind]))
            return [
              name,
              String(counts[name]),
              show(percents(name)),
              show(spreadOf(found[name].map(({ megabits }) => megabits))),
              worst('lagMs').toFixed(0),
              String(worst('syncErrors')),
              found[name].every(({ isInTime }) => isInTime) ? 'yes' : 'NO',
            ]
          }),
        },
        {
          title: 'Streams on one core, if that were all that it did',
          columns: ['', 'streams'],
          rows: contenders.map((name) => [name, (100 / percents(name).median).toFixed(0)]),
        },
      ],
      goals: [
        atMost('CPU per stream, xg2g / Node + ffmpeg default', 1 / 3, share('ffmpeg default'), ' x'),
        inTime(`${counts.xg2g} streams of 10 Mbit/s in time`, found.xg2g),
      ],
      notes: [
        `xg2g / Node + ffmpeg fast: ${round(share('ffmpeg fast'))}.`,
        'xg2g has its default number of workers: one less than there are cores.',
        'What the kernel does for the sockets in the name of the server is in it, what it does for itself is not.',
      ],
    }
  },
}

function inTime(what: string, readings: readonly Reading[]): Goal {
  const isMet = readings.every(({ isInTime }) => isInTime)
  return { what, goal: 'yes', measured: isMet ? 'yes' : 'no', isMet }
}

async function mostInTime(name: Contender, input: Input): Promise<number> {
  const { percent } = await watch(name, 2, input, probeMs)
  for (const share of rivalShares) {
    const count = Math.floor((share * 100 * availableParallelism()) / percent)
    const { isInTime } = await watch(name, count, input, probeMs)
    if (isInTime) return count
  }
  throw new Error(`${name} does not keep up`)
}

function start(name: Contender, upstream: string): Promise<Server> {
  switch (name) {
    case 'xg2g':
      return startDaemon(upstream, { XG2G_STREAMS_PER_WORKER: String(ours) })
    case 'ffmpeg default':
      return startRelay(upstream, 'default')
    case 'ffmpeg fast':
      return startRelay(upstream, 'fast')
  }
}

async function watch(name: Contender, count: number, input: Input, ms: number): Promise<Reading> {
  const bytesPerMs = input.bytes / input.seconds / 1000
  await using player = await startPlayer(input.path, bytesPerMs)
  await using server = await start(name, `http://127.0.0.1:${player.port}`)
  await using audience = gather(server.port, count)
  await delay(warmMs + 40 * count)
  const before = { cpu: cpuSeconds(server.pid), at: performance.now(), sight: await audience.look() }
  await delay(ms)
  const after = { cpu: cpuSeconds(server.pid), at: performance.now(), sight: await audience.look() }
  const seconds = (after.at - before.at) / 1000
  const rates = after.sight.bytes.map(
    (bytes, viewer) => (bytes - (before.sight.bytes[viewer] ?? 0)) / seconds,
  )
  const lagMs = await askNumber(player.port, 'lag')
  // All of the picture and about as much sound as came in: a stream that is cut or late sends less.
  const isWhole = rates.length === count && rates.every((rate) => rate > 0.95 * 1000 * bytesPerMs)
  const isInTime = isWhole && lagMs <= mostLagMs && after.sight.ended === 0
  const percent = (100 * (after.cpu - before.cpu)) / seconds / count
  process.stderr.write(`${name} x ${count}: ${round(percent)} % each${isInTime ? '' : ', not in time'}\n`)
  return {
    percent,
    megabits: (rates.reduce((sum, rate) => sum + rate, 0) / count / 1e6) * 8,
    lagMs,
    syncErrors: after.sight.syncErrors,
    isInTime,
  }
}
