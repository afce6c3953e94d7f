// What the tests of the job socket share: a folder, doors that are closed again, callers at the other end.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../../src/base/log.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import type { Call, Door, DoorOptions } from '../../src/jobs/door.ts'

export interface House {
  readonly folder: string
  readonly path: string
  readonly metrics: ReturnType<typeof createMetrics>
  /** Lines of the log so far. */
  readonly lines: readonly Record<string, unknown>[]
  /** Options of a door at this path that lets everybody in. */
  options(options?: Partial<DoorOptions>): DoorOptions
  /** Closes the door when the test ends. */
  keep<D extends Door>(door: D): D
  clear(): Promise<void>
}

export function makeHouse(): House {
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-door-'))
  const path = join(folder, 'remux.sock')
  const metrics = createMetrics()
  const lines: Record<string, unknown>[] = []
  const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) })
  const doors: Door[] = []
  return {
    folder,
    path,
    metrics,
    lines,
    options: (options) => ({
      path,
      mode: 0o600,
      users: [],
      mostCalls: 1000,
      log,
      metrics,
      onCall: echo,
      env: {},
      ...options,
    }),
    keep: (door) => {
      doors.push(door)
      return door
    },
    async clear() {
      for (const door of doors) await door.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Answers with what comes, from memory that could be a worker's, and ends after it. */
export function echo(call: Call): void {
  const window = new Uint8Array(new SharedArrayBuffer(8192))
  const socket = call.open({
    buffer: () => window,
    callback: (length, view) => {
      const isTaken = socket.write(Uint8Array.from(view.subarray(0, length)))
      if (!isTaken) socket.once('drain', () => socket.resume())
      return isTaken
    },
  })
  socket.once('end', () => socket.end()).on('error', () => undefined)
}

/** Writes all at once, half-closes at once, and reads what comes. @throws what the connection fails with */
export function call(path: string, bytes: Uint8Array | string = ''): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    const socket = connect({ path, allowHalfOpen: true })
    socket.end(bytes)
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.once('end', () => resolve(Buffer.concat(parts))).once('error', reject)
  })
}

/** Connected, and still so. */
export function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('connect', () => resolve(socket)).once('error', reject)
  })
}

/** Runs Python, which every machine that builds the addon has. @returns what it printed */
export function python(
  code: string,
  parameters: readonly string[],
  as: { uid?: number; gid?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const child = spawn('python3', ['-c', code, ...parameters], { ...as, cwd: '/', stdio: [...stdio] })
    let output = ''
    child.stdout.on('data', (part: Buffer) => (output += part.toString()))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`python ended with ${code}`)),
    )
  })
}

/** A socket that nobody listens on any more. */
export async function leaveSocket(path: string): Promise<void> {
  await python('import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', [path])
}

/** Lets whatever is ready be handled: what would come although it should not has come then. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Open descriptors of this process. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}
