// The page's routes on the API port. Everyone may have the page: it knows nothing until the API tells it.
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Context } from 'koa'
import { AppError } from '../base/errors.ts'
import { send } from '../api/answer.ts'
import { route, type Route } from '../api/route.ts'
import { loadSite, type Asset, type Site } from './site.ts'

const permissions = ['camera', 'microphone', 'geolocation', 'payment', 'usb', 'interest-cohort']
  .map((feature) => `${feature}=()`)
  .join(', ')

/** `/` and the files behind it, read when first asked for. */
export function pageRoutes(load: () => Promise<Site> = loadSite): Route[] {
  let site: Promise<Site> | undefined
  const loaded = () => {
    site ??= load().catch((error: unknown) => {
      site = undefined // tried again with the next request
      throw error
    })
    return site
  }
  const file = {
    method: 'get',
    scope: 'public',
    summary: 'A file of the page',
    answers: { 200: { description: 'It never changes at this address', type: 'text/javascript' } },
    handle: async ({ context, params }: { context: Context; params: Readonly<Record<string, string>> }) =>
      sendFile(context, await loaded(), params),
  } as const
  return [
    route({
      method: 'get',
      path: '/',
      scope: 'public',
      summary: 'The page',
      answers: { 200: { description: 'To watch and to look after it', type: 'text/html' } },
      handle: async ({ context }) => sendDocument(context, await loaded()),
    }),
    route({ path: '/page/:version/:file', ...file }),
    route({ path: '/page/:version/:folder/:file', ...file }),
  ]
}

async function sendDocument(context: Context, { document, policy }: Site): Promise<void> {
  context.set('Content-Security-Policy', policy)
  context.set('Permissions-Policy', permissions)
  context.set('X-Frame-Options', 'DENY')
  await sendAsset(context, document)
}

async function sendFile(
  context: Context,
  { version, files }: Site,
  { version: wanted, folder, file = '' }: Readonly<Record<string, string>>,
): Promise<void> {
  const asset = wanted === version ? files.get(folder === undefined ? file : `${folder}/${file}`) : undefined
  if (asset === undefined) throw new AppError('NOT_FOUND', { what: 'This file of the page' })
  context.set('Cache-Control', 'public, max-age=31536000, immutable')
  await sendAsset(context, asset)
}

async function sendAsset(context: Context, { type, gzip, etag }: Asset): Promise<void> {
  const isGzip = context.acceptsEncodings('gzip', 'identity') === 'gzip'
  context.vary('Accept-Encoding')
  context.etag = isGzip ? etag.replace(/"$/, '-gz"') : etag
  if (isGzip) context.set('Content-Encoding', 'gzip')
  const body = isGzip ? gzip : await promisify(gunzip)(gzip)
  send(context, type, () => body)
}
