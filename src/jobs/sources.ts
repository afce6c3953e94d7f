// From where the transcoder may fetch: the allow-list, and the way to a URL that it allows. Names are resolved
// here, once, and the connection goes to the address that was looked at; so does each one that an answer leads to.
import { lookup as resolve } from 'node:dns/promises'
import { isIP } from 'node:net'
import { AppError, expectation } from '../base/errors.ts'
import { Networks, parseDestination, plainAddress, specialNetworks } from '../base/network.ts'
import { settingInfo } from '../base/settings.ts'
import { fixedService, type FixedService, type Place } from '../stream/service.ts'

export interface SourcesOptions {
  /** The addresses of a name; the system's resolver unless given. @throws if there are none */
  readonly lookup?: (name: string) => Promise<readonly string[]>
  /** For the addresses of a name. Default 5000. */
  readonly lookupMs?: number
}

interface Rule {
  readonly name: string | undefined
  readonly networks: Networks
  readonly port: number | undefined
}

/** A URL, and how many answers have led to it. */
interface Source {
  readonly url: URL
  readonly redirects: number
}

const mostRedirects = 3
const mostLookups = 64
const longestShown = 40 // characters of a scheme
const setting = settingInfo('transcoderSources').env

export class Sources {
  readonly #rules: readonly Rule[]
  readonly #lookup: (name: string) => Promise<readonly string[]>
  readonly #lookupMs: number
  #lookups = 0

  /** @param allowed  as parseDestination() reads them */
  constructor(allowed: readonly string[], { lookup = addressesOf, lookupMs = 5000 }: SourcesOptions = {}) {
    this.#rules = allowed.map((text) => {
      const destination = parseDestination(text)
      if (destination === undefined) throw new TypeError(expectation('a host or network', setting, text))
      const { name, network, port } = destination
      return { name, port, networks: new Networks(network === undefined ? [] : [network]) }
    })
    this.#lookup = lookup
    this.#lookupMs = lookupMs
  }

  /** What streams from the URL. Opens nothing and asks for no address before it is sought; equal URLs share
   *  a feed. seek() @throws FORBIDDEN, UPSTREAM_REFUSED, UPSTREAM_TIMEOUT
   *  @throws BAD_REQUEST for what is no URL, FORBIDDEN for one that cannot be allowed */
  service(source: string | undefined): FixedService {
    const url = URL.parse(source ?? '')
    // The value is not repeated: it may hold a password where nobody can tell.
    if (url === null) {
      const received = source === undefined || source === '' ? 'none' : 'something else'
      throw new AppError('BAD_REQUEST', {
        reason: `Expected an http:// URL for source but received ${received}`,
      })
    }
    url.hash = ''
    return this.#serviceAt({ url, redirects: 0 })
  }

  #serviceAt(source: Source): FixedService {
    const { url, redirects } = source
    this.#admit(source)
    return fixedService({
      name: `${url.host}${url.pathname}`,
      key: url.href,
      locate: () => this.#locate(source),
      forget: () => undefined,
      follow: (location) => {
        const next = URL.parse(location, url.href)
        if (next === null) throw refused('it leads to a place that is no URL')
        if (redirects === mostRedirects) throw refused(`it leads on more than ${mostRedirects} times`)
        return this.#serviceAt({ url: next, redirects: redirects + 1 })
      },
    })
  }

  // All that can be said before a name is resolved.
  #admit(source: Source): void {
    const { protocol } = source.url
    if (protocol !== 'http:')
      throw forbidden(source, `Sources are read by http:// only, not by ${protocol.slice(0, longestShown)}`)
    if (this.#rules.length === 0)
      throw forbidden(
        source,
        `No source is allowed: ${setting} lists the hosts, addresses and networks that are`,
      )
    const { host, port } = partsOf(source)
    if (isIP(host) !== 0) this.#check(source, [host])
    else if (!this.#hasName(host, port) && !this.#hasNetworks(port)) throw notListed(source)
  }

  // @throws FORBIDDEN unless each of the addresses is allowed
  #check(source: Source, addresses: readonly string[]): void {
    const { host, port } = partsOf(source)
    const isNamed = this.#hasName(host, port)
    for (const address of addresses) {
      const isSpecial = isIP(address) === 0 || specialNetworks.has(address)
      if (this.#hasAddress(address, port) || (isNamed && !isSpecial)) continue
      if (!isNamed) throw notListed(source)
      throw forbidden(source, `The source is at an address that has to be in ${setting} itself`)
    }
  }

  async #locate(source: Source): Promise<Place> {
    const { url } = source
    const { host, port } = partsOf(source)
    const addresses = isIP(host) === 0 ? await this.#resolve(source) : [host]
    this.#check(source, addresses)
    const authorization = authorizationOf(url)
    return {
      host: addresses[0] ?? '',
      port,
      hostHeader: url.host,
      path: `${url.pathname}${url.search}`,
      program: 0,
      ...(authorization !== undefined && { authorization }),
    }
  }

  // @throws for names that are not listed FORBIDDEN alone, which does not tell whether they exist
  async #resolve(source: Source): Promise<readonly string[]> {
    const { host, port } = partsOf(source)
    try {
      const found = await this.#ask(host)
      if (found.length === 0) throw refused('its name has no address')
      return found.map((address) => plainAddress(address) ?? address)
    } catch (cause) {
      if (!this.#hasName(host, port)) throw notListed(source)
      throw cause instanceof AppError ? cause : refused('its name has no address', cause)
    }
  }

  // What is asked cannot be taken back: it counts until there is an answer, though nobody waits for it.
  async #ask(name: string): Promise<readonly string[]> {
    if (this.#lookups >= mostLookups)
      throw new AppError('LIMIT_REACHED', { capacity: mostLookups, what: 'lookups of names' })
    this.#lookups++
    const answer = this.#lookup(name).finally(() => this.#lookups--)
    const late = Promise.withResolvers<never>()
    const afterMs = this.#lookupMs
    const timer = setTimeout(() => late.reject(new AppError('UPSTREAM_TIMEOUT', { afterMs })), afterMs)
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  #hasName(host: string, port: number): boolean {
    return this.#of(port).some(({ name }) => name === host)
  }

  #hasAddress(address: string, port: number): boolean {
    return this.#of(port).some(({ networks }) => networks.has(address))
  }

  #hasNetworks(port: number): boolean {
    return this.#of(port).some(({ name }) => name === undefined)
  }

  #of(port: number): readonly Rule[] {
    return this.#rules.filter((rule) => rule.port === undefined || rule.port === port)
  }
}

// The URL's parser has made plain addresses of all the ways to write them, and lower case of names.
function partsOf({ url: { hostname, port } }: Source): { host: string; port: number } {
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host: isIP(host) === 0 ? host.replace(/\.$/, '') : host, port: Number(port || 80) }
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`)
  return `Basic ${credentials.toString('base64')}`
}

// What is no percent-encoding stands for itself.
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function notListed(source: Source): AppError {
  return forbidden(source, expectation(`a host that ${setting} lists`, 'source', source.url.host))
}

// Where an answer leads is not told to the client, who did not name it.
function forbidden({ redirects }: Source, reason: string): AppError {
  const hidden = `The source leads to a place that ${setting} does not allow`
  return new AppError('FORBIDDEN', { reason: redirects > 0 ? hidden : reason })
}

function refused(reason: string, cause?: unknown): AppError {
  return new AppError('UPSTREAM_REFUSED', { cause, reason })
}

async function addressesOf(name: string): Promise<string[]> {
  return (await resolve(name, { all: true, order: 'verbatim' })).map(({ address }) => address)
}
