// Many viewers of one channel, and many channels: what the daemon's main thread carries.
import { setTimeout as delay } from 'node:timers/promises'
import { stream, withoutNulls, type Input } from './input.ts'
import { gather } from './live/audience.ts'
import { cpuSeconds, memoryMb } from './live/process.ts'
import { askNumber, startDaemon, startPipe, startPlayer, type Daemon } from './live/server.ts'
import { interleaved, percentile, slope, spreadOf } from './measure.ts'
import { atLeast, atMost, round, show, type Benchmark } from './report.ts'

const contenders = ['xg2g', 'Node pipe'] as const
type Contender = (typeof contenders)[number]

const warmMs = 4000
const viewerMs = 40 // they come one after the other
const manyChannels = { XG2G_STREAMS_PER_WORKER: '64' }

export const crowd: Benchmark = {
  title: 'Many viewers of one channel, and many channels',
  async run({ rounds, seconds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 3)
    const measureMs = 1000 * (seconds ?? (isQuick ? 4 : 10))
    const viewers = isQuick ? 30 : 200
    const channels = isQuick ? 12 : 60
    const [m, s] = [await withoutNulls(await stream('m')), await withoutNulls(await stream('s'))]
    const found = await interleaved(contenders, often, (name) => watch(name, viewers, m, measureMs))
    const percents = (name: Contender) => found[name].map(({ percent }) => percent)
    const ratios = percents('xg2g').map((percent, turn) => percent / (percents('Node pipe')[turn] ?? NaN))
    const most = (kind: 'connections' | 'remuxes') => Math.max(...found.xg2g.map((each) => each[kind]))
    const points = await ofViewers(m, isQuick ? [10, 60] : [10, 50, 100, 200], isQuick ? 2000 : 5000)
    const perViewerKb = 1024 * slope(points.map(({ count, mb }) => ({ x: count, y: mb })))
    const many = await ofChannels(s, channels, measureMs)
    return {
      task:
        `${viewers} viewers watch one channel through \`./xg2g serve\`; the rival is one Node process that pipes a ` +
        'connection of its own from the source to each (perf/live/pipe.ts). CPU time of the server, user and system, for ' +
        'what it delivered. Memory is what the daemon alone has written to (private dirty), the slope over the viewers. ' +
        `Then ${channels} channels at once with a viewer each.`,
      inputs: [m, s].map(
        ({ name, description, bytes, seconds: length }) =>
          `${name}: ${description}, ${round((bytes * 8) / length / 1e6)} Mbit/s`,
      ),
      tables: [
        {
          title: `${viewers} viewers of one channel, ${measureMs / 1000} s, ${often} rounds, median (least - most)`,
          columns: ['', '% of a core', 'delivered of what is due', 'connections to the source', 'remuxes'],
          rows: contenders.map((name) => [
            name,
            show(spreadOf(percents(name))),
            show(spreadOf(found[name].map(({ share }) => share))),
            String(Math.max(...found[name].map(({ connections }) => connections))),
            name === 'xg2g' ? String(most('remuxes')) : '',
          ]),
        },
        {
          title: 'The daemon with so many viewers of one channel',
          columns: ['viewers', 'private dirty MB'],
          rows: points.map(({ count, mb }) => [String(count), round(mb)]),
        },
        {
          title: `${channels} channels at once, ${measureMs / 1000} s`,
          columns: [
            ...['least delivered of what is due', 'source behind ms', 'viewer behind ms, most'],
            ...['event loop p50 ms', 'p99 ms', '% of a core', 'sync errors'],
          ],
          rows: [
            [
              ...[round(many.leastShare), many.lagMs.toFixed(0), round(many.viewerLagMs)],
              ...[round(many.loopP50Ms), round(many.loopP99Ms), round(many.percent), String(many.syncErrors)],
            ],
          ],
        },
      ],
      goals: [
        atMost(`CPU, ${viewers} viewers of one channel, xg2g / Node pipe`, 2, percentile(ratios, 50), ' x'),
        atMost('connections to the source', 1, most('connections')),
        atMost('remuxes', 1, most('remuxes')),
        atMost('memory of a further viewer', 150, perViewerKb, ' KB'),
        atLeast(`least delivered of ${channels} channels`, 0.95, many.leastShare),
        atMost(`source behind, ${channels} channels`, 500, many.lagMs, ' ms'),
        atMost(`viewer behind, ${channels} channels`, 500, many.viewerLagMs, ' ms'),
        atMost(`event loop delay, p99, ${channels} channels`, 20, many.loopP99Ms, ' ms'),
      ],
      notes: [
        '% of a core is for what all viewers are due; a server that delivers less has its CPU time put to what it did.',
        'Source and viewers are processes of their own and not counted; they need as much of the cores as the servers do.',
        'The event loop’s delay is nodejs_eventloop_lag_p99_seconds of /metrics over the measurement. It is the time from ' +
          'one tick of a timer of 10 ms to the next, so that an idle loop has 10 ms.',
        'Buffers of sockets in the kernel are not in the memory. Behind is looked at each second, for a viewer by what has ' +
          'not been given to its connection yet.',
      ],
    }
  },
}

