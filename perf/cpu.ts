// CPU time for one stream from file to nothing: ours against ffmpeg's.
import { costOf, run } from './command.ts'
import { head, repeated, stream, type Input, type StreamName } from './input.ts'
import { interleaved, percentile, spreadOf, type Spread } from './measure.ts'
import { atLeast, show, type Benchmark, type Goal, type Table } from './report.ts'
import { ffmpegCommand } from './rival.ts'

const contenders = ['ffmpeg default', 'ffmpeg fast', 'ffmpeg video only', 'xg2g remux', 'xg2g core'] as const
type Contender = (typeof contenders)[number]

// What ffmpeg looks at before it begins is over by then, so the rest is the steady state.
const headSeconds = 6
// 330 s in all: of the spread of two runs only a little is left in their difference.
const repeats = 5
const null_ = '/dev/null'

export const cpu: Benchmark = {
  title: 'CPU per stream against ffmpeg, file to nothing',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 7)
    const names: StreamName[] = isQuick ? ['m'] : ['m', 'a', 's']
    const tables: Table[] = []
    const goals: Goal[] = []
    for (const name of names) {
      const once = await stream(name)
      await checkPicture(once)
      const input = await repeated(once, repeats)
      const found = await measure(input, often)
      tables.push(tableOf(input, found, often))
      if (name !== 's') goals.push(...goalsOf(name, found))
    }
    return {
      task:
        'The picture of a transport stream is copied and its sound made AAC 192k stereo, from a file to /dev/null. ' +
        '`ffmpeg default` is the command in use with receivers (perf/rival.ts), `fast` the same with `-aac_coder fast`, ' +
        '`video only` without sound. `xg2g remux` is the command with all of Node; `xg2g core` the same library in a ' +
        'program without Node, which is what a worker does for each stream.',
      inputs: await Promise.all(
        names.map(async (name) => `${name}: ${(await stream(name)).description}, 66 s, ${repeats} times`),
      ),
      tables,
      goals,
      notes: [
        'User and system time of the process and its children (wait4). All contenders take turns in random order; ' +
          'ratios are formed within a round.',
        `Steady: a run on the first ${headSeconds} s is taken off, for every contender, and with it its start-up; the ` +
          'start column is what of that run the steady rate does not explain. The goals are held against steady: a server ' +
          'starts once, and of a rival that starts per stream the start is given away.',
        'Picture of ours and of the source compared before: the same elementary stream, byte by byte.',
      ],
    }
  },
}

/** % of a core: of the whole run, of its steady part; and the start in CPU milliseconds. */
interface Load {
  readonly whole: readonly number[]
  readonly steady: readonly number[]
  readonly startMs: readonly number[]
}
type Loads = Record<Contender, Load>

async function measure(input: Input, rounds: number): Promise<Loads> {
  const beginning = await head(input, headSeconds)
  const costs = await interleaved(contenders, rounds, async (name) => {
    const short = (await costOf(commandOf(name, beginning.path))).cpu
    const long = (await costOf(commandOf(name, input.path))).cpu
    const rate = (long - short) / (input.seconds - headSeconds)
    return {
      whole: (100 * long) / input.seconds,
      steady: 100 * rate,
      startMs: 1000 * (short - rate * headSeconds),
    }
  })
  const load = (name: Contender): Load => ({
    whole: costs[name].map(({ whole }) => whole),
    steady: costs[name].map(({ steady }) => steady),
    startMs: costs[name].map(({ startMs }) => startMs),
  })
  return Object.fromEntries(contenders.map((name) => [name, load(name)])) as Loads
}

function commandOf(name: Contender, input: string): string[] {
  switch (name) {
    case 'ffmpeg default':
      return ffmpegCommand({ input, output: null_ })
    case 'ffmpeg fast':
      return ffmpegCommand({ input, output: null_, coder: 'fast' })
    case 'ffmpeg video only':
      return ffmpegCommand({ input, output: null_, hasAudio: false })
    case 'xg2g remux':
      return ['./xg2g', 'remux', input, null_]
    case 'xg2g core':
      return ['build/perf/remux', input, null_]
  }
}

function tableOf({ name, description }: Input, loads: Loads, rounds: number): Table {
  return {
    title: `${name}: ${description}; % of a core, ${rounds} rounds, median (least - most)`,
    columns: [
      ...['', 'steady', 'default / this', 'fast / this'],
      ...['whole run', 'default / this', 'fast / this', 'start, CPU ms'],
    ],
    rows: contenders.map((contender) => {
      const { steady, whole, startMs } = loads[contender]
      return [
        contender,
        show(spreadOf(steady)),
        show(ratio(loads['ffmpeg default'].steady, steady)),
        show(ratio(loads['ffmpeg fast'].steady, steady)),
        show(spreadOf(whole)),
        show(ratio(loads['ffmpeg default'].whole, whole)),
        show(ratio(loads['ffmpeg fast'].whole, whole)),
        percentile(startMs, 50).toFixed(0),
      ]
    }),
  }
}

function goalsOf(name: 'm' | 'a', loads: Loads): Goal[] {
  const [overDefault, overFast] = name === 'm' ? [4.5, 1.25] : [4.2, 1.15]
  const label = name === 'm' ? 'MP2' : 'AC-3 5.1'
  const goal = (rival: 'default' | 'fast', ours: 'xg2g remux' | 'xg2g core') => {
    const { median } = ratio(loads[`ffmpeg ${rival}`].steady, loads[ours].steady)
    return atLeast(
      `CPU, ffmpeg ${rival} / ${ours}, ${label}`,
      rival === 'fast' ? overFast : overDefault,
      median,
      ' x',
    )
  }
  const both = ['xg2g remux', 'xg2g core'] as const
  return both.flatMap((ours) => [goal('default', ours), goal('fast', ours)])
}

function ratio(over: readonly number[], under: readonly number[]): Spread {
  return spreadOf(over.map((value, round) => value / (under[round] ?? NaN)))
}

/** @throws Error if the picture that leaves is not the one that came */
async function checkPicture(input: Input): Promise<void> {
  const hash = async (from: string[], bytes?: Uint8Array) => {
    const how = ['-map', '0:v', '-c', 'copy', '-f', 'data', '-'] // the elementary stream as it is
    const { stdout } = await run(['ffmpeg', '-hide_banner', '-loglevel', 'error', ...from, ...how], bytes)
    return stdout
  }
  const { stdout } = await run(['./xg2g', 'remux', input.path, '-'])
  const [theirs, ours] = [await hash(['-i', input.path]), await hash(['-i', 'pipe:0'], stdout)]
  if (theirs.length === 0 || !theirs.equals(ours)) throw new Error(`The picture of ${input.name} has changed`)
}
