// What HLS costs the daemon: a channel beside the same channel as a transport stream, and many players of one, also
// behind the cache of nginx.
import { setTimeout as delay } from 'node:timers/promises'
import type { Kind } from '../src/demo/channels.ts'
import { startDemoReceiver } from '../src/demo/receiver.ts'
import { startNginx, type Asked } from '../test/e2e/nginx.ts'
import { gatherPlayers } from './live/audience.ts'
import { temporaryFolder } from './live/folder.ts'
import { cpuSeconds } from './live/process.ts'
import { startDaemon, type Daemon } from './live/server.ts'
import { percentile, spreadOf } from './measure.ts'
import { atMost, round, show, type Benchmark } from './report.ts'

const ways = ['stream', 'plain', 'low'] as const
type Way = (typeof ways)[number]

interface Crowd extends Asks {
  /** of a core */
  readonly percent: number
  readonly objects: number
  readonly playlists: number
  readonly errors: readonly string[]
}

/** What a cache has asked for: all, and what of it although it had it. */
interface Asks {
  readonly askedObjects: number
  readonly objectsAgain: number
  readonly askedNumbered: number
  readonly numberedAgain: number
  readonly askedOthers: number
}

const frontTitles: Record<Front, string> = { direct: 'from the daemon', nginx: 'through nginx' }
const titles: Record<Way, string> = {
  stream: 'transport stream',
  plain: 'HLS, segments',
  low: 'HLS, parts of 200 ms',
}
const fronts = ['direct', 'nginx'] as const
type Front = (typeof fronts)[number]

// Six target durations of four seconds, of which nginx counts whole ones. Parts and segments last longer than this runs.
const playlistKeptMs = 23_000
const settleMs = 12_000 // until each has its first segments
const fillMs = 75_000 // until windows are full, and memory is used again
const channelCount = 4 // for each of three daemons

interface Channel {
  readonly id: string
  readonly stream: string
}

export const hls: Benchmark = {
  title: 'What HLS costs',
  async run({ rounds, seconds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 5)
    const ms = 1000 * (seconds ?? (isQuick ? 4 : 12))
    const crowd = isQuick ? 50 : 500
    const costs = await costsOf(often, ms)
    const ratios = (way: Way) => costs[way].map((cost, turn) => cost / (costs.stream[turn] ?? NaN))
    const crowds = await crowdsOf(crowd, ms)
    return {
      task:
        `Three daemons at the same time with ${channelCount} channels of the demo receiver and a player for each: as transport ` +
        `stream, as HLS, as HLS in low latency. CPU time of the daemons, user and system. Then ${crowd} players of one channel.`,
      inputs: [
        'the demo receiver’s h264-1080i, three sounds transcoded; for the many players latm, 2 Mbit/s, which this machine can carry 500 times',
      ],
      tables: [
        {
          title: `One channel with one player, % of a core, ${often} times ${ms / 1000} s, median (least - most)`,
          columns: ['', 'CPU', 'to the stream'],
          rows: ways.map((way) => [
            titles[way],
            show(spreadOf(costs[way])),
            show(spreadOf(ratios(way)), ' x'),
          ]),
        },
        {
          title: `${crowd} players of one channel`,
          columns: [
            '',
            'daemon, % of a core',
            'of it for each player',
            'objects',
            'playlists',
            'answers that were none',
          ],
          rows: crowds.map(({ way, front, found }) => [
            `${titles[way]}, ${frontTitles[front]}`,
            round(found.percent),
            round(found.percent / crowd),
            String(found.objects),
            String(found.playlists),
            [String(found.errors.length), ...new Set(found.errors)].slice(0, 3).join('; '),
          ]),
        },
        {
          title: 'What nginx asked the daemon for meanwhile, from the first player to the last',
          columns: [
            '',
            'objects',
            'of them that it had',
            'playlists by number',
            'of them that it had',
            'others',
          ],
          rows: crowds
            .filter(({ front }) => front === 'nginx')
            .map(({ way, found }) => [
              titles[way],
              String(found.askedObjects),
              String(found.objectsAgain),
              String(found.askedNumbered),
              String(found.numberedAgain),
              String(found.askedOthers),
            ]),
        },
      ],
      goals: [
        ...(['plain', 'low'] as const).map((way) =>
          atMost(
            `CPU of a channel, ${titles[way]} / transport stream`,
            1.15,
            percentile(ratios(way), 50),
            ' x',
          ),
        ),
        atMost(
          'objects and playlists by number that nginx asked for and had',
          0,
          crowds.reduce((all, { found }) => all + found.objectsAgain + found.numberedAgain, 0),
          '',
        ),
        atMost(
          'answers that were none, of all players',
          0,
          crowds.reduce((all, { found }) => all + found.errors.length, 0),
          '',
        ),
      ],
      notes: [
        `Channels are measured from ${fillMs / 1000} s after their start on, when windows are full and memory is used again.`,
        'Receiver and players share the cores with the daemon and are not counted. Players of segments ask for a playlist every two ' +
          'seconds; those of parts ten times a second for a playlist or a part.',
      ],
    }
  },
}

// What nobody plays any more is to be gone before the next turn.
const crowded = { XG2G_MAX_CLIENTS: '2000', XG2G_TRUSTED_PROXIES: '127.0.0.1' }
const brief = { XG2G_LINGER: '0s', XG2G_HLS_LINGER: '10s' }
const lingerMs = 12_000

