// The application of the API port, in the order in which a request goes through it. Koa; never touches a stream.
import Router from '@koa/router'
import Koa, { type Context, type Middleware } from 'koa'
import helmet from 'koa-helmet'
import { AppError, expected } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { addressesFor } from './address.ts'
import { allowOrigins } from './cors.ts'
import { explainErrors, measure } from './answer.ts'
import type { EventHub } from './events.ts'
import { Guard } from './guard.ts'
import { openApi } from './openapi.ts'
import type { Parts } from './parts.ts'
import { checked, route, type Route } from './route.ts'
import { channelRoutes } from './routes/channels.ts'
import { configRoutes } from './routes/config.ts'
import { deviceRoutes } from './routes/devices.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes, metricsRoute, showMetrics, showReadiness } from './routes/health.ts'
import { outputRoutes } from './routes/outputs.ts'
import { refreshRoutes } from './routes/refresh.ts'
import { statusRoutes } from './routes/status.ts'
import { streamRoutes } from './routes/streams.ts'

const mostBodyBytes = 16 * 1024

/** Everything that the API port answers. */
export function apiRoutes(parts: Parts, hub: EventHub): Route[] {
  const routes = [
    ...healthRoutes(parts.isReady),
    metricsRoute(parts.metrics),
    ...outputRoutes(parts),
    ...deviceRoutes(parts),
    ...statusRoutes(parts),
    ...channelRoutes(parts),
    ...streamRoutes(parts),
    ...refreshRoutes(parts),
    ...configRoutes(parts),
    ...eventRoutes(parts, hub),
    ...(parts.further ?? []),
  ]
  const document: Route = route({
    method: 'get',
    path: '/api/v1/openapi.json',
    scope: 'read',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1', type: 'application/json' } },
    handle: () => openApi([...routes, document], parts.version),
  })
  return [...routes, document]
}

/** The application of the API port. */
export function createApi(parts: Parts, hub: EventHub, guard = new Guard(parts.configuration)): Koa {
  const app = new Koa()
  app.use(measure(parts.metrics))
  app.use(explainErrors(parts.log))
  app.use(securityHeaders())
  app.use(guard.admit)
  app.use(allowOrigins(() => parts.configuration.current.allowedOrigins))
  app.use(refuseLongBodies)
  return withRoutes(app, apiRoutes(parts, hub), guard, parts)
}

/** The application of the metrics' own port: /metrics and nothing else. */
export function createMetricsApi({ metrics, log }: { metrics: Metrics; log?: Logger | undefined }): Koa {
  const app = new Koa()
  const router = new Router()
  router.get('/metrics', (context) => showMetrics(metrics, context))
  app.use(measure(metrics))
  app.use(explainErrors(log))
  return mount(app, router, log)
}

/** The application beside a service of its own: health, readiness and metrics, for everybody who gets here. */
export function createHealthApi({ metrics, isReady, log }: Pick<Parts, 'metrics' | 'isReady' | 'log'>): Koa {
  const app = new Koa()
  const router = new Router()
  router.get('/healthz', (context) => void (context.body = { status: 'ok' }))
  router.get('/readyz', (context) => showReadiness(isReady, context))
  router.get('/metrics', (context) => showMetrics(metrics, context))
  app.use(measure(metrics))
  app.use(explainErrors(log))
  return mount(app, router, log)
}

function withRoutes(app: Koa, routes: readonly Route[], guard: Guard, parts: Parts): Koa {
  const router = new Router()
  for (const each of routes) {
    const middleware: Middleware[] = each.body === undefined ? [] : [parseBody]
    const authorized: Middleware = async (context, next) => {
      await guard.authorize(each.scope, context.req, guard.client(context))
      await next()
    }
    router.register(each.path, each.method === 'get' ? ['head', 'get'] : [each.method], [
      authorized,
      ...middleware,
      (context: Context & { params: Record<string, string> }) => answer(each, context, guard, parts),
    ])
  }
  return mount(app, router, parts.log)
}

async function answer(
  { path, query, body, handle }: Route,
  context: Context & { params: Record<string, string> },
  guard: Guard,
  { configuration, ports }: Parts,
): Promise<void> {
  if (path.startsWith('/api/')) context.set('Cache-Control', 'no-store')
  const client = guard.client(context)
  const asked = Object.fromEntries(Object.entries(context.query).filter(([name]) => name !== 'token'))
  const hasBody = body !== undefined && (context.request.length ?? 0) > 0
  if (hasBody && context.is('json') === false) {
    throw expected('application/json', 'Content-Type', context.get('Content-Type'))
  }
  const given = (context.request.body ?? {}) as Record<string, unknown>
  const reply = await handle({
    context,
    params: context.params,
    query: checked(query, asked),
    body: checked(body, given),
    client,
    addresses: addressesFor(client, configuration.current, ports),
  })
  if (reply !== undefined) context.body = reply
}

function mount(app: Koa, router: Router, log: Logger | undefined): Koa {
  app.on('error', (err: NodeJS.ErrnoException) => {
    const hasLeft = err.code === 'ERR_STREAM_PREMATURE_CLOSE' // as everyone who listens to events does in the end
    log?.[hasLeft ? 'debug' : 'error']({ err }, 'request failed')
  })
  app.use(router.routes())
  const methodNotAllowed = () => new AppError('METHOD_NOT_ALLOWED')
  app.use(router.allowedMethods({ throw: true, methodNotAllowed, notImplemented: methodNotAllowed }))
  return app
}

// No HSTS and no upgrade: plain HTTP stays beside HTTPS, for players that know nothing else.
function securityHeaders(): Middleware {
  return helmet({
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
  })
}

// Loaded with the first body: few requests have one, and it brings along readers for every kind there is.
const parseBody: Middleware = async (context, next) => {
  const { bodyParser } = await import('@koa/bodyparser')
  await bodyParser({ enableTypes: ['json'], jsonLimit: mostBodyBytes })(context, next)
}

const refuseLongBodies: Middleware = async ({ req, res }, next) => {
  if (Number(req.headers['content-length'] ?? 0) > mostBodyBytes) {
    if (req.httpVersionMajor === 1) res.setHeader('Connection', 'close') // the rest of it is not read
    throw new AppError('PAYLOAD_TOO_LARGE', { mostBytes: mostBodyBytes })
  }
  await next()
}
