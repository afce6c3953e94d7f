// For machines that watch this one: alive, ready, metrics.
import type { ParameterizedContext } from 'koa'
import { z } from 'zod'
import type { Metrics } from '../../base/metrics.ts'
import type { Readiness } from '../parts.ts'
import { route, type Route } from '../route.ts'

const health = z.object({ status: z.literal('ok') })
const readiness = z.object({
  status: z.enum(['ready', 'not ready']),
  missing: z.array(z.string()).optional(),
})

/** /healthz and /readyz. */
export function healthRoutes(isReady: Readiness): Route[] {
  return [
    route({
      method: 'get',
      path: '/healthz',
      scope: 'public',
      summary: 'Is the process alive?',
      answers: { 200: { description: 'It is', schema: health } },
      handle: () => ({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      scope: 'public',
      summary: 'Can it do its work?',
      answers: {
        200: { description: 'It can', schema: readiness },
        503: { description: 'Not yet, and why', schema: readiness },
      },
      handle: ({ context }) => showReadiness(isReady, context),
    }),
  ]
}

/** /metrics. */
export function metricsRoute(metrics: Metrics): Route {
  return route({
    method: 'get',
    path: '/metrics',
    scope: 'read',
    summary: 'For Prometheus',
    answers: { 200: { description: 'Text exposition format', type: 'text/plain' } },
    handle: ({ context }) => showMetrics(metrics, context),
  })
}

export function showReadiness(isReady: Readiness, context: ParameterizedContext): void {
  const missing = isReady()
  if (missing.length > 0) context.status = 503
  context.body = missing.length > 0 ? { status: 'not ready', missing } : { status: 'ready' }
}

export async function showMetrics({ registry }: Metrics, context: ParameterizedContext): Promise<void> {
  context.set('Content-Type', registry.contentType)
  context.body = await registry.metrics()
}
