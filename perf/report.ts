// What a benchmark has found, as a person reads it: on the terminal and as perf/results/<name>.md.
import type { Spread } from './measure.ts'

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Something promised, and what was measured of it. */
export interface Goal {
  readonly what: string
  readonly goal: string
  readonly measured: string
  readonly isMet: boolean
}

export interface Plot {
  /** What it shows, for who does not see it. */
  readonly about: string
  readonly svg: string
}

export interface Result {
  /** What every contender does, in words. */
  readonly task: string
  readonly inputs: readonly string[]
  readonly tables: readonly Table[]
  readonly goals: readonly Goal[]
  /** Kept beside the page. */
  readonly plot?: Plot
  /** Where the comparison is not quite like for like, and what else to know. */
  readonly notes: readonly string[]
}

/** How a benchmark is to be run. */
export interface Options {
  /** How often each contender is measured; each benchmark has its own default. */
  readonly rounds: number | undefined
  /** How long a live measurement takes. */
  readonly seconds: number | undefined
  /** As short as possible: to see that it works. */
  readonly isQuick: boolean
}

export interface Benchmark {
  readonly title: string
  run(options: Options): Promise<Result>
}

/** Where, with what and when a result came about. */
export interface Circumstances {
  readonly command: string
  readonly machine: readonly string[]
  readonly versions: readonly string[]
  readonly date: string
}

/** At least or at most so much. */
export function atLeast(what: string, goal: number, value: number, unit = ''): Goal {
  return { what, goal: `>= ${limit(goal)}${unit}`, measured: `${round(value)}${unit}`, isMet: value >= goal }
}

export function atMost(what: string, goal: number, value: number, unit = ''): Goal {
  return { what, goal: `<= ${limit(goal)}${unit}`, measured: `${round(value)}${unit}`, isMet: value <= goal }
}

function limit(goal: number): string {
  return String(Number(goal.toFixed(3)))
}

/** `median (least - most)`. */
export function show({ median, least, most }: Spread, unit = ''): string {
  return `${round(median)}${unit} (${round(least)} - ${round(most)})`
}

/** Three significant digits at least, no more than the value has. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return size >= 1 || size === 0 ? value.toFixed(2) : value.toPrecision(2)
}

/** For a terminal: columns under one another. */
export function text({ tables, goals, notes }: Result): string {
  return [...tables, goalTable(goals)]
    .filter(({ rows }) => rows.length > 0)
    .map((table) => `${table.title}\n${aligned(table)}\n`)
    .concat(notes.map((note) => `- ${note}`))
    .join('\n')
}

/** @param plotPath  where its plot is, from the page on */
export function markdown(title: string, result: Result, circumstances: Circumstances, plotPath = ''): string {
  const { command, machine, versions, date } = circumstances
  const list = (items: readonly string[]) => items.map((item) => `- ${item}`).join('\n')
  const section = (heading: string, body: string) => (body === '' ? '' : `## ${heading}\n\n${body}\n`)
  return [
    `# ${title}\n`,
    `${result.task}\n`,
    section('Goals', table(goalTable(result.goals))),
    result.plot === undefined ? '' : `![${result.plot.about}](${plotPath})\n`,
    ...result.tables.map((each) => section(each.title, table(each))),
    section('Notes', list(result.notes)),
    section('Input', list(result.inputs)),
    section('Machine', list([...machine, ...versions, date, `\`${command}\``])),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function goalTable(goals: readonly Goal[]): Table {
  return {
    title: 'Goals',
    columns: ['what', 'goal', 'measured', ''],
    rows: goals.map(({ what, goal, measured, isMet }) => [what, goal, measured, isMet ? 'met' : 'MISSED']),
  }
}

function aligned({ columns, rows }: Table): string {
  return padded([columns, ...rows])
    .map((cells) => `  ${cells.join('  ')}`.trimEnd())
    .join('\n')
}

function table({ columns, rows }: Table): string {
  if (rows.length === 0) return ''
  const [head = [], ...body] = padded([columns, ...rows])
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((cell) => '-'.repeat(cell.length))), ...body.map(line)].join('\n')
}

/** Every cell as wide as the widest of its column. */
function padded(lines: readonly (readonly string[])[]): string[][] {
  const width = (place: number) => Math.max(3, ...lines.map((cells) => (cells[place] ?? '').length))
  return lines.map((cells) => cells.map((cell, place) => cell.padEnd(width(place))))
}
