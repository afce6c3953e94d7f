// What is being watched, and ending it.
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { streamSchema } from '../schemas.ts'

export function streamRoutes({ streams, log }: Parts): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/streams',
      scope: 'read',
      summary: 'The streams that clients are being sent',
      answers: {
        200: { description: 'All of them', schema: z.object({ streams: z.array(streamSchema) }) },
      },
      handle: () => ({ streams: streams.list() }),
    }),
    route({
      method: 'delete',
      path: '/api/v1/streams/:id',
      scope: 'admin',
      summary: 'End one stream',
      answers: { 204: { description: 'It has been told to end' } },
      handle({ context, params: { id = '' }, client }) {
        if (!streams.end(id)) throw new AppError('NOT_FOUND', { what: 'The stream' })
        log?.info({ stream: id, client: client.address }, 'stream ended on request')
        context.status = 204
      },
    }),
  ]
}
