// What players fetch: playlist, XMLTV, logos.
import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import { z } from 'zod'
import { AppError } from '../../base/errors.ts'
import type { Guide } from '../../guide/guide.ts'
import { send } from '../answer.ts'
import type { Parts } from '../parts.ts'
import { route, type Call, type Route } from '../route.ts'
import { errorSchema } from '../schemas.ts'
import { findChannel } from './channels.ts'

const variant = z.object({
  group: z.string().optional(),
  radio: z
    .enum(['true', 'false'], 'true or false')
    .transform((value) => value === 'true')
    .optional(),
  type: z.enum(['ts', 'hls'], 'one of ts, hls').optional(),
  audio: z.enum(['aac', 'mp3', 'copy'], 'one of aac, mp3, copy').optional(),
})
const notYet = { description: 'Not yet; see Retry-After', schema: errorSchema }

export function outputRoutes(parts: Parts): Route[] {
  const playlist = {
    method: 'get',
    scope: 'read',
    summary: 'The channels as M3U',
    query: variant,
    answers: { 200: { description: 'Playlist', type: 'audio/x-mpegurl' }, 503: notYet },
    handle: (call: Call<z.output<typeof variant>>) => sendPlaylist(call, ready(parts), parts.hasHls()),
  } as const
  const xmltv = { method: 'get', scope: 'read', summary: 'The guide as XMLTV' } as const
  return [
    route({ path: '/playlist.m3u', ...playlist }),
    route({ path: '/files/playlist.m3u', ...playlist }),
    route({
      path: '/xmltv.xml',
      ...xmltv,
      answers: {
        200: { description: 'Compressed where the client can', type: 'application/xml' },
        503: notYet,
      },
      handle: (call) => sendXmltv(call, ready(parts), false),
    }),
    route({
      path: '/xmltv.xml.gz',
      ...xmltv,
      answers: { 200: { description: 'As a gzip file', type: 'application/gzip' }, 503: notYet },
      handle: (call) => sendXmltv(call, ready(parts), true),
    }),
    route({
      method: 'get',
      path: '/picons/:id.png',
      scope: 'logo',
      summary: "A channel's logo",
      answers: { 200: { description: 'PNG, JPEG or SVG, whatever the name says', type: 'image/png' } },
      handle: ({ context, params }) => sendPicon(context, parts.guide(), params.id),
    }),
  ]
}

function ready({ guide, isReady }: Parts): Guide {
  const known = guide()
  if (known?.isReady().length === 0) return known
  const missing = isReady()
  if (known === undefined && missing.length === 0) throw new AppError('NOT_FOUND', { what: 'A receiver' })
  throw new AppError('NOT_READY', { what: 'The lineup', retryAfterS: 5, missing })
}

function sendPlaylist(
  {
    context,
    query: { group, radio: isRadio, type: format, audio },
    addresses,
  }: Call<z.output<typeof variant>>,
  guide: Guide,
  hasHls: boolean,
): void {
  if (format === 'hls' && !hasHls)
    throw new AppError('BAD_REQUEST', { reason: 'HLS is switched off here: only type=ts can be had' })
  // Who had to bring the token in the address cannot bring it another way for what the list names either.
  const token = typeof context.query.token === 'string' ? context.query.token : undefined
  const withToken = token === undefined ? '' : `?${new URLSearchParams({ token }).toString()}`
  const text = guide.playlist({
    baseUrl: addresses.base,
    streamBaseUrl: addresses.streams,
    xmltvUrl: `${addresses.base}/xmltv.xml${withToken}`,
    token,
    variant: { group, isRadio, format, audio: addresses.isDirect ? undefined : audio },
  })
  context.set('Vary', 'Host, X-Forwarded-Host, X-Forwarded-Proto')
  context.etag = createHash('sha256').update(text).digest('base64url').slice(0, 27)
  send(context, 'audio/x-mpegurl; charset=utf-8', () => text)
}

async function sendXmltv({ context, addresses }: Call, guide: Guide, isFile: boolean): Promise<void> {
  const document = await guide.xmltv(addresses.base)
  if (document === undefined) throw new AppError('NOT_READY', { what: 'The guide', retryAfterS: 10 })
  const isGzip = isFile || context.acceptsEncodings('gzip', 'identity') === 'gzip'
  if (!isFile) context.vary('Accept-Encoding')
  // One entity tag for each form: bytes of one must not be taken for the other's.
  context.etag = isGzip ? document.etag.replace(/"$/, '-gz"') : document.etag
  context.lastModified = document.lastModified
  if (isGzip && !isFile) context.set('Content-Encoding', 'gzip')
  const type = isFile ? 'application/gzip' : 'application/xml; charset=utf-8'
  send(context, type, () => document.open(isGzip ? 'gzip' : 'identity'))
}

async function sendPicon(context: Context, guide: Guide | undefined, id: string | undefined): Promise<void> {
  const picon = await guide?.picon(findChannel(guide, id).id)
  if (picon === undefined) throw new AppError('NOT_FOUND', { what: 'The logo' })
  context.etag = picon.etag
  context.set('Cache-Control', 'public, max-age=86400')
  context.set('Cross-Origin-Resource-Policy', 'cross-origin') // shown by the web pages of other programs
  context.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox") // SVG
  send(context, picon.type, () => Buffer.from(picon.bytes))
}
