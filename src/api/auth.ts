// Who may do what. Without a token: one's own networks may read and change, everyone else nothing.
// A read token closes reading to those who do not bring it; any token closes changing to all but the admin's.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import { AppError } from '../base/errors.ts'
import type { Client } from './client.ts'

/** `public`: everyone. `logo`: as `read`, and everyone as soon as there is a token, since players cannot send
 *  one for a picture. `read`: looking. `admin`: changing, and the configuration. */
export type Scope = 'public' | 'logo' | 'read' | 'admin'

export interface AuthSettings {
  readonly apiToken?: string | undefined
  readonly apiReadToken?: string | undefined
  readonly publicUrl?: string | undefined
  readonly allowedOrigins: readonly string[]
}

/** The token that a request brings: `Authorization: Bearer`, `X-API-Token`, or `?token=` where players can
 *  send nothing else. */
export function tokenOf({ headers, method, url = '' }: IncomingMessage): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  const own = headers['x-api-token']
  if (typeof own === 'string' && own !== '') return own
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const query = url.includes('?') ? url.slice(url.indexOf('?')) : ''
  return new URLSearchParams(query).get('token') ?? undefined
}

export class WrongToken extends AppError {
  constructor() {
    super('UNAUTHORIZED', { reason: 'The token is not valid' })
  }
}

/** @throws UNAUTHORIZED, FORBIDDEN; WrongToken for one that is not ours */
export function authorize(
  scope: Scope,
  request: IncomingMessage,
  client: Client,
  settings: AuthSettings,
): void {
  if (scope === 'public') return
  const { apiToken, apiReadToken } = settings
  const hasTokens = apiToken !== undefined || apiReadToken !== undefined
  const token = hasTokens ? tokenOf(request) : undefined
  if (token !== undefined) return checkToken(scope, token, settings)
  if (scope === 'logo' && hasTokens) return
  if (scope === 'admin' ? hasTokens : apiReadToken !== undefined) throw refusal(scope, settings)
  if (!client.isLocal) throw elsewhere(hasTokens)
  if (scope === 'admin') checkOrigin(request, client, settings)
}

function checkToken(scope: Scope, token: string, { apiToken, apiReadToken }: AuthSettings): void {
  // Both are compared, always, so that the time says nothing about which one it was.
  const isAdmin = isSame(token, apiToken)
  const isReader = isSame(token, apiReadToken)
  if (isAdmin) return
  if (!isReader) throw new WrongToken()
  if (scope === 'admin') throw new AppError('FORBIDDEN', { reason: 'This token may only read' })
}

function isSame(given: string, configured: string | undefined): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(configured ?? '')) && configured !== undefined
}

function refusal(scope: Scope, { apiToken }: AuthSettings): AppError {
  if (scope !== 'admin' || apiToken !== undefined) return new AppError('UNAUTHORIZED')
  return new AppError('FORBIDDEN', {
    reason:
      'Changes are closed: a read token is set (XG2G_API_READ_TOKEN) but no admin token (XG2G_API_TOKEN)',
  })
}

function elsewhere(hasTokens: boolean): AppError {
  if (hasTokens) return new AppError('UNAUTHORIZED')
  return new AppError('FORBIDDEN', {
    reason:
      'Without a token only private networks are served: set XG2G_API_TOKEN, and XG2G_TRUSTED_PROXIES behind a proxy',
  })
}

// Without a token, being on the network is all that is asked; a page from elsewhere in a browser of this
// network would be on it too. So a change must come from our own page, or from no page at all, and ask for
// a name that only this network gives out (else a stranger's name could have been pointed at us).
function checkOrigin({ headers }: IncomingMessage, client: Client, settings: AuthSettings): void {
  const { origin, 'sec-fetch-site': site } = headers
  const isOurs =
    origin === undefined
      ? site === undefined || site === 'same-origin' || site === 'none'
      : hostOf(origin) === client.host || ownOrigins(settings).includes(origin)
  if (!isOurs)
    throw new AppError('FORBIDDEN', { reason: 'Another site may not ask for this without a token' })
  if (!isLocalName(client.host, settings)) {
    throw new AppError('FORBIDDEN', {
      reason: 'This host name is not known here: set XG2G_PUBLIC_URL, or a token (XG2G_API_TOKEN)',
    })
  }
}

const localSuffix = /\.(?:local|localdomain|localhost|lan|home|internal|intranet|box|home\.arpa)$/i

function isLocalName(host: string | undefined, settings: AuthSettings): boolean {
  if (host === undefined) return false
  const name = new URL(`http://${host}`).hostname
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0 || !name.includes('.') || localSuffix.test(name)) return true
  if (name === hostname().toLowerCase()) return true
  return ownOrigins(settings).some((origin) => URL.parse(origin)?.hostname === name)
}

// Where pages of ours, or of a site that the configuration trusts, come from.
function ownOrigins({ publicUrl, allowedOrigins }: AuthSettings): string[] {
  return publicUrl === undefined ? [...allowedOrigins] : [new URL(publicUrl).origin, ...allowedOrigins]
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host
}
