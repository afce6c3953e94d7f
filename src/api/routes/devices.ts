// The virtual HDHomeRun devices, as far as they are no streams. Open to the networks that may use them.
import { AppError } from '../../base/errors.ts'
import { privateNetworks } from '../../base/network.ts'
import type { Client } from '../client.ts'
import type { Parts } from '../parts.ts'
import { route, type Call, type Method, type Route } from '../route.ts'
import { errorSchema } from '../schemas.ts'

const json = 'application/json'
const xml = 'application/xml'
const pages: ReadonlyArray<readonly [name: string, type: string, summary: string]> = [
  ['discover.json', json, 'The HDHomeRun device'],
  ['lineup.json', json, 'Its channels'],
  ['lineup.xml', xml, 'Its channels as XML'],
  ['lineup.m3u', 'audio/x-mpegurl', 'Its channels as M3U, with its own streams'],
  ['lineup_status.json', json, 'Its search for channels'],
  ['status.json', json, 'What its tuners do'],
  ['tuners.html', 'text/html', 'What its tuners do, for people'],
  ['device.xml', xml, 'Its description as UPnP has it'],
  ['capability', xml, 'The same'],
]
const orders = ['lineup.post', 'lineup.json'] as const
const notYet = { description: 'Not yet; see Retry-After', schema: errorSchema }

export function deviceRoutes({ devices }: Parts): Route[] {
  const make = (method: Method, name: string, type: string, summary: string): Route =>
    route({
      method,
      path: `/${name}`,
      scope: 'public',
      summary,
      answers: { 200: { description: summary, type }, 503: notYet },
      handle: (call) => send(call, name, devices()),
    })
  return [
    ...pages.map(([name, type, summary]) => make('get', name, type, summary)),
    ...orders.map((name) =>
      make('post', name, 'text/plain', 'Begin or end a search (scan), mark a channel (favorite)'),
    ),
  ]
}

async function send(
  { context, client, addresses }: Call,
  name: string,
  devices: ReturnType<Parts['devices']>,
): Promise<void> {
  if (devices === undefined) throw new AppError('NOT_FOUND', { what: 'A device' })
  const { type, body } = await devices.answer({
    method: context.method,
    name,
    query: context.URL.searchParams,
    hostname: new URL(addresses.base).hostname,
    address: vouchedFor(client),
  })
  context.set('Access-Control-Allow-Origin', '*')
  context.set('Cache-Control', 'no-cache')
  context.type = type
  context.body = body
}

// A private address with a proxy behind it that nobody told us of may stand for anybody.
function vouchedFor({ address, isLocal }: Client): string | undefined {
  return isLocal || !privateNetworks.has(address) ? address : undefined
}
