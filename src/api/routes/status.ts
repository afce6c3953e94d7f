// How the daemon and its receiver are.
import { z } from 'zod'
import { maskCredentials } from '../../base/log.ts'
import type { GuideStatus } from '../../guide/guide.ts'
import type { Receivers } from '../../stream/receivers.ts'
import type { PoolStats } from '../../workers/pool.ts'
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
      async handle() {
        await parts.receivers()?.look()
        const status = parts.guide()?.status()
        const [first, ...further] = parts.receivers()?.list() ?? []
        return {
          receivers: [
            ...(status === undefined
              ? []
              : [{ ...describeReceiver(parts, status), tunerUse: first?.tuners }]),
            ...further.map(describeFurther),
          ],
        }
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
    pool: describePool(parts.pool()),
    missingBouquets: status?.lineup.missingBouquets ?? [],
    guide: status?.guide ?? noGuide,
    refresh: status?.refresh ?? idle,
  }
}

function describePool(stats: PoolStats | undefined): object | undefined {
  if (stats === undefined) return undefined
  const { workers, capacity, streams, jobs, refused, restarts, perWorker } = stats
  const workersUp = perWorker.filter(({ isUp }) => isUp).length
  return { workers, workersUp, capacity, streams, jobs, refused, restarts }
}

function describeReceiver({ configuration }: Parts, { receiver }: GuideStatus): object {
  const { about, ...state } = receiver
  return { address: maskCredentials(configuration.current.owiBase ?? ''), ...state, ...about }
}

// One that only sends streams: the guide comes from the first.
function describeFurther({ name, isReachable, tuners }: ReturnType<Receivers['list']>[number]): object {
  const state = isReachable === undefined ? 'unknown' : isReachable ? 'ok' : 'unreachable'
  return { address: name, state, isReachable: isReachable === true, tuners: tuners.total, tunerUse: tuners }
}
