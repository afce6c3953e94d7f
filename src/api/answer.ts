// What every answer has in common: it is measured, and an error becomes the body that clients know.
import type { Context, Middleware } from 'koa'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'

const defaultRetryS = 5

export function measure(metrics: Metrics): Middleware {
  return async (context, next) => {
    const startedAt = performance.now()
    await next()
    // The route's pattern, so that a scanner's paths do not become labels.
    const { _matchedRoute: route } = context as { _matchedRoute?: unknown }
    const seconds = (performance.now() - startedAt) / 1000
    metrics.request(context.method, typeof route === 'string' ? route : 'other', context.status, seconds)
  }
}

export function explainErrors(log: Logger | undefined): Middleware {
  return async (context, next) => {
    try {
      await next()
      if (context.status === 404 && context.body === undefined) throw new AppError('NOT_FOUND')
    } catch (thrown) {
      const error = known(thrown)
      // What the client is told is no secret and often no fault of ours: a receiver that is away, say.
      if (error.status >= 500)
        log?.[error.expose ? 'debug' : 'error']({ path: context.path, err: error }, 'request failed')
      const { retryAfterS = defaultRetryS } = error.details
      if ([409, 429, 503].includes(error.status)) context.set('Retry-After', String(retryAfterS))
      if (error.status === 401) context.set('WWW-Authenticate', 'Bearer realm="xg2g"')
      context.remove('ETag')
      context.set('Cache-Control', 'no-store')
      context.status = error.status
      context.body = error
    }
  }
}

/** A body that the client may have already: 304 then. Nothing is opened for HEAD. */
export function send(context: Context, type: string, body: () => Context['body']): void {
  context.status = 200
  if (!context.response.get('Cache-Control')) context.set('Cache-Control', 'no-cache')
  context.type = type
  if (context.fresh) context.status = 304
  else if (context.method !== 'HEAD') context.body = body()
}

// The body's parser throws errors of its own kind, with a status.
function known(thrown: unknown): AppError {
  const { status, message } = (thrown ?? {}) as { status?: unknown; message?: unknown }
  if (thrown instanceof AppError || typeof status !== 'number') return toAppError(thrown)
  if (status === 413) return new AppError('PAYLOAD_TOO_LARGE', { cause: thrown })
  if (status >= 400 && status < 500) return new AppError('BAD_REQUEST', { cause: thrown, reason: message })
  return toAppError(thrown)
}
