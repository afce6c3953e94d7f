// Runs other programs to their end.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const limitMs = 15 * 60_000

export interface Outcome {
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a command; `input` is what it reads.
 *  @throws Error with the end of what it said, unless it exits with 0 */
export function run(command: readonly string[], input?: Uint8Array): Promise<Outcome> {
  const [program = '', ...args] = command
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: limitMs })
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece))
  child.stderr.on('data', (piece: Buffer) => (stderr = (stderr + piece.toString()).slice(-4000)))
  child.stdin.on('error', () => undefined) // it has ended; its exit code tells more
  child.on('error', reject)
  child.on('close', (code, signal) => {
    if (code === 0) resolve({ stdout: Buffer.concat(stdout), stderr })
    else reject(new Error(`${command.join(' ')}\nended with ${signal ?? code}: ${stderr.trim()}`))
  })
  child.stdin.end(input)
  return promise
}

/** What one run of a command used, its children included. */
export interface Cost {
  /** user and system time, seconds */
  readonly cpu: number
  /** seconds */
  readonly wall: number
  /** at its peak */
  readonly residentKb: number
}

/** Runs a command and tells what it cost. */
export async function costOf(command: readonly string[]): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'xg2g-perf-'))
  try {
    const report = join(folder, 'cost')
    await run(['build/perf/cost', report, ...command])
    return JSON.parse(await readFile(report, 'utf8')) as Cost
  } finally {
    await rm(folder, { recursive: true })
  }
}