// A daemon, and the demo receiver that it plays.
async function openHouse(
  parts: AsyncDisposableStack,
  kind: Kind,
  count: number,
): Promise<{ daemon: Daemon; channels: Channel[] }> {
  const folder = parts.use(await temporaryFolder()).path
  const receiver = await startDemoReceiver({
    webPort: 0,
    streamPort: 0,
    dataDir: 'var',
    streams: [kind],
    atLeast: count,
    tuners: count,
  })
  parts.defer(() => receiver.close())
  const env = { XG2G_OWI_BASE: receiver.webUrl, XG2G_DATA: folder, ...crowded, ...brief }
  const daemon = parts.use(await startDaemon(receiver.streamUrl, env))
  return { daemon, channels: await lineupOf(daemon, count) }
}

// All at the same time, each with a daemon of its own: what else the machine does falls upon all of them.
async function costsOf(rounds: number, ms: number): Promise<Record<Way, number[]>> {
  await using parts = new AsyncDisposableStack()
  const running = []
  for (const way of ways) {
    const { daemon, channels } = await openHouse(parts, 'h264-1080i', channelCount)
    running.push({ way, daemon, audience: parts.use(playersOf(daemon, channels, way)) })
  }
  await delay(fillMs)
  const costs: Record<Way, number[]> = { stream: [], plain: [], low: [] }
  for (let round = 0; round < rounds; round++) {
    const percents = await Promise.all(running.map(({ daemon }) => percentOf(daemon, ms)))
    for (const [at, { way }] of running.entries()) costs[way].push((percents[at] ?? NaN) / channelCount)
  }
  for (const { way, audience } of running) {
    const { errors, bytes } = await audience.look()
    if (errors.length > 0 || bytes.includes(0))
      throw new Error(`Players of ${way} failed: ${errors.join(', ')}`)
  }
  return costs
}

function playersOf(daemon: Daemon, channels: readonly Channel[], way: Way) {
  const isStream = way === 'stream'
  const origin = `http://127.0.0.1:${isStream ? daemon.port : daemon.apiPort}`
  const paths = channels.map(({ id, stream }) => (isStream ? stream : `/hls/${id}/index.m3u8`))
  return gatherPlayers(origin, channels.length, way, paths)
}

async function crowdsOf(crowd: number, ms: number): Promise<{ way: Way; front: Front; found: Crowd }[]> {
  await using parts = new AsyncDisposableStack()
  const { daemon, channels } = await openHouse(parts, 'latm', 1)
  const nginx = await startNginx({ api: daemon.apiPort, streams: daemon.port, isPlain: true })
  parts.defer(() => nginx.close())
  const crowds: { way: Way; front: Front; found: Crowd }[] = []
  for (const way of ['plain', 'low'] as const)
    for (const front of fronts) {
      const origin = front === 'nginx' ? nginx.url : `http://127.0.0.1:${daemon.apiPort}`
      const before = front === 'nginx' ? nginx.asked().length : 0
      const found = await crowdOf(daemon, channels, { way, crowd, ms, origin })
      const asked = front === 'nginx' ? nginx.asked().slice(before) : []
      crowds.push({ way, front, found: { ...found, ...countAsked(asked) } })
    }
  return crowds
}

async function crowdOf(
  daemon: Daemon,
  [channel]: readonly Channel[],
  { way, crowd, ms, origin }: { way: 'plain' | 'low'; crowd: number; ms: number; origin: string },
) {
  const audience = gatherPlayers(origin, crowd, way, [`/hls/${channel?.id}/index.m3u8`])
  await delay(settleMs + crowd * 20)
  const before = await audience.look()
  const percent = await percentOf(daemon, ms)
  const after = await audience.look()
  await audience[Symbol.asyncDispose]()
  await delay(lingerMs)
  return {
    percent,
    objects: after.objects - before.objects,
    playlists: after.playlists - before.playlists,
    errors: after.errors,
  }
}

function countAsked(asked: readonly Asked[]): Asks {
  const isList = ({ url }: Asked) => /\.m3u8(?:$|\?)/.test(url)
  const objects = asked.filter((each) => !isList(each))
  const numbered = asked.filter((each) => isList(each) && each.url.includes('_HLS_msn='))
  return {
    askedObjects: objects.length,
    objectsAgain: countAgain(objects, Infinity),
    askedNumbered: numbered.length,
    numberedAgain: countAgain(numbered, playlistKeptMs),
    askedOthers: asked.length - objects.length - numbered.length,
  }
}

function countAgain(asked: readonly Asked[], keptMs: number): number {
  const last = new Map<string, number>()
  return asked.filter(({ url, ms }) => {
    const before = last.get(url) ?? -Infinity
    last.set(url, ms)
    return ms - before < keptMs
  }).length
}

async function percentOf({ pid }: Daemon, ms: number): Promise<number> {
  const [cpu, at] = [cpuSeconds(pid), performance.now()]
  await delay(ms)
  return (100_000 * (cpuSeconds(pid) - cpu)) / (performance.now() - at)
}

async function lineupOf({ apiPort }: Daemon, count: number): Promise<Channel[]> {
  for (let look = 0; look < 100; look++) {
    const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1/channels`)
    const { channels } = (await response.json()) as { channels: Channel[] }
    if (channels.length >= count)
      return channels.slice(0, count).map(({ id, stream }) => ({ id, stream: new URL(stream).pathname }))
    await delay(100)
  }
  throw new Error(`Expected ${count} channels`)
}
