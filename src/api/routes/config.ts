// The configuration in effect.
import { z } from 'zod'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { errorSchema, reloadedSchema } from '../schemas.ts'

export function configRoutes({ configuration }: Parts): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/config',
      scope: 'admin',
      summary: 'The configuration in effect, secrets masked',
      answers: {
        200: { description: 'By key', schema: z.object({ config: z.record(z.string(), z.unknown()) }) },
      },
      handle: () => ({ config: configuration.masked }),
    }),
    route({
      method: 'post',
      path: '/api/v1/config/reload',
      scope: 'admin',
      summary: 'Read the configuration again; no stream is lost',
      answers: {
        200: { description: 'What has changed, and what waits for a restart', schema: reloadedSchema },
        422: { description: 'It is not valid; the one in effect stays', schema: errorSchema },
      },
      handle: () => configuration.reload(),
    }),
  ]
}
