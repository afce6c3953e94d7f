// How long viewers wait when the thread that carries their stream is lost.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { BroadcastChannel } from 'node:worker_threads'
import { defaultProfile } from '../src/workers/profile.ts'
import { Pool } from '../src/workers/pool.ts'
import { stream, withoutNulls, type Input } from './input.ts'
import { farewells, orders, type Doom, type Farewell, type Order } from './live/doomed.ts'
import { pace } from './live/pace.ts'
import { groupBytes } from './live/stream.ts'
import { spreadOf } from './measure.ts'
import { atMost, show, type Benchmark } from './report.ts'

const dooms: readonly Doom[] = ['dies', 'hangs']
const streamCount = 4 // two for each thread
const calmMs = 3000
const afterMs = 2500

/** The longest pauses of one loss, ms. */
interface Pauses {
  readonly doom: Doom
  /** Before it, of all streams. */
  readonly usual: number
  /** Of the streams on the thread that was lost. */
  readonly lost: number
  /** Of those on the other one. */
  readonly others: number
}

export const failover: Benchmark = {
  title: 'A worker thread is lost: the pause that viewers see',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 2 : 10)
    const input = await withoutNulls(await stream('m'))
    const bytes = await readFile(input.path)
    const found: Pauses[] = []
    for (let turn = 0; turn < often; turn++) {
      for (const doom of dooms) found.push(await lose(doom, input, bytes))
    }
    const pauses = (doom: Doom, kind: 'usual' | 'lost' | 'others') =>
      found.filter((each) => each.doom === doom).map((each) => each[kind])
    const most = (kind: 'lost' | 'others', doom: Doom) => Math.max(...pauses(doom, kind))
    return {
      task:
        `${streamCount} streams in real time on two worker threads, with the real remuxer. One thread throws where nobody ` +
        'catches it, or runs in a circle; its streams go on in another one. A pause is the time between two pieces ' +
        `that come out of the ring; the longest in ${afterMs / 1000} s from the order on.`,
      inputs: [`${input.name}: ${input.description}`],
      tables: [
        {
          title: `Longest pause, ms; ${often} losses of each kind, median (least - most)`,
          columns: ['the thread', 'usual, before', 'streams of that thread', 'streams of the other'],
          rows: dooms.map((doom) => [
            doom,
            ...(['usual', 'lost', 'others'] as const).map((kind) => show(spreadOf(pauses(doom, kind)))),
          ]),
        },
      ],
      goals: dooms.flatMap((doom) => [
        atMost(`longest pause, thread ${doom}`, 1000, most('lost', doom), ' ms'),
        atMost(`longest pause on the other thread, one ${doom}`, 100, most('others', doom), ' ms'),
      ]),
      notes: [
        'The main thread of the daemon adds up to 10 ms, see latency.',
        'A lost thread’s new one starts meanwhile and takes CPU time of the others: on a machine with two cores this shows.',
      ],
    }
  },
}

interface Carried {
  readonly id: number
  /** When each piece came. */
  readonly times: number[]
}

async function lose(doom: Doom, input: Input, bytes: Uint8Array): Promise<Pauses> {
  const taskFile = new URL('live/doomed.ts', import.meta.url).pathname
  const pool = new Pool({ workers: 2, taskFile })
  await pool.ready()
  const stop = new AbortController()
  const carried = Array.from({ length: streamCount }, (_, place) =>
    carry(pool, input, bytes, place, stop.signal),
  )
  const streams = carried.map(({ stream }) => stream)
  await delay(calmMs)
  using mouth = closing(new BroadcastChannel(orders))
  using ear = closing(new BroadcastChannel(farewells))
  const answer = once(ear.channel as unknown as EventTarget, 'message')
  const toldAt = performance.now()
  mouth.channel.postMessage({ stream: 1, doom } satisfies Order)
  const [{ data }] = (await answer) as [{ data: Farewell }]
  await delay(afterMs)
  stop.abort()
  for (const { close } of carried) close()
  await Promise.all(carried.map(({ over }) => over))
  const { restarts } = pool.stats()
  await pool.close()
  if (restarts !== 1) throw new Error(`One loss made ${restarts} restarts`)
  const longest = (some: readonly Carried[], from: number, to: number) =>
    Math.max(...some.map(({ times }) => longestPause(times, from, to)))
  const isLost = ({ id }: Carried) => data.streams.includes(id)
  return {
    doom,
    usual: longest(streams, toldAt - calmMs / 2, toldAt),
    lost: longest(streams.filter(isLost), toldAt, toldAt + afterMs),
    others: longest(
      streams.filter((each) => !isLost(each)),
      toldAt,
      toldAt + afterMs,
    ),
  }
}

function closing(channel: BroadcastChannel): { channel: BroadcastChannel } & Disposable {
  return { channel, [Symbol.dispose]: () => channel.close() }
}

function carry(pool: Pool, input: Input, bytes: Uint8Array, place: number, signal: AbortSignal) {
  const opened = pool.open(defaultProfile)
  const { input: into, output } = opened
  const times: number[] = []
  const from = Math.floor((bytes.length * place) / streamCount / groupBytes) * groupBytes
  const paced = pace(
    { bytes, from, bytesPerMs: input.bytes / input.seconds / 1000, signal },
    async (group) => {
      for (let at = 0; at < group.length && !into.isClosed;) {
        const length = into.write(group.subarray(at))
        if (length === 0) await into.whenWritable()
        at += Math.max(0, length)
      }
    },
  )
  const read = async () => {
    while (!output.isDrained) {
      const piece = output.readable()
      if (piece.length === 0) {
        await output.whenReadable()
        continue
      }
      times.push(performance.now())
      output.release(piece.length)
    }
  }
  return {
    stream: { id: place + 1, times }, // as a pool numbers its streams
    close: () => opened.close(),
    over: Promise.allSettled([paced, read(), opened.done]),
  }
}

/** Between two pieces, or from the last one to the end of the time. */
function longestPause(times: readonly number[], from: number, to: number): number {
  const before = times.findLast((at) => at < from) ?? from
  const within = [before, ...times.filter((at) => at >= from && at <= to), to]
  return Math.max(...within.slice(1).map((at, place) => at - (within[place] ?? at)))
}
