// What players of HLS ask for goes past the application: a crowd in low latency sends thousands of requests a second,
// which no limit for one client fits. Who may read, may ask.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { toAppError } from '../base/errors.ts'
import { refuse } from '../stream/refusal.ts'
import { originHeaders } from './cors.ts'
import type { Guard } from './guard.ts'
import type { Configuration } from './parts.ts'

/** What answers below /hls/. */
export interface Players {
  /** @param asked  url: what follows /hls/, with the query; address: the client's */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    asked: { readonly url: string; readonly address: string },
  ): Promise<void>
}

export interface PlayersOptions {
  /** Undefined where there are none. */
  readonly players: () => Players | undefined
  readonly guard: Guard
  readonly configuration: Configuration
}

const prefix = '/hls/'

/** Takes the requests of players. @returns whether a request was one */
export function takePlayers(
  options: PlayersOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const { method, url = '' } = request
    const players = url.startsWith(prefix) ? options.players() : undefined
    if (players === undefined || (method !== 'GET' && method !== 'HEAD')) return false
    void admit(request, response, options, players)
    return true
  }
}

async function admit(
  request: IncomingMessage,
  response: ServerResponse,
  { guard, configuration }: PlayersOptions,
  players: Players,
): Promise<void> {
  const { headers, url = '' } = request
  const client = guard.look(request)
  response.setHeader('X-Content-Type-Options', 'nosniff')
  for (const [name, value] of originHeaders(headers.origin, configuration.current.allowedOrigins))
    response.setHeader(name, value)
  try {
    await guard.authorize('read', request, client)
  } catch (thrown) {
    response.setHeader('Cache-Control', 'no-store')
    return refuse(response, toAppError(thrown), request)
  }
  await players.answer(request, response, { url: url.slice(prefix.length), address: client.address })
}
