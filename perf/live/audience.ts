// The viewers as the benchmarks see them: a process that reads many streams and tells how many bytes came.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Sight } from './viewers.ts'

export interface Audience extends AsyncDisposable {
  /** What was seen so far. */
  look(): Promise<Sight>
}

export interface Taste {
  /** How many channels they watch between them; each one of its own unless given. */
  readonly channels?: number
  /** The first of these channels. */
  readonly first?: number
}

/** Viewers of a server on this machine. */
export function gather(port: number, count: number, { channels = count, first = 0 }: Taste = {}): Audience {
  const program = new URL('viewers.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, ...[port, count, channels, first].map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: Interface = createInterface(child.stdout)
  return {
    look: async () => {
      const answer = once(lines, 'line')
      child.stdin.write('\n')
      return JSON.parse(((await answer) as [string])[0]) as Sight
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}
