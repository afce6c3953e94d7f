// OpenWebIF of one receiver: the questions that channels and guide need. Asks for JSON, takes XML from
// boxes that know nothing else, and never asks two things at once.
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError, toAppError, type ErrorCode } from '../base/errors.ts'
import { maskCredentials, type Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { readAnswer, type Answer } from './answer.ts'
import { Budget, type Urgency } from './budget.ts'
import {
  readAbout,
  readPlayable,
  readRecordings,
  readStatus,
  type About,
  type DeviceStatus,
} from './device.ts'
import { readEvents, type EventRow } from './event.ts'
import { readBouquets, readServices, type BouquetRow, type ServiceRow } from './listing.ts'
import { readSignal, type Signal } from './signal.ts'

export interface ClientOptions {
  /** An http(s) URL, as checked by the configuration. */
  owiBase: string
  user?: string | undefined
  password?: string | undefined
  budget?: Budget
  log?: Logger | undefined
  metrics?: Metrics | undefined
  /** For one answer, connecting included. Default 10000, of the guide 15000. */
  timeoutMs?: number
  guideTimeoutMs?: number
  /** Before the second try; doubles after it. Default 500. */
  retryMs?: number
}

/** How the last exchange with the receiver went. */
export interface ClientState {
  readonly error: AppError | undefined
  readonly errorAt: Date | undefined
  readonly answeredAt: Date | undefined
}

export interface File {
  readonly type: string
  readonly bytes: Buffer
}

interface Question {
  readonly urgency: Urgency
  readonly signal?: AbortSignal | undefined
}

const tries = 3
const longestAnswerBytes = 16 * 2 ** 20 // a whole week of a channel is below 1 MiB
const longestFileBytes = 2 ** 20
const agentName = 'xg2g'

export class OpenWebIf {
  readonly #options: Required<Omit<ClientOptions, 'user' | 'password' | 'log' | 'metrics'>> & ClientOptions
  readonly #base: URL
  readonly #authorization: string | undefined
  // Boxes with the original web interface have no JSON side at all.
  #hasJson = true
  // Some images cannot say whether a service would get a tuner.
  #hasPlayable = true
  #error: AppError | undefined
  #errorAt: Date | undefined
  #answeredAt: Date | undefined

  constructor(options: ClientOptions) {
    this.#options = {
      timeoutMs: 10_000,
      guideTimeoutMs: 15_000,
      retryMs: 500,
      budget: new Budget(),
      ...options,
    }
    this.#base = new URL(`${options.owiBase.replace(/\/$/, '')}/`)
    const user = options.user || decodeURIComponent(this.#base.username)
    const password = options.user ? (options.password ?? '') : decodeURIComponent(this.#base.password)
    this.#authorization =
      user === '' ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    this.#base.username = this.#base.password = ''
  }

  /** The receiver's address without credentials. */
  get host(): string {
    return this.#base.hostname
  }

  get state(): ClientState {
    return { error: this.#error, errorAt: this.#errorAt, answeredAt: this.#answeredAt }
  }

  /** The health check: answers also in standby. */
  async about(signal?: AbortSignal): Promise<About> {
    return this.#ask('about', {}, { urgency: 'viewer', signal }, readAbout)
  }

  async status(signal?: AbortSignal): Promise<DeviceStatus> {
    return this.#ask('statusinfo', {}, { urgency: 'viewer', signal }, readStatus)
  }

  /** Of the living room's tuner. */
  async signal(signal?: AbortSignal): Promise<Signal> {
    return this.#ask('signal', {}, { urgency: 'viewer', signal }, readSignal)
  }

  /** The services that it records now. */
  async recordings(signal?: AbortSignal): Promise<string[]> {
    return this.#ask('timerlist', {}, { urgency: 'viewer', signal }, readRecordings)
  }

  /** Would the service get a tuner, if `without` (a service that is streamed) were left for it? Tunes
   *  nothing. Undefined where the box cannot say. */
  async isPlayable(
    ref: string,
    { without = '', signal }: { without?: string; signal?: AbortSignal } = {},
  ): Promise<boolean | undefined> {
    if (!this.#hasPlayable) return undefined
    for (const side of ['api', 'web'] as const) {
      const url = this.#page(side, 'serviceplayable', { sRef: ref, sRefPlaying: without })
      const question: Question = { urgency: 'viewer', signal }
      const { status, bytes } = await this.#exchange(url, question, longestAnswerBytes, [404])
      if (status !== 404) return this.#read('serviceplayable', bytes, readPlayable)
    }
    this.#hasPlayable = false
    return undefined
  }

  async bouquets(kind: 'tv' | 'radio', signal?: AbortSignal): Promise<BouquetRow[]> {
    return this.#ask('bouquets', { stype: kind }, { urgency: 'viewer', signal }, readBouquets)
  }

  /** What is in a bouquet, markers too. */
  async services(bouquet: string, signal?: AbortSignal): Promise<ServiceRow[]> {
    return this.#ask(
      'getservices',
      { sRef: bouquet, picon: '1' },
      { urgency: 'viewer', signal },
      readServices,
    )
  }

  /** All programmes of a service that end after `from`, unix seconds. */
  async events(ref: string, from: number, signal?: AbortSignal): Promise<EventRow[]> {
    // Never endTime: boxes take it for a span in minutes, and a timestamp there yields nothing.
    return this.#ask(
      'epgservice',
      { sRef: ref, time: String(from) },
      { urgency: 'guide', signal },
      readEvents,
    )
  }

  /** What is on now and next, of all services of a bouquet. */
  async nowNext(bouquet: string, signal?: AbortSignal): Promise<EventRow[]> {
    return this.#ask('epgnownext', { bRef: bouquet }, { urgency: 'guide', signal }, readEvents)
  }

  /** A file of the web port, such as a picon; undefined if there is none. */
  async file(path: string, signal?: AbortSignal): Promise<File | undefined> {
    const url = new URL(path.replace(/^\/+/, ''), this.#base)
    if (url.origin !== this.#base.origin) return undefined
    const { status, type, bytes } = await this.#exchange(
      url,
      { urgency: 'viewer', signal },
      longestFileBytes,
      [404],
    )
    return status === 404 ? undefined : { type, bytes }
  }

  async #ask<T>(
    page: string,
    query: Record<string, string>,
    question: Question,
    read: (answer: Answer) => T,
  ): Promise<T> {
    if (this.#hasJson) {
      const { status, bytes } = await this.#exchange(
        this.#page('api', page, query),
        question,
        longestAnswerBytes,
        [404],
      )
      if (status !== 404) return this.#read(page, bytes, read)
    }
    const { bytes } = await this.#exchange(this.#page('web', page, query), question, longestAnswerBytes, [])
    const answer = this.#read(page, bytes, read)
    this.#hasJson = false
    return answer
  }

  #page(side: 'api' | 'web', page: string, query: Record<string, string>): URL {
    const url = new URL(`${side}/${page}`, this.#base)
    // Blanks as %20: some images take a plus for a plus.
    url.search = new URLSearchParams(query).toString().replaceAll('+', '%20')
    return url
  }

  #read<T>(page: string, bytes: Uint8Array, read: (answer: Answer) => T): T {
    try {
      return read(readAnswer(bytes))
    } catch (thrown) {
      const error = toAppError(thrown)
      this.#failed(page, error)
      throw error
    }
  }

  // Tries again what may have been bad luck. What the receiver refuses it refuses the next time too.
  async #exchange(
    url: URL,
    { urgency, signal }: Question,
    mostBytes: number,
    accepted: readonly number[],
  ): Promise<Response> {
    const { budget, retryMs, timeoutMs, guideTimeoutMs } = this.#options
    const limitMs = urgency === 'guide' ? guideTimeoutMs : timeoutMs
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await budget.run(
          urgency,
          () => this.#fetch(url, { mostBytes, limitMs, signal }),
          signal,
        )
        if (response.status === 200 || accepted.includes(response.status)) {
          this.#answered()
          return response
        }
        throw refusal(response.status)
      } catch (thrown) {
        if (signal?.aborted === true) throw thrown
        const error = toAppError(thrown)
        const isFinal = error.code === 'RECEIVER_REFUSED' || attempt >= tries
        if (isFinal) {
          this.#failed(url.pathname, error)
          throw error
        }
      }
      await delay(retryMs * 2 ** (attempt - 1), undefined, { signal })
    }
  }

  async #fetch(
    url: URL,
    { mostBytes, limitMs, signal }: { mostBytes: number; limitMs: number; signal: AbortSignal | undefined },
  ): Promise<Response> {
    const timeout = AbortSignal.timeout(limitMs)
    const options: RequestOptions = {
      // Pre-emptively, which spares a round trip and the box an entry in its log.
      headers: {
        'User-Agent': agentName,
        Accept: '*/*',
        ...(this.#authorization === undefined ? {} : { Authorization: this.#authorization }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      agent: false,
    }
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        // Receivers sign their certificates themselves: there is nobody to check them against.
        request(url, { ...options, rejectUnauthorized: false }, resolve)
          .on('error', reject)
          .end()
      })
      return {
        status: response.statusCode ?? 0,
        type: response.headers['content-type'] ?? '',
        bytes: await collect(response, mostBytes),
      }
    } catch (cause) {
      if (signal?.aborted === true || cause instanceof AppError) throw cause
      if (timeout.aborted) throw new AppError('RECEIVER_TIMEOUT', { cause, afterMs: limitMs })
      throw new AppError('RECEIVER_UNREACHABLE', { cause, reason: reasonOf(cause) })
    }
  }

  #answered(): void {
    this.#error = this.#errorAt = undefined
    this.#answeredAt = new Date()
    this.#options.metrics?.receiverRequests.inc('answered')
  }

  #failed(page: string, error: AppError): void {
    const isNew = this.#error?.code !== error.code // one line per trouble, not per request
    this.#error = error
    this.#errorAt = new Date()
    this.#options.metrics?.receiverRequests.inc(results[error.code] ?? 'other')
    const event = { receiver: this.host, page, code: error.code, reason: maskCredentials(error.message) }
    if (isNew) this.#options.log?.warn(event, 'receiver question failed')
  }
}

interface Response {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
}

const results: Partial<Record<ErrorCode, 'unreachable' | 'timeout' | 'refused' | 'broken'>> = {
  RECEIVER_UNREACHABLE: 'unreachable',
  RECEIVER_TIMEOUT: 'timeout',
  RECEIVER_REFUSED: 'refused',
  RECEIVER_BROKEN: 'broken',
}

function refusal(status: number): AppError {
  if (status === 401)
    return new AppError('RECEIVER_REFUSED', { reason: 'it wants another user name or password', status })
  if (status === 403)
    return new AppError('RECEIVER_REFUSED', {
      reason: 'it answers its own network only (403); switch on its login and set user and password',
      status,
    })
  if (status >= 400 && status < 500)
    return new AppError('RECEIVER_REFUSED', { reason: `status ${status}`, status })
  return new AppError('RECEIVER_BROKEN', { reason: `status ${status}`, status })
}

async function collect(response: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece)
    if ((bytes += piece.length) > mostBytes)
      throw new AppError('RECEIVER_BROKEN', { reason: `it is longer than ${mostBytes} bytes` })
  }
  return Buffer.concat(pieces, bytes)
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? code : cause.message
}
