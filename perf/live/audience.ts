// The viewers as the benchmarks see them: a process that reads many streams and tells how many bytes came.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { HlsSight } from './hlsviewers.ts'
import type { Sight } from './viewers.ts'

export interface Audience<Seen = Sight> extends AsyncDisposable {
  /** What was seen so far. */
  look(): Promise<Seen>
}

export interface Taste {
  /** How many channels they watch between them; each one of its own unless given. */
  readonly channels?: number
  /** The first of these channels. */
  readonly first?: number
}

/** Viewers of a server on this machine. */
export function gather(port: number, count: number, { channels = count, first = 0 }: Taste = {}): Audience {
  return watchWith<Sight>('viewers.ts', [port, count, channels, first].map(String))
}

/** HLS players of a server. @param paths  the multivariant playlists that they take turns at */
export function gatherPlayers(
  origin: string,
  count: number,
  mode: 'plain' | 'low' | 'stream',
  paths: readonly string[],
): Audience<HlsSight> {
  return watchWith<HlsSight>('hlsviewers.ts', [origin, String(count), mode, ...paths])
}

function watchWith<Seen>(name: string, args: readonly string[]): Audience<Seen> {
  const program = new URL(name, import.meta.url).pathname
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: Interface = createInterface(child.stdout)
  return {
    look: async () => {
      const answer = once(lines, 'line')
      child.stdin.write('\n')
      return JSON.parse(((await answer) as [string])[0]) as Seen
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}
