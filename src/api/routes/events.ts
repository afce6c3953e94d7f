// Server-sent events: what /api/v1/status tells at first, then what changes.
import type { EventHub } from '../events.ts'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { describeStatus } from './status.ts'

export function eventRoutes(parts: Parts, hub: EventHub): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/events',
      scope: 'read',
      summary: 'Server-sent events: status, progress, refresh, lineup, receiver, config',
      answers: { 200: { description: 'A stream that does not end', type: 'text/event-stream' } },
      handle({ context, client }) {
        if (context.method === 'HEAD') return context.set('Content-Type', 'text/event-stream')
        const stream = hub.open({ event: 'status', data: describeStatus(parts) }, client.address)
        context.set({
          'Content-Type': 'text/event-stream; charset=utf-8',
          'X-Accel-Buffering': 'no', // nginx would keep the events to itself
        })
        context.req.setTimeout(0)
        context.body = stream
      },
    }),
  ]
}
