// `xg2g refresh`: lets a running daemon ask its receiver again, and shows how far it is.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { loadConfig } from '../base/config.ts'
import { AppError } from '../base/errors.ts'
import { formatListen, type Listen } from '../base/units.ts'
import { UsageError } from './usage.ts'

export const refreshUsage = `Usage: xg2g refresh [channels|guide|all] [--url URL] [--config FILE]

Lets the running daemon ask its receiver for channels, guide or both (the default), and waits.
  --url URL   where its API is; http://localhost and the configured port unless given
A token is taken from the configuration (XG2G_API_TOKEN).
`

const kinds = ['channels', 'guide', 'all']
const everyMs = 500
const limitMs = 10_000 // for one answer

interface State {
  readonly isRunning: boolean
  readonly stage?: string
  readonly done: number
  readonly total: number
  readonly last?: {
    readonly isComplete: boolean
    readonly channels: number
    readonly fetched: number
    readonly failed: number
    readonly durationMs: number
    readonly error?: string
  }
}

/** The command. 0 if the refresh was complete, 1 if not. */
export async function refresh(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      config: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    process.stdout.write(refreshUsage)
    return 0
  }
  const [what = 'all', ...more] = positionals
  if (!kinds.includes(what) || more.length > 0) {
    throw new UsageError(`Expected one of ${kinds.join(', ')} but received ${positionals.join(' ')}`)
  }
  const config = loadConfig(values.config === undefined ? {} : { file: values.config })
  const url = (values.url ?? urlOf(config.listen)).replace(/\/$/, '')
  const ask = asker(url, config.apiToken)
  const begun = await ask('POST', { what })
  if (begun === 'running') process.stderr.write('A refresh is running already; waiting for it\n')
  return await follow(() => ask('GET'))
}

async function follow(ask: () => Promise<State | 'running'>): Promise<number> {
  const line = new Line()
  for (;;) {
    const state = await ask()
    if (state !== 'running' && !state.isRunning) {
      line.close()
      return report(state)
    }
    if (state !== 'running') line.draw(`${state.stage ?? 'beginning'} ${state.done}/${state.total}`)
    await delay(everyMs)
  }
}

function report({ last }: State): number {
  if (last === undefined) throw new AppError('INTERNAL', { reason: 'The refresh ended without a result' })
  const { channels, fetched, failed, durationMs, isComplete, error } = last
  const seconds = (durationMs / 1000).toFixed(1)
  process.stdout.write(
    `${channels} channels, guide of ${fetched} fetched, ${failed} failed, in ${seconds} s\n`,
  )
  if (!isComplete) process.stderr.write(`It was not complete${error === undefined ? '' : `: ${error}`}\n`)
  return isComplete ? 0 : 1
}

/** Asks the API of a daemon. */
function asker(url: string, token: string | undefined) {
  return async (method: 'GET' | 'POST', body?: unknown): Promise<State | 'running'> => {
    let response: Response
    try {
      response = await fetch(`${url}/api/v1/refresh`, {
        method,
        signal: AbortSignal.timeout(limitMs),
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (cause) {
      throw new AppError('INTERNAL', { cause, reason: `There is no xg2g at ${url}: is it running?` })
    }
    if (response.status === 409) return 'running'
    const answer = (await response.json()) as State & { error?: { message?: string } }
    if (response.ok) return answer
    throw new AppError('INTERNAL', { reason: answer.error?.message ?? `${url} answers ${response.status}` })
  }
}

function urlOf({ host, port }: Listen): string {
  const isAny = host === undefined || host === '0.0.0.0' || host === '::'
  return `http://${formatListen({ host: isAny ? '127.0.0.1' : host, port })}`
}

// One line on a terminal, redrawn in place; nothing elsewhere.
class Line {
  readonly #isShown = process.stderr.isTTY

  draw(text: string): void {
    if (this.#isShown) process.stderr.write(`\r${text}\x1b[K`)
  }

  close(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
  }
}
