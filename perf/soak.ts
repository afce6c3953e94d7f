// What must not grow: memory, threads and files over thousands of streams and hundreds of killed workers.
import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { nativeUse } from '../src/workers/native.ts'
import { Pool, type PoolStream } from '../src/workers/pool.ts'
import { defaultProfile } from '../src/workers/profile.ts'
import { collectGarbage } from '../test/workers/memory.ts'
import { play } from '../test/workers/play.ts'
import { makeSample } from '../test/workers/sample.ts'
import { Viewer } from '../test/workers/viewer.ts'
import { atMost, round, type Benchmark, type Goal, type Table } from './report.ts'

const warmUp = 0.2 // share of the rounds that goes before the first look
const looks = 8

export const soak: Benchmark = {
  title: 'Streams opened and closed, workers killed: memory, threads, files',
  async run({ rounds, isQuick }) {
    const opens = await openAndClose(rounds ?? (isQuick ? 90 : 2000))
    const kills = await killWorkers(isQuick ? 8 : 200)
    return {
      task:
        'Opens: streams of one second of MPEG-2 and MP2 through a pool of two workers, in turns played to their end, cut ' +
        'in the middle, cancelled before they begin. Kills: a worker thread is made to throw where nobody catches it, ' +
        'while a stream runs on it and another beside it; the stream goes on in a new thread.',
      inputs: [
        'made with ffmpeg: test/workers/sample.ts; for the kills test/workers/standin.ts in place of the remuxer',
      ],
      tables: [tableOf('opens', opens), tableOf('kills', kills)],
      goals: [...goalsOf('opens', opens), ...goalsOf('kills', kills), allocatedAfter(kills)],
      notes: [
        'Of the whole process, after garbage collection. Allocated is what malloc has given out in all threads: memory ' +
          'that is never given back grows it with each round; of opens it also has the rings that are garbage by then. Resident is also what glibc keeps in the heaps that it has ' +
          'for each thread (MALLOC_ARENA_MAX bounds them) and what V8 keeps for its young generation, which it doubles ' +
          'from time to time: it rises in steps, to a bound, while no more is in use.',
        'The first fifth of the rounds comes before the first look: code is compiled, heaps find their size. Growth of ' +
          'what is in use is from the first look to the last, that of resident memory from the middle on.',
      ],
    }
  },
}

interface Use {
  readonly done: number
  readonly residentMb: number
  /** outside of JavaScript's heaps, without what the allocator keeps */
  readonly allocatedMb: number
  /** open ones */
  readonly remuxers: number
  /** of JavaScript, with the memory outside of its heap that it holds */
  readonly usedMb: number
  readonly threads: number
  readonly files: number
}

async function lookAt(done: number): Promise<Use> {
  await collectGarbage()
  const count = (folder: string) => readdirSync(`/proc/self/${folder}`).length
  const { rss, heapUsed, external } = process.memoryUsage()
  const [residentMb, usedMb] = [rss / 2 ** 20, (heapUsed + external) / 2 ** 20]
  const { bytes, remuxers } = nativeUse()
  return {
    done,
    residentMb,
    allocatedMb: bytes / 2 ** 20,
    remuxers,
    usedMb,
    threads: count('task'),
    files: count('fd'),
  }
}

/** Does something often, and looks at the process from time to time. */
async function repeat(often: number, act: (turn: number) => Promise<unknown>): Promise<Use[]> {
  const uses: Use[] = []
  const every = Math.ceil((often * (1 - warmUp)) / looks)
  for (let turn = 0; turn < often; turn++) {
    await act(turn)
    const after = turn + 1 - Math.floor(often * warmUp)
    if (after >= 0 && after % every === 0) uses.push(await lookAt(turn + 1))
  }
  return uses
}

async function openAndClose(often: number): Promise<Use[]> {
  const sample = makeSample(1)
  const pool = new Pool({ workers: 2 })
  await pool.ready()
  const cut = async (stream: PoolStream) => {
    stream.input.write(sample)
    await stream.output.whenReadable()
    stream.close()
  }
  const cancel = (stream: PoolStream) => stream.close()
  const ends = [(stream: PoolStream) => play(stream, sample), cut, cancel] as const
  const uses = await repeat(often, async (turn) => {
    const stream = pool.open(defaultProfile)
    await ends[turn % ends.length]?.(stream)
    await stream.done
  })
  await pool.close()
  return uses
}

async function killWorkers(often: number): Promise<Use[]> {
  const taskFile = resolve('test/workers/standin.ts')
  const pool = new Pool({ workers: 2, taskFile })
  await pool.ready()
  const calm = new Viewer(pool.open(defaultProfile))
  const uses = await repeat(often, async (turn) => {
    const victim = new Viewer(pool.open(defaultProfile))
    await victim.reach(10)
    victim.send(turn % 2 === 0 ? 'throw' : 'reject')
    await victim.reach(victim.sent + 300)
    await victim.finish()
    await pool.ready()
  })
  await calm.finish()
  const { restarts } = pool.stats()
  await pool.close()
  if (restarts !== often) throw new Error(`${often} kills made ${restarts} restarts`)
  if (calm.lost > 0) throw new Error(`The stream beside lost ${calm.lost} packets`)
  return uses
}

function tableOf(what: string, uses: readonly Use[]): Table {
  return {
    title: `After so many ${what}`,
    columns: [
      ...[what, 'resident MB', 'allocated MB', 'in use by JavaScript MB'],
      ...['remuxers', 'threads', 'files'],
    ],
    rows: uses.map(({ done, residentMb, allocatedMb, usedMb, remuxers, threads, files }) => [
      ...[String(done), round(residentMb), round(allocatedMb), round(usedMb)],
      ...[String(remuxers), String(threads), String(files)],
    ]),
  }
}

function growthOf(uses: readonly Use[], kind: keyof Use, from = 0): number {
  return (uses.at(-1)?.[kind] ?? NaN) - (uses[from]?.[kind] ?? NaN)
}

// Not of opens: their rings are allocated until each thread next collects its garbage, which may be at any look.
function allocatedAfter(kills: readonly Use[]): Goal {
  return atMost('allocated memory that kills leave behind', 8, growthOf(kills, 'allocatedMb'), ' MB')
}

function goalsOf(what: string, uses: readonly Use[]): Goal[] {
  const growth = (kind: keyof Use, from = 0) => growthOf(uses, kind, from)
  return [
    atMost(`memory of JavaScript that ${what} leave behind`, 4, growth('usedMb'), ' MB'),
    atMost(`resident memory, second half of the ${what}`, 16, growth('residentMb', looks / 2), ' MB'),
    atMost(`remuxers that ${what} leave behind`, 0, growth('remuxers')),
    atMost(`threads that ${what} leave behind`, 0, growth('threads')),
    atMost(`files that ${what} leave behind`, 0, growth('files')),
  ]
}
