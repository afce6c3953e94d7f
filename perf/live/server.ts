// The daemon as a process of its own, in front of a stream server at some address.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Kind } from '../../src/demo/channels.ts'

export interface Server extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

export interface Daemon extends Server {
  /** Of what is not a stream: `/metrics`, `/api/v1` */
  readonly apiPort: number
  /** Of the HDHomeRun tuner; 0 where it is off. */
  readonly tunerPort: number
}

/** The demo receiver; its port is that of the streams. */
export interface Receiver extends Server {
  readonly webPort: number
}

const startMs = 30_000

/** Starts `./xg2g serve`. @param upstream  its stream server, http://host:port */
export async function startDaemon(upstream: string, env: Record<string, string> = {}): Promise<Daemon> {
  let [apiPort, tunerPort] = [0, 0]
  const settings = {
    XG2G_PROXY_TARGET: upstream,
    XG2G_UDS_PATH: 'off',
    XG2G_LISTEN: '127.0.0.1:0',
    XG2G_PROXY_LISTEN: '127.0.0.1:0',
    XG2G_HDHR_ENABLED: 'false',
    XG2G_DATA: 'var',
    ...env,
  }
  const server = await startXg2g('serve', settings, (started) => {
    ;({ apiPort = 0, tunerPort = 0 } = started)
    return started.proxyPort
  })
  return { ...server, apiPort, tunerPort }
}

/** Starts `./xg2g transcoder`; its port is that of /audio-remux. */
export function startTranscoder(env: Record<string, string> = {}): Promise<Server> {
  const settings = { XG2G_TRANSCODER_LISTEN: '127.0.0.1:0', XG2G_UDS_PATH: 'off', ...env }
  return startXg2g('transcoder', settings, ({ port }) => port)
}

/** What they log when they have started. */
interface Started {
  readonly msg: string
  readonly apiPort?: number
  readonly proxyPort?: number
  readonly tunerPort?: number
  readonly port?: number
}

function startXg2g(
  command: 'serve' | 'transcoder',
  settings: Record<string, string>,
  portIn: (started: Started) => number | undefined,
): Promise<Server> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('XG2G_'))
  const child = spawn('./xg2g', [command], {
    env: { ...Object.fromEntries(inherited), ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return serverOf(child, (line) => {
    const said = JSON.parse(line) as Started
    return said.msg === 'started' ? portIn(said) : undefined
  })
}

/** Node with one ffmpeg for each stream. */
export async function startRelay(upstream: string, coder: 'default' | 'fast'): Promise<Server> {
  return startProgram('relay.ts', upstream, coder)
}

/** Node with nothing in between. */
export async function startPipe(upstream: string): Promise<Server> {
  return startProgram('pipe.ts', upstream)
}

/** The demo receiver with channels of these kinds. */
export async function startReceiver(kinds: readonly Kind[]): Promise<Receiver> {
  let webPort = 0
  const server = await startPrinting('receiver.ts', kinds, (line) => {
    const [port, web] = line.split(' ').map(Number)
    webPort = web ?? 0
    return port
  })
  return { ...server, webPort }
}

/** A stream server in a process of its own. */
export async function startPlayer(path: string, bytesPerMs: number): Promise<Server> {
  return startProgram('player.ts', path, String(bytesPerMs))
}

/** Asks a player: `lag`, how far it is behind because it could not send, ms; `count`, of its viewers so far. */
export async function askNumber(port: number, what: 'lag' | 'count'): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/${what}`)
  return Number(await response.text())
}

/** One of the programs beside this one; it prints its port. */
function startProgram(name: string, ...args: readonly string[]): Promise<Server> {
  return startPrinting(name, args, Number)
}

function startPrinting(
  name: string,
  args: readonly string[],
  portIn: (line: string) => number | undefined,
): Promise<Server> {
  const program = new URL(name, import.meta.url).pathname
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  return serverOf(child, portIn)
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
