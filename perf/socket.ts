// One job through the job socket, as fast as it goes, beside the remuxer alone.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { costOf, run } from './command.ts'
import { head, stream } from './input.ts'
import { callSocket } from './live/caller.ts'
import { temporaryFolder } from './live/folder.ts'
import { startDaemon } from './live/server.ts'
import { interleaved, percentile, spreadOf } from './measure.ts'
import { atLeast, atMost, show, type Benchmark } from './report.ts'

const contenders = ['xg2g core', 'xg2g remux', 'job socket'] as const
type Contender = (typeof contenders)[number]
const alone = ['xg2g core', 'xg2g remux'] as const

export const socket: Benchmark = {
  title: 'One job through the job socket, beside the remuxer alone',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 9)
    const whole = await stream('m')
    const input = isQuick ? await head(whole, 11) : whole
    const bytes = await readFile(input.path)
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'jobs.sock')
    // Nobody answers there: no stream is asked for.
    await using servers = new AsyncDisposableStack()
    servers.use(await startDaemon('http://127.0.0.1:9', { XG2G_UDS_PATH: path }))
    const { stdout: expected } = await run(['./xg2g', 'remux', input.path, '-'])
    const wrong = await differences(path, bytes, expected)
    const measure = async (name: Contender): Promise<number> => {
      switch (name) {
        case 'xg2g core':
          return (await costOf(['build/perf/remux', input.path, '/dev/null'])).wall
        case 'xg2g remux':
          return (await costOf(['./xg2g', 'remux', input.path, '/dev/null'])).wall
        case 'job socket':
          return (await callSocket(path, bytes)).ms / 1000
      }
    }
    const found = await interleaved(contenders, often, measure)
    const speeds = (name: Contender) => found[name].map((seconds) => input.bytes / seconds / 1e6)
    const middle = (name: Contender) => percentile(speeds(name), 50)
    const [strict] = [...alone].sort((one, other) => middle(other) - middle(one))
    const over = (name: Contender) =>
      percentile(
        speeds('job socket').map((speed, turn) => speed / (speeds(name)[turn] ?? NaN)),
        50,
      )
    return {
      task:
        'A file goes through the remuxer, as fast as it goes. `xg2g core`: a program without Node, from the file to /dev/null. ' +
        '`xg2g remux`: the command, with the start of Node. `job socket`: a program holds the file in memory, writes it to the ' +
        'socket of a running daemon and reads the answer at once. From the start of the program, or the connecting, to the last byte.',
      inputs: [`${input.name}: ${input.description}, ${(input.bytes / 1e6).toFixed(0)} MB`],
      tables: [
        {
          title: `MB/s, ${often} rounds, median (least - most)`,
          columns: ['', 'MB/s', 'job socket / this'],
          rows: contenders.map((name) => [name, show(spreadOf(speeds(name))), over(name).toFixed(2)]),
        },
      ],
      goals: [
        atLeast(`throughput, job socket / ${strict ?? ''}`, 0.85, over(strict ?? 'xg2g core')),
        atMost('bytes that are not those of xg2g remux', 0, wrong),
      ],
      notes: [
        `The goal is held against the quicker one of the two alone, here ${strict ?? ''}; ratios are formed within a round.`,
        'The program that calls is Node too, and needs some of a core beside the daemon’s two threads.',
        `All ${expected.length} bytes of output were compared once, before the rounds.`,
      ],
    }
  },
}

/** Bytes in which the answer differs from what is expected. */
async function differences(path: string, bytes: Uint8Array, expected: Buffer): Promise<number> {
  const pieces: Buffer[] = []
  await callSocket(path, bytes, (piece) => pieces.push(Buffer.from(piece)))
  const answer = Buffer.concat(pieces)
  if (answer.equals(expected)) return 0
  let count = Math.abs(answer.length - expected.length)
  for (let at = 0; at < Math.min(answer.length, expected.length); at++)
    if (answer[at] !== expected[at]) count++
  return count
}
