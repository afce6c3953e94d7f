// Questions to the API. Where it wants a token the viewer is asked for one, once for all questions that wait.
import { recall, remember } from './memory.ts'

const longestAnswerMs = 20_000

/** An answer that is none. */
export class Refusal extends Error {
  readonly status: number
  /** Of the server's table of errors; NETWORK where there was no answer. */
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

/** Asks the viewer. Undefined if he does not want to. */
export type AskToken = (reason: string) => Promise<string | undefined>

export class Client {
  readonly #askToken: AskToken
  #asking: Promise<string | undefined> | undefined

  constructor(askToken: AskToken) {
    this.#askToken = askToken
  }

  /** @throws Refusal; AbortError when `signal` says so */
  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#ask<T>('GET', path, undefined, signal)
  }

  /** @throws Refusal */
  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.#ask<T>('POST', path, body)
  }

  /** @throws Refusal */
  async delete(path: string): Promise<void> {
    await this.#ask('DELETE', path)
  }

  async #ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    for (;;) {
      const used = recall('token')
      const response = await request(method, path, body, signal)
      if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
      const refusal = await refusalOf(response)
      const wantsToken =
        refusal.status === 401 || (refusal.status === 403 && refusal.message.includes('token'))
      if (!wantsToken) throw refusal
      if (used === recall('token') && (await this.#newToken(refusal.message)) === undefined) throw refusal
    }
  }

  #newToken(reason: string): Promise<string | undefined> {
    this.#asking ??= this.#askToken(reason)
      .then((token) => {
        if (token !== undefined) remember('token', token)
        return token
      })
      .finally(() => (this.#asking = undefined))
    return this.#asking
  }
}

/** The header that a request of ours brings; none without a token. */
export function authorization(): Record<string, string> {
  const token = recall('token')
  return token === '' ? {} : { Authorization: `Bearer ${token}` }
}

/** For what cannot send a header: EventSource, a player of another program. */
export function withToken(address: string): string {
  const token = recall('token')
  if (token === '') return address
  return `${address}${address.includes('?') ? '&' : '?'}token=${encodeURIComponent(token)}`
}

async function request(
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const limit = AbortSignal.timeout(longestAnswerMs)
  try {
    return await fetch(path, {
      method,
      headers: { ...authorization(), ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    })
  } catch (cause) {
    if (signal?.aborted === true) throw cause
    throw new Refusal(0, 'NETWORK', 'xg2g does not answer. Is it running, and is this device on its network?')
  }
}

async function refusalOf(response: Response): Promise<Refusal> {
  const found: unknown = await response.json().catch(() => undefined)
  const { code, message } = errorIn(found)
  return new Refusal(response.status, code ?? 'UNKNOWN', message ?? `The answer was ${response.status}`)
}

/** Code and words of an error's body; empty if it is none. */
export function errorIn(body: unknown): { code?: string | undefined; message?: string | undefined } {
  const { error } = (body ?? {}) as { error?: { code?: string; message?: string } }
  return { code: error?.code, message: error?.message }
}
