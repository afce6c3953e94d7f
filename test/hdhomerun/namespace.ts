// Hosts of their own for tests: network namespaces, joined by a cable or alone, where real clients may
// broadcast and nothing reaches the network of this machine.
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

/** Can this machine and user make namespaces? Else it is said why tests are skipped. */
export const hasNamespaces = mayMake()

/** A host with its own networks. */
export class Host {
  readonly name: string
  readonly #programs = new Set<ChildProcess>()

  constructor(label: string) {
    this.name = `xg2g-${process.pid}-${counter++}-${label}`
    ip('netns', 'add', this.name)
    this.ip('link', 'set', 'lo', 'up')
    this.ip('link', 'set', 'lo', 'multicast', 'on')
  }

  /** Runs `ip` there. */
  ip(...parameters: string[]): string {
    return ip('-netns', this.name, ...parameters)
  }

  /** The command that runs a command there. */
  get within(): readonly [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.name]
  }

  /** Runs a program there to its end, 20 s at most. @returns all that it printed, whatever its exit code is */
  async run(program: string, ...parameters: string[]): Promise<string> {
    const [command, ...within] = this.within
    const run = promisify(execFile)(command, [...within, program, ...parameters], { timeout: 20_000 })
    const { stdout, stderr } = await run.catch(
      (error: unknown) => error as { stdout?: string; stderr?: string },
    )
    return `${stdout ?? ''}${stderr ?? ''}`
  }

  /** Starts a program there, which ends with the host at the latest. */
  start(program: string, ...parameters: string[]): Program {
    const [command, ...within] = this.within
    const child = spawn(command, [...within, program, ...parameters], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#programs.add(child.once('close', () => this.#programs.delete(child)))
    return new Program(child)
  }

  /** Ends its programs and removes it. */
  async close(): Promise<void> {
    const programs = [...this.#programs]
    for (const program of programs) program.kill('SIGKILL')
    await Promise.all(programs.map((program) => once(program, 'close')))
    ip('netns', 'del', this.name)
  }
}

/** A program that runs on a host. */
export class Program {
  readonly #child: ChildProcess
  #printed = ''

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout?.on('data', (part: Buffer) => (this.#printed += part.toString()))
  }

  /** All that it has printed to standard output so far. */
  get printed(): string {
    return this.#printed
  }

  /** Ends it as systemd would. Resolves with its exit code when it is gone. */
  async stop(): Promise<number | null> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await closed
    return this.#child.exitCode
  }
}

/** Puts a cable between two hosts: an interface on each, up, with this address. */
export function connect(
  name: string,
  ends: readonly [readonly [Host, string], readonly [Host, string]],
): void {
  const [[one, firstAddress], [other, secondAddress]] = ends
  one.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', name, 'netns', other.name)
  for (const [host, address] of [
    [one, firstAddress],
    [other, secondAddress],
  ] as const) {
    host.ip('address', 'add', address, 'broadcast', '+', 'dev', name)
    host.ip('link', 'set', name, 'up')
  }
}

let counter = 0

function ip(...parameters: string[]): string {
  return execFileSync('ip', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function mayMake(): boolean {
  const probe = `xg2g-${process.pid}-probe`
  try {
    ip('netns', 'add', probe)
    ip('netns', 'del', probe)
    return true
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error)
    process.stderr.write(`SKIPPED: tests in network namespaces (iproute2 and root are needed): ${reason}\n`)
    return false
  }
}
