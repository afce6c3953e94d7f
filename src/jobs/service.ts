// /audio-remux: GET has a source fetched and remuxed, POST sends the stream along and gets it back remuxed.
// Main thread. Sources are shared as channels are; a posted stream has an engine of its own, full duplex on one
// request: what is ready leaves while the body still comes.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError, expected, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { parseTraceparent } from '../base/trace.ts'
import { Account } from '../stream/account.ts'
import type { Engines } from '../stream/engines.ts'
import type { Feeds } from '../stream/feeds.ts'
import { framesType } from '../stream/frames.ts'
import { parseQuery, type StreamQuery } from '../stream/query.ts'
import { refuse } from '../stream/refusal.ts'
import type { Service } from '../stream/service.ts'
import { streamHeaders, watch, type SendLimits } from '../stream/viewing.ts'
import { parseProfile, type Profile } from '../workers/profile.ts'
import { mostWeight } from '../workers/schedule.ts'
import { Exchange } from './exchange.ts'
import { serveFramed } from './framed.ts'
import { defaultWeight } from './order.ts'
import type { Sources } from './sources.ts'

export interface AudioRemuxOptions {
  readonly feeds: Feeds
  /** Those of the feeds. */
  readonly engines: Engines
  readonly sources: Sources
  /** Why the sound cannot be changed, told to those who ask for it. */
  readonly refusal?: AppError | undefined
  /** What those get who ask for nothing. Looked at for each request. */
  readonly profile: Profile
  /** A posted stream in which nothing moves for so long is given up. Default 30000. */
  readonly idleMs?: number
  readonly limits?: Partial<SendLimits> | undefined
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
}

export const audioRemuxPath = '/audio-remux'
const allow = 'GET, HEAD, POST'
const longestLabel = 200

export class AudioRemux {
  readonly #options: AudioRemuxOptions
  readonly #jobs = new Map<Exchange, Promise<void>>()
  readonly #framed = new Map<ServerResponse, Promise<unknown>>()
  #isClosing = false

  constructor(options: AudioRemuxOptions) {
    this.#options = options
  }

  /** Answers one request, which may still wait for 100 Continue. Fails never. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const account = new Account(request.method, { ...this.#log, route: audioRemuxPath })
    try {
      if (this.#isClosing) throw new AppError('SHUTTING_DOWN')
      await this.#serve(request, response, account)
    } catch (thrown) {
      const error = toAppError(thrown)
      refuse(response, error, { method: request.method, allow })
      account.refused(error, audioRemuxPath) // without the query: a source may hold a password
    } finally {
      account.close()
    }
  }

  /** Takes no more requests, leaves the sources and lets out what has come from them; posted streams may come
   *  to their end. What is left after `drainMs` is cut off; daemons are at once, since they go on elsewhere. */
  async close(drainMs = 5000): Promise<void> {
    this.#isClosing = true
    const { feeds } = this.#options
    const timer = setTimeout(() => {
      feeds.abort()
      for (const job of this.#jobs.keys()) job.close(new AppError('SHUTTING_DOWN'))
    }, drainMs)
    for (const response of this.#framed.keys()) response.destroy()
    await Promise.all([feeds.close(), ...this.#jobs.values(), ...this.#framed.values()])
    clearTimeout(timer)
  }

  async #serve(request: IncomingMessage, response: ServerResponse, account: Account): Promise<void> {
    const { feeds, limits } = this.#options
    const { method = '' } = request
    switch (method) {
      case 'GET': {
        const { service, query } = this.#wanted(request)
        return await watch(service, query, response, { feeds, limits, account })
      }
      case 'HEAD':
        this.#wanted(request)
        response.writeHead(200, streamHeaders).end()
        return account.answered(200)
      case 'POST':
        return request.headers['content-type'] === framesType
          ? await this.#serveFramed(request, response, account)
          : await this.#exchange(request, response, account)
      default:
        throw new AppError('METHOD_NOT_ALLOWED', { method })
    }
  }

  #wanted(request: IncomingMessage): { service: Service; query: StreamQuery } {
    const asked = queryOf(request)
    const [source, ...others] = asked.getAll('source')
    if (others.length > 0)
      throw new AppError('BAD_REQUEST', { reason: 'Expected one source but received several' })
    return { service: this.#options.sources.service(source), query: this.#read(asked) }
  }

  async #exchange(request: IncomingMessage, response: ServerResponse, account: Account): Promise<void> {
    const { profile } = this.#read(queryOf(request))
    const { engines, idleMs } = this.#options
    const name = `stream of ${request.socket.remoteAddress ?? 'a client'}`
    const { engine, stream } = engines.open(profile, { label: name, weight: defaultWeight })
    const job = new Exchange(stream, { request, response, idleMs })
    const done = job.run(() => account.started(name, engine.name))
    const settled = done.catch(() => undefined)
    this.#jobs.set(job, settled)
    try {
      await done
    } catch (thrown) {
      if (job.isStarted) response.destroy() // the client sees that the end is missing
      if (!job.isStarted && !response.destroyed) throw thrown
    } finally {
      this.#jobs.delete(job)
    }
    if (!job.isStarted) return account.abandoned(name)
    const { bytesIn, bytesSent, problem, end } = job
    account.ended(name, { end, bytesIn, bytesSent, error: end === 'complete' ? problem : undefined })
  }

  // A daemon's stream: it names all that it wants of the sound.
  async #serveFramed(request: IncomingMessage, response: ServerResponse, account: Account): Promise<void> {
    const profile = parseProfile(Object.fromEntries(queryOf(request)), this.#options.profile)
    const label = labelOf(request)
    const trace = parseTraceparent(request.headers.traceparent)
    const { engine, stream } = this.#options.engines.open(profile, {
      label,
      weight: weightOf(request),
      trace,
    })
    request.on('error', () => undefined)
    response.on('error', () => undefined).writeHead(200, { 'Content-Type': framesType })
    account.started(label, engine.name)
    const done = serveFramed(request, response, stream)
    this.#framed.set(response, done)
    const { isReusable, error } = await done
    this.#framed.delete(response)
    if (isReusable) response.end()
    else response.destroy()
    const [bytesIn, bytesSent] = [stream.input.total, stream.output.total]
    account.ended(label, { end: isReusable ? 'complete' : 'left', bytesIn, bytesSent, error })
  }

  // What is configured, then what is asked.
  #read(asked: URLSearchParams): StreamQuery {
    const { profile, refusal } = this.#options
    const program = asked.get('program') ?? undefined
    const query = parseQuery(asked, parseProfile({ program }, profile))
    if (refusal !== undefined && query.profile.audio !== 'copy') throw refusal
    return query
  }

  get #log(): Pick<AudioRemuxOptions, 'log' | 'metrics'> {
    const { log, metrics } = this.#options
    return { log, metrics }
  }
}

// Of a daemon's job; live television has none.
function weightOf({ headers }: IncomingMessage): number | undefined {
  const text = headers['x-xg2g-weight']
  const asked = text === undefined ? undefined : Number(text)
  if (asked === undefined || (Number.isInteger(asked) && asked >= 1 && asked <= mostWeight)) return asked
  throw expected(`a whole number from 1 to ${mostWeight}`, 'X-Xg2g-Weight', text)
}

function labelOf({ headers, socket }: IncomingMessage): string {
  const label = headers['x-xg2g-label']
  try {
    if (typeof label === 'string') return decodeURIComponent(label).slice(0, longestLabel)
  } catch {
    // not percent-encoded
  }
  return `stream of ${socket.remoteAddress ?? 'a daemon'}`
}

function queryOf({ url = '/' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at))
}
