// Pages of other sites that may read the answers (CORS); none unless configured.
import type { Middleware } from 'koa'

const methods = 'GET, HEAD, POST, DELETE'
const headers = 'Authorization, X-API-Token, Content-Type'
const preflightS = 600

/** @param allowed  origins, or `*`; asked for each request */
export function allowOrigins(allowed: () => readonly string[]): Middleware {
  return async (context, next) => {
    const origins = allowed()
    const origin = context.get('Origin')
    const isAny = origins.includes('*')
    if (origins.length > 0 && !isAny) context.vary('Origin')
    const isAllowed = origin !== '' && (isAny || origins.includes(origin))
    if (isAllowed) {
      context.set('Access-Control-Allow-Origin', isAny ? '*' : origin)
      context.set('Access-Control-Expose-Headers', 'ETag, Retry-After')
    }
    const isPreflight = context.method === 'OPTIONS' && context.get('Access-Control-Request-Method') !== ''
    if (!isAllowed || !isPreflight) {
      await next()
      return
    }
    context.set('Access-Control-Allow-Methods', methods)
    context.set('Access-Control-Allow-Headers', headers)
    context.set('Access-Control-Max-Age', String(preflightS))
    context.status = 204
  }
}
