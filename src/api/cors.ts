// Pages of other sites that may read the answers (CORS); none unless configured.
import type { Middleware } from 'koa'

const methods = 'GET, HEAD, POST, DELETE'
const headers = 'Authorization, X-API-Token, Content-Type'
const preflightS = 600
const allowOrigin = 'Access-Control-Allow-Origin'

/** What an answer says to the page that asked; nothing where its origin is not allowed.
 *  @param allowed  origins, or `*` */
export function originHeaders(origin: string | undefined, allowed: readonly string[]): [string, string][] {
  if (allowed.length === 0) return []
  const isAny = allowed.includes('*')
  const headers: [string, string][] = isAny ? [] : [['Vary', 'Origin']]
  if (origin === undefined || origin === '' || !(isAny || allowed.includes(origin))) return headers
  return [
    ...headers,
    [allowOrigin, isAny ? '*' : origin],
    ['Access-Control-Expose-Headers', 'ETag, Retry-After'],
  ]
}

/** @param allowed  origins, or `*`; asked for each request */
export function allowOrigins(allowed: () => readonly string[]): Middleware {
  return async (context, next) => {
    const told = new Map(originHeaders(context.get('Origin'), allowed()))
    for (const [name, value] of told)
      if (name === 'Vary') context.vary(value)
      else context.set(name, value)
    const isPreflight = context.method === 'OPTIONS' && context.get('Access-Control-Request-Method') !== ''
    if (!told.has(allowOrigin) || !isPreflight) {
      await next()
      return
    }
    context.set('Access-Control-Allow-Methods', methods)
    context.set('Access-Control-Allow-Headers', headers)
    context.set('Access-Control-Max-Age', String(preflightS))
    context.status = 204
  }
}
