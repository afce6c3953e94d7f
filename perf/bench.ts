// The benchmarks: node perf/bench.ts [NAME ...] [--rounds N] [--seconds N] [--quick]
// Runs them one after the other; writes perf/results/<name>.md, and <name>.svg where there is a plot, unless --quick.
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { buildDrivers } from './build.ts'
import { machine, versions } from './machine.ts'
import { markdown, text, type Benchmark, type Goal, type Options } from './report.ts'

const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  instructions: async () => (await import('./instructions.ts')).instructions,
  cpu: async () => (await import('./cpu.ts')).cpu,
  ring: async () => (await import('./ring.ts')).ring,
  jobs: async () => (await import('./jobs.ts')).jobs,
  socket: async () => (await import('./socket.ts')).socket,
  patterns: async () => (await import('./patterns.ts')).patterns,
  pool: async () => (await import('./pool.ts')).pool,
  click: async () => (await import('./click.ts')).click,
  delay: async () => (await import('./delay.ts')).delayBehind,
  watch: async () => (await import('./watch.ts')).watching,
  hls: async () => (await import('./hls.ts')).hls,
  latency: async () => (await import('./latency.ts')).latency,
  joins: async () => (await import('./joins.ts')).joins,
  hdhomerun: async () => (await import('./hdhomerun.ts')).hdhomerun,
  crowd: async () => (await import('./crowd.ts')).crowd,
  cuts: async () => (await import('./cuts.ts')).cuts,
  failover: async () => (await import('./failover.ts')).failover,
  kill: async () => (await import('./kill.ts')).kill,
  memory: async () => (await import('./memory.ts')).memory,
  server: async () => (await import('./server.ts')).server,
  guide: async () => (await import('./guide.ts')).guide,
  walk: async () => (await import('./walk.ts')).walk,
  quality: async () => (await import('./quality.ts')).quality,
  soak: async () => (await import('./soak.ts')).soak,
}

const folder = 'perf/results'

const usage = `Usage: node perf/bench.ts [NAME ...] [--rounds N] [--seconds N] [--quick]
  NAME         ${Object.keys(benchmarks).join(', ')} (default: all but soak)
  --rounds N   how often each contender is measured
  --seconds N  how long a live measurement takes
  --quick      as short as possible, to see that it works; writes no result
`

process.chdir(new URL('..', import.meta.url).pathname)
process.exitCode = await main()

async function main(): Promise<number> {
  const order = readArguments()
  if (order === undefined) {
    process.stderr.write(usage)
    return 2
  }
  await buildDrivers()
  const goals: Goal[] = []
  for (const name of order.names) goals.push(...(await bench(name, order.options)))
  const missed = goals.filter(({ isMet }) => !isMet)
  console.log(`${goals.length - missed.length} goals met, ${missed.length} missed`)
  for (const { what, goal, measured } of missed) console.log(`  missed: ${what}: ${measured}, goal ${goal}`)
  return 0
}

async function bench(name: string, options: Options): Promise<readonly Goal[]> {
  const benchmark = await benchmarks[name]?.()
  if (benchmark === undefined) throw new TypeError(`there is no benchmark ${name}`)
  const { title } = benchmark
  console.log(`\n== ${title}`)
  const circumstances = {
    command: `node perf/bench.ts ${process.argv.slice(2).join(' ')}`.trim(),
    machine: machine(),
    versions: await versions(),
    date: new Date().toISOString().slice(0, 10),
  }
  const result = await benchmark.run(options)
  console.log(text(result))
  if (!options.isQuick) {
    await mkdir(folder, { recursive: true })
    await writeFile(`${folder}/${name}.md`, markdown(title, result, circumstances, `${name}.svg`))
    if (result.plot !== undefined) await writeFile(`${folder}/${name}.svg`, result.plot.svg)
    console.log(`\n${folder}/${name}.md`)
  }
  return result.goals
}

function readArguments(): { names: string[]; options: Options } | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const isKnown = positionals.every((name) => Object.hasOwn(benchmarks, name))
  if (values.help === true || !isKnown) return undefined
  const names =
    positionals.length > 0 ? positionals : Object.keys(benchmarks).filter((name) => name !== 'soak')
  const options = { rounds: count(values.rounds), seconds: count(values.seconds), isQuick: values.quick }
  return { names, options }
}

function count(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1)
    throw new TypeError(`Expected a whole number but received ${value}`)
  return number
}
