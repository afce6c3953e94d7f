// Where a service's stream is: asked from the receiver, not guessed, once per service and start.
// Asking opens no tuner. The answer's host is dropped: it may be 127.0.0.1 or the box's own idea of itself.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { AppError, expectation } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { formatReference, parseReference, programNumber, referenceKey, type Reference } from './reference.ts'
import { readWhitelist, whitelistPath } from './relay.ts'

/** One service's place on the network. */
export interface StreamAddress {
  readonly host: string
  readonly port: number
  /** What to request: `/` and the reference. */
  readonly path: string
  /** The value of an Authorization header, if one is needed. */
  readonly authorization?: string | undefined
  /** The programme to pick from the PAT; 0 where the reference names none. */
  readonly program: number
}

export interface AddressOptions {
  /** OpenWebIF of the receiver: an http(s) URL, as checked by the configuration. */
  owiBase?: string | undefined
  user?: string | undefined
  password?: string | undefined
  /** A fixed stream server in place of the one that OpenWebIF names: nothing is asked then. */
  proxyTarget?: string | undefined
  log?: Logger | undefined
  /** Where receivers relay what their whitelist names. Default 17999. */
  relayPort?: number
  /** For one answer of OpenWebIF, connecting included. */
  timeoutMs?: number
  /** How long a question that failed is not asked again. */
  retryMs?: number
}

interface Answer {
  address: Promise<StreamAddress>
  /** Date.now() from which to ask again. */
  until: number
}

const defaultPort = 8001 // the receiver's own default
const defaultRelayPort = 17_999
// OpenWebIF 1.x answers with this type, and knows nothing of the relay: its whitelist must be read.
const withoutRelay = /x-mpegurl/i
const whitelistMs = 3_600_000 // how long it is believed
const longestAnswerBytes = 256 * 1024
const mostAnswers = 2048 // services remembered

/** Answers where services are, from memory where it can. Asks one question at a time. */
export class StreamAddresses {
  readonly #options: AddressOptions
  readonly #base: URL | undefined
  readonly #target: URL | undefined
  readonly #answers = new Map<string, Answer>()
  #lastQuestion: Promise<unknown> = Promise.resolve()
  #whitelist: { readonly keys: Promise<ReadonlySet<string>>; readonly until: number } | undefined

