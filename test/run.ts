// `make test`: builds and runs every suite and ends with one line of totals. What needs the processor alone runs side
// by side; what waits for streams and browsers comes last and has the machine for itself.
// A suite that fails to build, crashes or prints no totals counts as one failure; the rest still run.
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { performance } from 'node:perf_hooks'
import { tallyFile, type Tally } from './tally.ts'

interface Totals {
  readonly passed: number
  readonly failed: number
  /** What is to be read at the end: names of tests that did not pass at once. */
  readonly remarks?: readonly string[]
}
interface Outcome {
  readonly code: number
  readonly output: string
}
interface Suite {
  readonly name: string
  readonly command: readonly string[]
  /** Reads totals from what the command left; undefined where it left none. Else one step, one result. */
  readonly totals?: (outcome: Outcome) => Totals | undefined
}
interface Result {
  readonly name: string
  readonly totals: Totals
  readonly seconds: number
}
/** Suites that run one after the other. */
type Lane = readonly Suite[]

const folder = 'build/test'
const interrupts = ['SIGINT', 'SIGTERM'] as const
const limitMs = 30 * 60_000 // no suite takes longer unless it hangs, on a slow machine either
const isQuick = process.argv.includes('--quick')
const make = ['make', `-j${availableParallelism()}`]
const asan = ['env', 'ASAN_OPTIONS=allocator_may_return_null=1', 'UBSAN_OPTIONS=print_stacktrace=1']

// The lanes of a stage run side by side; a stage begins when the one before has ended.
const stages: readonly (readonly Lane[])[] = [
  [[{ name: 'addon build', command: ['make', 'native'] }]],
  [
    [
      { name: 'eslint', command: ['eslint', '.', '--max-warnings', '0'] },
      { name: 'prettier', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
      { name: 'types', command: ['npm', 'run', '--silent', 'types'] },
      ...cppSuites('release'),
    ],
    isQuick ? [] : [...cppSuites('asan', asan), ...fuzzSuites()],
  ],
  [[vitestSuite()]],
]

mkdirSync(folder, { recursive: true })
rmSync(`${folder}/summary`, { force: true })
const results: Result[] = []
for (const lanes of stages) {
  const found = await Promise.all(lanes.map((lane) => runLane(lane, { isAlone: lanes.length === 1 })))
  results.push(...found.flat())
}

process.stdout.write('\n')
for (const { name, totals, seconds } of results) {
  const mark = totals.failed > 0 ? `${totals.failed} FAILED` : ''
  console.log(
    `${name.padEnd(28)} ${String(totals.passed).padStart(6)} passed  ${seconds.toFixed(1).padStart(7)} s  ${mark}`,
  )
}
for (const { totals } of results) for (const remark of totals.remarks ?? []) console.log(remark)
const passed = results.reduce((sum, { totals }) => sum + totals.passed, 0)
const failed = results.reduce((sum, { totals }) => sum + totals.failed, 0)
const summary = `${passed} passed, ${failed} failed`
writeFileSync(`${folder}/summary`, `${summary}\n`)
console.log(summary)
process.exitCode = failed > 0 ? 1 : 0

function cppSuites(variant: 'release' | 'asan', environment: readonly string[] = []): Suite[] {
  if (globSync('test/addon/**/*.test.cc').length === 0) return []
  const binary = `build/${variant}/addon-tests`
  return [
    { name: `C++ build (${variant})`, command: [...make, `${variant}-tests`] },
    {
      name: `C++ (${variant})`,
      command: [...environment, binary, '--no-colors=true'],
      totals: doctestTotals,
    },
  ]
}

// The kept crashers of each target; a finding of a sanitizer ends the process.
function fuzzSuites(): Suite[] {
  const targets = globSync('test/fuzz/*.cc').map((file) => basename(file, '.cc'))
  if (targets.length === 0) return []
  return [
    { name: 'fuzz targets build', command: [...make, 'fuzz-replay'] },
    ...targets.sort().map((target) => ({
      name: `fuzz replay: ${target}`,
      command: [...asan, `build/asan/fuzz/${target}`, ...globSync(`test/fuzz/crashers/${target}/*`).sort()],
    })),
  ]
}

function vitestSuite(): Suite {
  rmSync(tallyFile, { force: true })
  return {
    name: 'vitest',
    command: ['vitest', 'run', '--reporter=default', '--reporter=./test/tally.ts'],
    totals: () => (existsSync(tallyFile) ? vitestTotals(readFileSync(tallyFile, 'utf8')) : undefined),
  }
}

async function runLane(lane: Lane, { isAlone }: { isAlone: boolean }): Promise<Result[]> {
  const results = []
  for (const suite of lane) results.push(await runSuite(suite, isAlone))
  return results
}

// What runs beside another is shown when it has ended.
async function runSuite({ name, command, totals }: Suite, isAlone: boolean): Promise<Result> {
  if (isAlone) console.log(`\n== ${name}`)
  const start = performance.now()
  const outcome = await run(command, (piece) => {
    if (isAlone) process.stdout.write(piece)
  })
  const seconds = (performance.now() - start) / 1000
  if (!isAlone) console.log(`\n== ${name}\n${outcome.output.trimEnd()}`)
  return { name, totals: judge(name, outcome, totals), seconds }
}

function judge(name: string, outcome: Outcome, read: Suite['totals']): Totals {
  const isGood = outcome.code === 0
  if (read === undefined) return isGood ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  const totals = read(outcome)
  if (totals === undefined || totals.passed + totals.failed === 0) {
    console.log(`${name} left no totals.`)
    return { passed: 0, failed: 1 }
  }
  // All tests passed and yet it failed: an error outside of any test.
  return totals.failed === 0 && !isGood ? { ...totals, failed: 1 } : totals
}

function run(
  [program = '', ...parameters]: readonly string[],
  show: (piece: Buffer) => void,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const parts: Buffer[] = []
  const take = (part: Buffer) => {
    parts.push(part)
    show(part)
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const end = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  }
  const limit = setTimeout(() => {
    take(Buffer.from(`Ended after ${limitMs / 60_000} minutes.\n`))
    end('SIGKILL')
  }, limitMs)
  const interrupt = () => end('SIGTERM')
  for (const signal of interrupts) process.once(signal, interrupt)
  const finish = (code: number) => {
    clearTimeout(limit)
    for (const signal of interrupts) process.off(signal, interrupt)
    resolve({ code, output: Buffer.concat(parts).toString() })
  }
  child.once('error', (error) => {
    take(Buffer.from(`${error.message}\n`))
    finish(127)
  })
  child.once('close', (code) => finish(code ?? 1))
  return promise
}

function doctestTotals({ output }: Outcome): Totals | undefined {
  const line = /test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed/.exec(output)
  return line === null ? undefined : { passed: Number(line[1]), failed: Number(line[2]) }
}

function vitestTotals(json: string): Totals {
  const { passed, failed, repeated } = JSON.parse(json) as Tally
  const remarks = [
    ...failed.map((name) => `failed: ${name}`),
    ...repeated.map((name) => `passed at the second attempt: ${name}`),
  ]
  return { passed, failed: failed.length, remarks }
}
