// The configuration in effect.
import { z } from 'zod'
import { settingInfo, settingKeys } from '../../base/settings.ts'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { errorSchema, reloadedSchema, settingSchema } from '../schemas.ts'

const described = settingKeys.map((key) => {
  const { env, meaning, isLive = false } = settingInfo(key)
  return { key, env, meaning, isLive }
})

export function configRoutes({ configuration }: Parts): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/config',
      scope: 'admin',
      summary: 'The configuration in effect, secrets masked',
      answers: {
        200: {
          description: 'Values by key, and what each setting means',
          schema: z.object({ config: z.record(z.string(), z.unknown()), settings: z.array(settingSchema) }),
        },
      },
      handle: () => ({ config: configuration.masked, settings: described }),
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