  constructor(options: AddressOptions) {
    this.#options = options
    this.#base = options.owiBase === undefined ? undefined : new URL(`${options.owiBase}/`)
    this.#target = options.proxyTarget === undefined ? undefined : new URL(options.proxyTarget)
    if (this.#target?.protocol === 'https:') {
      throw new AppError('CONFIG_INVALID', {
        reason: expectation('an http:// address', 'proxyTarget', this.#target.origin),
      })
    }
  }

  /** Where to fetch the service; port 8001 of the receiver where OpenWebIF gives no usable answer.
   *  @throws NOT_FOUND if no receiver is configured */
  resolve(reference: Reference): Promise<StreamAddress> {
    if (this.#target !== undefined) return Promise.resolve(this.#fixed(this.#target, reference))
    if (this.#base === undefined) return Promise.reject(new AppError('NOT_FOUND', { what: 'A receiver' }))

    const key = formatReference(reference)
    const known = this.#answers.get(key)
    if (known !== undefined && Date.now() < known.until) return known.address

    const answer: Answer = { address: this.#ask(this.#base, reference, key), until: Infinity }
    this.#answers.delete(key) // so that it becomes the youngest
    this.#answers.set(key, answer)
    const oldest = this.#answers.size > mostAnswers ? this.#answers.keys().next().value : undefined
    if (oldest !== undefined) this.#answers.delete(oldest)
    return answer.address
  }

  /** Forgets where a service was, so that after a failed stream the receiver is asked again. */
  forget(reference: Reference): void {
    this.#answers.delete(formatReference(reference))
  }

  async #ask(base: URL, reference: Reference, key: string): Promise<StreamAddress> {
    const before = this.#lastQuestion
    const asked = before.then(() => this.#question(base, reference))
    this.#lastQuestion = asked.catch(() => undefined)
    try {
      return await asked
    } catch (error) {
      const answer = this.#answers.get(key)
      if (answer !== undefined) answer.until = Date.now() + (this.#options.retryMs ?? 60_000)
      this.#options.log?.warn(
        { receiver: base.hostname, port: defaultPort, err: error },
        'stream address assumed',
      )
      return this.#address(base.hostname, defaultPort, reference, this.#ours())
    }
  }

  async #question(base: URL, reference: Reference): Promise<StreamAddress> {
    const { text, type } = await this.#playlist(base, reference)
    const address = this.#fromPlaylist(base, reference, text)
    const isRelayed =
      withoutRelay.test(type) && (await this.#relayed(base)).has(referenceKey(reference).toUpperCase())
    return isRelayed ? { ...address, port: this.#options.relayPort ?? defaultRelayPort } : address
  }

  /** The services that the relay serves; none where there is no such list. */
  #relayed(base: URL): Promise<ReadonlySet<string>> {
    if (this.#whitelist !== undefined && Date.now() < this.#whitelist.until) return this.#whitelist.keys
    const url = new URL('file', base)
    url.search = new URLSearchParams({ file: whitelistPath }).toString()
    url.username = url.password = ''
    const keys = fetchText(url, this.#ours(), this.#options.timeoutMs ?? 10_000).then(
      ({ text }) => readWhitelist(text),
      () => new Set<string>(), // most receivers have none
    )
    this.#whitelist = { keys, until: Date.now() + whitelistMs }
    return keys
  }

  #playlist(base: URL, reference: Reference): Promise<Text> {
    const url = new URL('web/stream.m3u', base)
    url.search = new URLSearchParams({
      ref: formatReference(reference),
      name: reference.name || 'stream',
    }).toString()
    url.username = url.password = ''
    return fetchText(url, this.#ours(), this.#options.timeoutMs ?? 10_000)
  }

  // The answer may name another service than was asked for: the one that alternatives stand for.
  #fromPlaylist(base: URL, reference: Reference, playlist: string): StreamAddress {
    const line = playlist.split(/\r?\n/).find((text) => /^https?:\/\//i.test(text))
    if (line === undefined) throw new Error('the answer names no address')
    const url = new URL(line)
    const named = parseReference(decodeURIComponent(url.pathname.slice(1)))
    if (named.kind !== 'service') throw new Error(`the answer names a ${named.kind}`)
    const resolved = reference.kind === 'service' ? reference : named
    return this.#address(base.hostname, portOf(url), resolved, this.#ours() ?? userOf(url))
  }

  #fixed(target: URL, reference: Reference): StreamAddress {
    const isReceiver = target.hostname === this.#base?.hostname
    const authorization = userOf(target) ?? (isReceiver ? this.#ours() : undefined)
    const address = this.#address(target.hostname, portOf(target), reference, authorization)
    return { ...address, path: target.pathname.replace(/\/$/, '') + address.path }
  }

  #address(
    hostname: string,
    port: number,
    reference: Reference,
    authorization: string | undefined,
  ): StreamAddress {
    const host = hostname.replace(/^\[|\]$/g, '')
    return {
      host,
      port,
      path: `/${encodeURI(formatReference(reference))}`,
      authorization,
      program: programNumber(reference),
    }
  }

  #ours(): string | undefined {
    const { user, password } = this.#options
    if (user !== undefined && user !== '') return basic(user, password ?? '')
    return this.#base === undefined ? undefined : userOf(this.#base)
  }
}

function portOf(url: URL): number {
  return url.port === '' ? 80 : Number(url.port)
}

// User and password of the URL. OpenWebIF prints `-sid:<session>` there, which works like a user.
function userOf({ username, password }: URL): string | undefined {
  return username === '' ? undefined : basic(decodeURIComponent(username), decodeURIComponent(password))
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

interface Text {
  readonly type: string
  readonly text: string
}

async function fetchText(url: URL, authorization: string | undefined, timeoutMs: number): Promise<Text> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = authorization === undefined ? {} : { authorization }
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { headers, signal, agent: false }, resolve).on('error', reject).end()
  })
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece)
    if ((bytes += piece.length) > longestAnswerBytes)
      throw new Error(`the answer is longer than ${longestAnswerBytes} bytes`)
  }
  if (response.statusCode !== 200) throw new Error(`the receiver answered ${response.statusCode}`)
  return { type: response.headers['content-type'] ?? '', text: Buffer.concat(pieces).toString() }
}
