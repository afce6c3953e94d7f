// How the daemon and its receiver are.
import { z } from 'zod'
import { maskCredentials } from '../../base/log.ts'
import type { GuideStatus } from '../../guide/guide.ts'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { receiverSchema, statusSchema } from '../schemas.ts'

const idle = { isRunning: false, done: 0, total: 0 }
const noGuide = { programmes: 0, channelsWithData: 0 }

export function statusRoutes(parts: Parts): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/status',
      scope: 'read',
      summary: 'How the daemon is',
      answers: { 200: { description: 'Its state', schema: statusSchema } },
      handle: () => describeStatus(parts),
    }),
    route({
      method: 'get',
      path: '/api/v1/receivers',
      scope: 'read',
      summary: 'The receivers',
      answers: {
        200: { description: 'All of them', schema: z.object({ receivers: z.array(receiverSchema) }) },
      },
      handle() {
        const status = parts.guide()?.status()
        return { receivers: status === undefined ? [] : [describeReceiver(parts, status)] }
      },
    }),
  ]
}

/** What /api/v1/status and the first event tell. */
export function describeStatus(parts: Parts): unknown {
  const status = parts.guide()?.status()
  const missing = parts.isReady()
  return {
    status: missing.length === 0 ? 'ok' : 'not ready',
    missing,
    version: parts.version,
    uptimeS: Math.round(process.uptime()),
    channels: status?.lineup.channels ?? 0,
    lastRun: status?.lineup.loadedAt,
    streams: parts.streams.list().length,
    receiver: status === undefined ? undefined : describeReceiver(parts, status),
    missingBouquets: status?.lineup.missingBouquets ?? [],
    guide: status?.guide ?? noGuide,
    refresh: status?.refresh ?? idle,
  }
}

function describeReceiver({ configuration }: Parts, { receiver }: GuideStatus): unknown {
  const { about, ...state } = receiver
  return { address: maskCredentials(configuration.current.owiBase ?? ''), ...state, ...about }
}
