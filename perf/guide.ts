// Channels and guide of a whole daemon at the size of a large installation, over HTTP.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds } from './live/process.ts'
import { spreadOf } from './measure.ts'
import { atLeast, atMost, round, show, type Benchmark } from './report.ts'

const searches = ['Leuchtturm', 'kompost garten', 'der', 'Tagesblick Nachr']

export const guide: Benchmark = {
  title: 'Channels and guide: refresh, XMLTV, now and next, search',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 3 : 15)
    const size = isQuick ? { channels: 60, days: 3 } : { channels: 1000, days: 14 }
    const data = await mkdtemp(join(tmpdir(), 'xg2g-perf-guide-'))
    await using box = await start(
      'perf/box.ts',
      [String(size.channels), String(size.days)],
      {},
      (line) => line,
    )
    await using daemon = await startDaemon(box.answer, data, size.days)
    try {
      const { durationS, programmes } = await refreshed(daemon)
      const refreshCpuS = cpuSeconds(daemon.pid)
      const refreshMb = peakMb(daemon.pid)
      const plain = await repeat(Math.min(often, 5), () => fetched(daemon, '/xmltv.xml', 'identity'))
      const zipped = await repeat(Math.min(often, 5), () => fetched(daemon, '/xmltv.xml', 'gzip'))
      const nowNext = await repeat(often, () => fetched(daemon, '/api/v1/epg', 'identity'))
      const found = []
      for (const text of searches) {
        const path = `/api/v1/epg/search?q=${encodeURIComponent(text)}`
        found.push({ text, answers: await repeat(often, () => fetched(daemon, path, 'identity')) })
      }
      const speed = spreadOf(plain.map(({ bytes, ms }) => bytes / 1e3 / ms))
      const nowMs = spreadOf(nowNext.map(({ ms }) => ms))
      const file = await stat(join(data, 'guide.sqlite'))
      return {
        task:
          'A daemon without a store meets a receiver with so many channels and days of guide, a process of its own ' +
          'that answers at once. It is asked as the daemon asks by default, one question at a time with a pause ' +
          'behind each. Then a client on the same machine fetches what clients fetch.',
        inputs: [`demo receiver: ${size.channels} channels x ${size.days} days, ${programmes} programmes`],
        tables: [
          {
            title: 'Refresh',
            columns: ['', ''],
            rows: [
              ['time s', round(durationS)],
              ['CPU of the daemon s', round(refreshCpuS)],
              ['peak memory of the daemon MB (VmHWM)', round(refreshMb)],
              ['store on disk MB', round(file.size / 1e6)],
            ],
          },
          {
            title: 'Answers in ms, median (least - most)',
            columns: ['', 'ms', 'MB'],
            rows: [
              ['XMLTV plain', show(spreadOf(plain.map(({ ms }) => ms))), round((plain[0]?.bytes ?? 0) / 1e6)],
              [
                'XMLTV gzip',
                show(spreadOf(zipped.map(({ ms }) => ms))),
                round((zipped[0]?.bytes ?? 0) / 1e6),
              ],
              ['now and next of all channels', show(nowMs), round((nowNext[0]?.bytes ?? 0) / 1e6)],
              ...found.map(({ text, answers }) => [
                `search "${text}"`,
                show(spreadOf(answers.map(({ ms }) => ms))),
                round((answers[0]?.bytes ?? 0) / 1e6),
              ]),
            ],
          },
        ],
        goals: [
          atLeast('XMLTV, plain', 20, speed.median, ' MB/s'),
          atMost('now and next of all channels', 50, nowMs.median, ' ms'),
          atMost('peak memory of the daemon', 150, peakMb(daemon.pid), ' MB'),
        ],
        notes: [
          'Memory is the most that was resident at any time from start to end, VmHWM of the daemon process alone: pages of programs and libraries, one worker thread and the thread that writes XMLTV are in it, the receiver and what fills the compile cache before the start are not.',
          'Answers are whole HTTP answers of the API port as JSON or XML, client and daemon on one machine.',
        ],
      }
    } finally {
      await rm(data, { recursive: true, force: true })
    }
  },
}

interface Program extends AsyncDisposable {
  readonly pid: number
  readonly answer: string
}

function startDaemon(owiBase: string, data: string, days: number): Promise<Program> {
  const env = {
    XG2G_OWI_BASE: owiBase,
    XG2G_DATA: data,
    XG2G_LISTEN: '127.0.0.1:0',
    XG2G_PROXY_LISTEN: '127.0.0.1:0',
    XG2G_HDHR_ENABLED: 'false',
    XG2G_WORKERS: '1',
    XG2G_EPG_DAYS: String(days),
    XG2G_RATELIMIT_ENABLED: 'false',
  }
  return start('./xg2g', ['serve'], env, (line) => {
    const { msg, apiPort } = JSON.parse(line) as { msg?: string; apiPort?: number }
    return msg === 'started' && apiPort !== undefined ? `http://127.0.0.1:${apiPort}` : undefined
  })
}

async function start(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  answerIn: (line: string) => string | undefined,
): Promise<Program> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('XG2G_'))
  const isScript = program.endsWith('.ts')
  const child = spawn(isScript ? process.execPath : program, isScript ? [program, ...args] : args, {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.once('error', reject)
  child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)))
  createInterface(child.stdout).on('line', (line) => {
    const answer = answerIn(line)
    if (answer !== undefined) resolve(answer)
  })
  const answer = await promise
  return { pid: child.pid ?? 0, answer, [Symbol.asyncDispose]: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(hard)
}

interface Status {
  readonly guide: { readonly programmes: number }
  readonly refresh: {
    readonly last?: { readonly isComplete: boolean; readonly durationMs: number; readonly error?: string }
  }
}

/** Waits for the first pass. */
async function refreshed({ answer }: Program): Promise<{ durationS: number; programmes: number }> {
  for (;;) {
    const status = (await (await fetch(`${answer}/api/v1/status`)).json()) as Status
    const { last } = status.refresh
    if (last?.error !== undefined) throw new Error(`the refresh ended with ${last.error}`)
    if (last?.isComplete === true)
      return { durationS: last.durationMs / 1000, programmes: status.guide.programmes }
    await delay(500)
  }
}

async function fetched(
  { answer }: Program,
  path: string,
  encoding: string,
): Promise<{ ms: number; bytes: number }> {
  const startedAt = performance.now()
  const response = await fetch(answer + path, { headers: { 'accept-encoding': encoding } })
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
  let bytes = 0
  for await (const piece of response.body as AsyncIterable<Uint8Array>) bytes += piece.length
  return { ms: performance.now() - startedAt, bytes }
}

async function repeat<T>(times: number, task: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let time = 0; time < times; time++) results.push(await task())
  return results
}

/** The most that was ever resident, MB. */
function peakMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024
}
