// The daemon as a process of its own, in front of a stream server at some address.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Server extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

const startMs = 30_000

/** Starts `./xg2g serve`. @param upstream  its stream server, http://host:port */
export async function startDaemon(upstream: string, env: Record<string, string> = {}): Promise<Server> {
  const settings = {
    XG2G_PROXY_TARGET: upstream,
    XG2G_LISTEN: '127.0.0.1:0',
    XG2G_PROXY_LISTEN: '127.0.0.1:0',
    XG2G_DATA: 'var',
    ...env,
  }
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('XG2G_'))
  const child = spawn('./xg2g', ['serve'], {
    env: { ...Object.fromEntries(inherited), ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return serverOf(child, (line) => {
    const { msg, proxyPort } = JSON.parse(line) as { msg: string; proxyPort?: number }
    return msg === 'started' ? proxyPort : undefined
  })
}

/** Node with one ffmpeg for each stream. */
export async function startRelay(upstream: string, coder: 'default' | 'fast'): Promise<Server> {
  const program = new URL('relay.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, upstream, coder], { stdio: ['ignore', 'pipe', 'inherit'] })
  return serverOf(child, Number)
}

/** A stream server in a process of its own. */
export async function startPlayer(path: string, bytesPerMs: number): Promise<Server> {
  const program = new URL('player.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, path, String(bytesPerMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return serverOf(child, Number)
}

async function serverOf(child: ChildProcess, portIn: (line: string) => number | undefined): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = setTimeout(() => reject(new Error('A server did not start in time')), startMs)
  child.once('error', reject)
  child.once('exit', (code) => reject(new Error(`A server ended with ${code}`)))
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      const port = portIn(line)
      if (port !== undefined) resolve(port)
    })
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((ended) => child.once('exit', ended))
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(hard)
  }
  try {
    const port = await promise
    return { pid: child.pid ?? 0, port, [Symbol.asyncDispose]: stop }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
}