interface Reading {
  /** % of a core for what all viewers are due */
  readonly percent: number
  readonly share: number
  readonly connections: number
  readonly remuxes: number
}

async function watch(name: Contender, count: number, input: Input, ms: number): Promise<Reading> {
  const rate = input.bytes / input.seconds
  await using player = await startPlayer(input.path, rate / 1000)
  const upstream = `http://127.0.0.1:${player.port}`
  await using servers = new AsyncDisposableStack()
  const daemon = name === 'xg2g' ? servers.use(await startDaemon(upstream)) : undefined
  const { pid, port } = daemon ?? servers.use(await startPipe(upstream))
  await using audience = gather(port, count, { channels: 1 })
  await delay(warmMs + viewerMs * count)
  const before = { cpu: cpuSeconds(pid), at: performance.now(), bytes: sum((await audience.look()).bytes) }
  await delay(ms)
  const after = { cpu: cpuSeconds(pid), at: performance.now(), bytes: sum((await audience.look()).bytes) }
  const share = (after.bytes - before.bytes) / (rate * count * ((after.at - before.at) / 1000))
  const percent = (100 * (after.cpu - before.cpu)) / ((after.at - before.at) / 1000) / share
  process.stderr.write(`${name} x ${count}: ${round(percent)} %, ${round(share)} of what is due\n`)
  return {
    percent,
    share,
    connections: await askNumber(player.port, 'count'),
    remuxes: daemon === undefined ? 0 : await metric(daemon, 'xg2g_pool_streams'),
  }
}

async function ofViewers(
  input: Input,
  counts: readonly number[],
  settleMs: number,
): Promise<{ count: number; mb: number }[]> {
  await using player = await startPlayer(input.path, input.bytes / input.seconds / 1000)
  await using daemon = await startDaemon(`http://127.0.0.1:${player.port}`)
  await using audiences = new AsyncDisposableStack()
  const points: { count: number; mb: number }[] = []
  let watching = 0
  for (const count of counts) {
    audiences.use(gather(daemon.port, count - watching, { channels: 1 }))
    await delay(settleMs + viewerMs * (count - watching))
    watching = count
    const looks: number[] = []
    for (let look = 0; look < 5; look++) {
      looks.push(memoryMb(daemon.pid).privateDirty)
      await delay(200)
    }
    points.push({ count, mb: percentile(looks, 50) })
  }
  return points
}

interface Many {
  readonly leastShare: number
  readonly lagMs: number
  readonly viewerLagMs: number
  readonly loopP50Ms: number
  readonly loopP99Ms: number
  readonly percent: number
  readonly syncErrors: number
}

async function ofChannels(input: Input, count: number, ms: number): Promise<Many> {
  const rate = input.bytes / input.seconds
  await using player = await startPlayer(input.path, rate / 1000)
  await using daemon = await startDaemon(`http://127.0.0.1:${player.port}`, manyChannels)
  await using audience = gather(daemon.port, count)
  await delay(warmMs + viewerMs * count)
  await metric(daemon, 'nodejs_eventloop_lag_p99_seconds') // from here on: a look empties it
  const before = { cpu: cpuSeconds(daemon.pid), at: performance.now(), sight: await audience.look() }
  const behind: number[] = []
  const sourceBehind: number[] = []
  while (performance.now() - before.at < ms) {
    await delay(1000)
    behind.push(...(await lags(daemon)))
    sourceBehind.push(await askNumber(player.port, 'lag'))
  }
  const after = { cpu: cpuSeconds(daemon.pid), at: performance.now(), sight: await audience.look() }
  const text = await metrics(daemon)
  const seconds = (after.at - before.at) / 1000
  const shares = Array.from(
    { length: count },
    (_, viewer) => ((after.sight.bytes[viewer] ?? 0) - (before.sight.bytes[viewer] ?? 0)) / (rate * seconds),
  )
  return {
    leastShare: Math.min(...shares),
    lagMs: Math.max(...sourceBehind),
    viewerLagMs: (1000 * Math.max(...behind)) / rate,
    loopP50Ms: 1000 * valueIn(text, 'nodejs_eventloop_lag_p50_seconds'),
    loopP99Ms: 1000 * valueIn(text, 'nodejs_eventloop_lag_p99_seconds'),
    percent: (100 * (after.cpu - before.cpu)) / seconds,
    syncErrors: after.sight.syncErrors,
  }
}

async function lags({ apiPort }: Daemon): Promise<number[]> {
  const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1/streams`)
  const { streams } = (await response.json()) as { streams: { lag: number }[] }
  return streams.map(({ lag }) => lag)
}

async function metric(daemon: Daemon, name: string): Promise<number> {
  return valueIn(await metrics(daemon), name)
}

async function metrics({ apiPort }: Daemon): Promise<string> {
  return (await fetch(`http://127.0.0.1:${apiPort}/metrics`)).text()
}

function valueIn(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
