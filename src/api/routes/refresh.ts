// Asking the receiver again, on request.
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { errorSchema, refreshSchema } from '../schemas.ts'

const kinds = ['channels', 'guide', 'all'] as const

export function refreshRoutes({ guide }: Parts): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/refresh',
      scope: 'admin',
      summary: 'Ask the receiver for channels, guide or both',
      body: z.strictObject({ what: z.enum(kinds, `one of ${kinds.join(', ')}`).default('all') }),
      answers: {
        202: { description: 'It has begun; GET shows how far it is', schema: refreshSchema },
        409: { description: 'One is running; see Retry-After', schema: errorSchema },
      },
      handle({ context, body: { what } }) {
        const known = guide()
        if (known === undefined) throw new AppError('NOT_READY', { what: 'The guide' })
        known.refresh(what)
        context.status = 202
        return known.status().refresh
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/refresh',
      scope: 'read',
      summary: 'How far the refresh is, and how the last one ended',
      answers: { 200: { description: 'The state', schema: refreshSchema } },
      handle: () => guide()?.status().refresh ?? { isRunning: false, done: 0, total: 0 },
    }),
  ]
}
