// Channels and what is on.
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import { streamPath } from '../../guide/channel.ts'
import type { Channel, Guide, Programme } from '../../guide/guide.ts'
import type { Addresses } from '../address.ts'
import type { Parts } from '../parts.ts'
import { route, type Route } from '../route.ts'
import { channelSchema, nowNextSchema, programmeSchema } from '../schemas.ts'

const mostProgrammes = 1000
const defaultSpanS = 24 * 3600
const longestSpanS = 31 * 24 * 3600

const time = z.coerce.number('a Unix time in seconds').int('a Unix time in seconds').min(0).max(1e11)
const flag = z.enum(['true', 'false'], 'true or false').transform((value) => value === 'true')

export function channelRoutes({ guide }: Parts): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/channels',
      scope: 'read',
      summary: 'The lineup',
      query: z.strictObject({ group: z.string().optional(), radio: flag.optional() }),
      answers: {
        200: {
          description: 'Channels in their order, and the groups',
          schema: z.object({ channels: z.array(channelSchema), groups: z.array(z.string()) }),
        },
      },
      handle({ query: { group, radio }, addresses }) {
        const channels = guide()?.channels({ group, isRadio: radio }) ?? []
        return {
          channels: channels.map((channel) => describeChannel(channel, addresses)),
          groups: guide()?.groups() ?? [],
        }
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/channels/:id',
      scope: 'read',
      summary: 'One channel, by id, number or service reference',
      answers: { 200: { description: 'The channel', schema: channelSchema } },
      handle: ({ params, addresses }) => describeChannel(findChannel(guide(), params.id), addresses),
    }),
    route({
      method: 'get',
      path: '/api/v1/epg',
      scope: 'read',
      summary: 'What is on now and next, on all channels',
      query: z.strictObject({ at: time.optional() }),
      answers: {
        200: {
          description: 'By channel',
          schema: z.object({ at: z.int(), channels: z.array(nowNextSchema) }),
        },
      },
      handle({ query: { at = Math.floor(Date.now() / 1000) } }) {
        const entries = [...(guide()?.nowNext(at) ?? [])]
        return {
          at,
          channels: entries.map(([channelId, { now, next }]) => ({
            channelId,
            now: now && describeProgramme(now),
            next: next && describeProgramme(next),
          })),
        }
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/epg/search',
      scope: 'read',
      summary: 'Programmes with these words, soonest first',
      query: z.strictObject({
        q: z
          .string('words to look for')
          .trim()
          .min(1, 'words to look for')
          .max(200, 'at most 200 characters'),
        from: time.optional(),
        limit: z.coerce
          .number()
          .int()
          .min(1)
          .max(mostProgrammes, `a number up to ${mostProgrammes}`)
          .optional(),
      }),
      answers: {
        200: { description: 'What was found', schema: z.object({ programmes: z.array(programmeSchema) }) },
      },
      handle: ({ query: { q, limit, from } }) => ({
        programmes: found(guide(), q, { ...(limit && { limit }), ...(from && { from }) }),
      }),
    }),
    route({
      method: 'get',
      path: '/api/v1/epg/:channel',
      scope: 'read',
      summary: 'The programmes of one channel; a day from now on unless asked for otherwise',
      query: z.strictObject({ from: time.optional(), to: time.optional() }),
      answers: {
        200: {
          description: 'In their order',
          schema: z.object({ channel: channelSchema, programmes: z.array(programmeSchema) }),
        },
      },
      handle({ params, query, addresses }) {
        const from = query.from ?? Math.floor(Date.now() / 1000)
        const to = Math.min(query.to ?? from + defaultSpanS, from + longestSpanS)
        const known = guide()
        const channel = findChannel(known, params.channel)
        return {
          channel: describeChannel(channel, addresses),
          programmes: (known?.programmes(channel.id, from, to) ?? []).map(describeProgramme),
        }
      },
    }),
  ]
}

/** @throws NOT_FOUND */
export function findChannel(guide: Guide | undefined, id: string | undefined): Channel {
  const channel = id === undefined ? undefined : guide?.channel(id)
  if (channel === undefined) throw new AppError('NOT_FOUND', { what: 'The channel' })
  return channel
}

function describeChannel(channel: Channel, { base, streams }: Addresses): unknown {
  const { id, number, name, groups, isRadio, isHd, url, picon } = channel
  return {
    id,
    number,
    name,
    groups,
    isRadio,
    isHd,
    stream: url ?? streams + streamPath(channel),
    picon: picon ? `${base}/picons/${encodeURIComponent(id)}.png` : undefined,
  }
}

function found(
  guide: Guide | undefined,
  text: string,
  options: { limit?: number; from?: number },
): unknown[] {
  return (guide?.search(text, options) ?? []).map(describeProgramme)
}

function describeProgramme({ channelId, start, stop, title, ...more }: Programme): unknown {
  const { subtitle, description, categories, episode } = more
  return { channelId, start, stop, title, subtitle, description, categories, episode }
}
