// The API port: health, readiness and metrics. Koa; never touches a stream.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Listen } from '../base/units.ts'

/** Why the daemon cannot do its work now; empty when it can. */
export type Readiness = () => readonly string[]

export interface ApiOptions {
  metrics: Metrics
  isReady: Readiness
  log?: Logger | undefined
}

/** The application of the API port. */
export function createApi({ metrics, isReady, log }: ApiOptions): Koa {
  const router = new Router()
  router.get('/healthz', (context) => {
    context.body = { status: 'ok' }
  })
  router.get('/readyz', (context) => {
    const missing = isReady()
    context.status = missing.length === 0 ? 200 : 503
    context.body = missing.length === 0 ? { status: 'ready' } : { status: 'not ready', missing }
  })
  router.get('/metrics', showMetrics(metrics))
  return application(metrics, log, router)
}

/** The application of the metrics' own port: /metrics and nothing else. */
export function createMetricsApi({ metrics, log }: Pick<ApiOptions, 'metrics' | 'log'>): Koa {
  const router = new Router()
  router.get('/metrics', showMetrics(metrics))
  return application(metrics, log, router)
}

/** An application on its port. */
export class ApiServer {
  readonly #server: Server

  constructor(application: Koa) {
    const answer = application.callback()
    this.#server = createServer(
      { maxHeaderSize: 16 * 1024, headersTimeout: 5000, requestTimeout: 15_000, keepAliveTimeout: 5000 },
      (request, response) => void answer(request, response),
    )
    this.#server.maxConnections = 512
  }

  /** Resolves with where it listens. */
  listen({ host, port }: Listen): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => resolve(this.#server.address() as AddressInfo))
    })
  }

  /** Answers what has been asked, for `drainMs` at most. */
  async close(drainMs = 1000): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const timer = setTimeout(() => this.#server.closeAllConnections(), drainMs)
    await closed
    clearTimeout(timer)
  }
}

function application(metrics: Metrics, log: Logger | undefined, router: Router): Koa {
  const app = new Koa()
  app.on('error', (err: unknown) => log?.error({ err }, 'request failed'))
  app.use(measure(metrics))
  app.use(explainErrors(log))
  app.use(router.routes())
  const methodNotAllowed = () => new AppError('METHOD_NOT_ALLOWED')
  app.use(router.allowedMethods({ throw: true, methodNotAllowed, notImplemented: methodNotAllowed }))
  return app
}

function showMetrics({ registry }: Metrics): Middleware {
  return async (context) => {
    context.set('Content-Type', registry.contentType)
    context.body = await registry.metrics()
  }
}

function measure(metrics: Metrics): Middleware {
  return async (context, next) => {
    const startedAt = performance.now()
    await next()
    // The route's pattern, so that a scanner's paths do not become labels.
    const { _matchedRoute: route } = context as { _matchedRoute?: unknown }
    const seconds = (performance.now() - startedAt) / 1000
    metrics.request(context.method, typeof route === 'string' ? route : 'other', context.status, seconds)
  }
}

function explainErrors(log: Logger | undefined): Middleware {
  return async (context, next) => {
    try {
      await next()
      if (context.status === 404 && context.body === undefined) throw new AppError('NOT_FOUND')
    } catch (thrown) {
      const error = toAppError(thrown)
      if (error.status >= 500) log?.error({ err: error }, 'request failed')
      context.status = error.status
      context.body = error
    }
  }
}
