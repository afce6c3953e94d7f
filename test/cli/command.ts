// Runs ./xg2g as a person does, for the tests of its commands.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { join, resolve } from 'node:path'

const repository = resolve(import.meta.dirname, '../..')

export interface Outcome {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface CommandOptions {
  /** Standard input; empty unless given. */
  readonly input?: Buffer
  readonly env?: Readonly<Record<string, string>>
}

/** Starts ./xg2g, of this repository or a copy of it, with an environment free of settings. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  home = repository,
): ChildProcessWithoutNullStreams {
  const { PATH = '', HOME = '' } = process.env
  return spawn(join(home, 'xg2g'), args, { env: { PATH, HOME, ...env } })
}

/** Runs ./xg2g to its end. */
export async function run(
  args: readonly string[],
  { input = Buffer.alloc(0), env = {} }: CommandOptions = {},
): Promise<Outcome> {
  const child = start(args, env)
  child.stdin.on('error', () => undefined) // it may end before it has read all
  child.stdin.end(input)
  return await outcome(child)
}

/** What a command has said when it has ended. */
export async function outcome(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => out.push(piece))
  child.stderr.on('data', (piece: Buffer) => err.push(piece))
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('close', resolve).once('error', reject),
  )
  return { code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }
}
