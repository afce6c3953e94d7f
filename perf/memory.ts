// Memory of one further stream: of a remuxer alone, of the whole server, of an ffmpeg process.
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from './command.ts'
import { head, stream, withoutNulls, type Input } from './input.ts'
import { gather } from './live/audience.ts'
import { memoryMb } from './live/process.ts'
import { startDaemon, startPlayer } from './live/server.ts'
import { slope } from './measure.ts'
import { atMost, round, type Benchmark, type Table } from './report.ts'
import { ffmpegCommand } from './rival.ts'

const contextSeconds = 3

/** What so many streams take, in MB. */
interface Point {
  readonly count: number
  readonly privateDirty: number
  readonly pss: number
}

export const memory: Benchmark = {
  title: 'Memory of a further stream',
  async run({ seconds, isQuick }) {
    const settleMs = 1000 * (seconds ?? (isQuick ? 2 : 8))
    const [m, a] = [await stream('m'), await stream('a')]
    const counts = isQuick ? [10, 50] : [10, 50, 100, 200]
    const mp2 = await ofContexts(await head(m, contextSeconds), counts)
    const ac3 = await ofContexts(await head(a, contextSeconds), counts)
    const server = await ofServer(await withoutNulls(m), isQuick ? [2, 6] : [2, 8, 16, 24, 32], settleMs)
    const rival = await ofFfmpeg(m, isQuick ? [1, 2] : [1, 2, 4, 8], settleMs)
    return {
      task:
        'As many streams as the tables say are carried at once; the memory of the process is what the kernel says in ' +
        'smaps_rollup, and what counts is the slope of a straight line through the points. ' +
        `Remuxers: in one native process, fed ${contextSeconds} s each, 64 KB in turns. Server: \`./xg2g serve\` with one ` +
        'worker, streams over TCP in real time. ffmpeg: one process for each stream, in real time.',
      inputs: [m, a].map(({ name, description }) => `${name}: ${description}`),
      tables: [
        tableOf('Remuxers, MP2', mp2),
        tableOf('Remuxers, AC-3 5.1', ac3),
        tableOf('Whole server with its rings, MP2', server),
        tableOf('ffmpeg processes, MP2', rival),
        {
          title: 'MB for each further stream',
          columns: ['', 'private dirty', 'PSS'],
          rows: Object.entries({ 'remuxer, MP2': mp2, 'remuxer, AC-3 5.1': ac3, server, ffmpeg: rival }).map(
            ([name, points]) => [
              name,
              round(perStream(points, 'privateDirty')),
              round(perStream(points, 'pss')),
            ],
          ),
        },
      ],
      goals: [
        atMost('memory of a further remuxer, MP2', 1.6, perStream(mp2, 'privateDirty'), ' MB'),
        atMost('memory of a further remuxer, AC-3 5.1', 1.6, perStream(ac3, 'privateDirty'), ' MB'),
        atMost('memory of a further stream, whole server', 6, perStream(server, 'privateDirty'), ' MB'),
      ],
      notes: ['Buffers of sockets and pipes in the kernel are not in it.'],
    }
  },
}

function perStream(points: readonly Point[], kind: 'privateDirty' | 'pss'): number {
  return slope(points.map((point) => ({ x: point.count, y: point[kind] })))
}

function tableOf(title: string, points: readonly Point[]): Table {
  return {
    title: `${title}, MB`,
    columns: ['streams', 'private dirty', 'PSS'],
    rows: points.map(({ count, privateDirty, pss }) => [String(count), round(privateDirty), round(pss)]),
  }
}

async function ofContexts({ path }: Input, counts: readonly number[]): Promise<Point[]> {
  const points: Point[] = []
  for (const count of counts) {
    const { stdout } = await run(['build/perf/memory', path, String(count)])
    const found = JSON.parse(stdout.toString()) as { privateDirtyKb: number; pssKb: number }
    points.push({ count, privateDirty: found.privateDirtyKb / 1024, pss: found.pssKb / 1024 })
  }
  return points
}

async function ofServer(input: Input, counts: readonly number[], settleMs: number): Promise<Point[]> {
  await using player = await startPlayer(input.path, input.bytes / input.seconds / 1000)
  await using daemon = await startDaemon(`http://127.0.0.1:${player.port}`, {
    XG2G_WORKERS: '1',
    XG2G_STREAMS_PER_WORKER: '64',
    XG2G_LOG_LEVEL: 'info',
  })
  await using audiences = new AsyncDisposableStack()
  const points: Point[] = []
  let watching = 0
  for (const count of counts) {
    audiences.use(gather(daemon.port, count - watching, { first: watching }))
    watching = count
    await delay(settleMs + 40 * count)
    points.push({ count, ...memoryMb(daemon.pid) })
  }
  return points
}

async function ofFfmpeg({ path }: Input, counts: readonly number[], settleMs: number): Promise<Point[]> {
  const [program = '', ...args] = ffmpegCommand({ input: path, output: '/dev/null', inputOptions: ['-re'] })
  const points: Point[] = []
  const children: ReturnType<typeof spawn>[] = []
  try {
    for (const count of counts) {
      while (children.length < count) children.push(spawn(program, args, { stdio: 'ignore' }))
      await delay(settleMs)
      const found = children.map(({ pid }) => memoryMb(pid ?? 0))
      const sum = (kind: 'privateDirty' | 'pss') => found.reduce((all, each) => all + each[kind], 0)
      points.push({ count, privateDirty: sum('privateDirty'), pss: sum('pss') })
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
  return points
}
