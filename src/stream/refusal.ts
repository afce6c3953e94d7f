// An error as the answer to a request, with what clients of its kind look for.
import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { AppError } from '../base/errors.ts'

export interface RefusalOptions {
  /** Of the request. */
  readonly method?: string | undefined
  /** The methods that there are. */
  readonly allow?: string
  /** Besides those of every refusal. */
  readonly headers?: OutgoingHttpHeaders
}

const retryAfterS = 5
const allTunersInUse = '805 All Tuners In Use' // as HDHomeRun devices say it

/** Answers with the error, unless the client has gone. Once a status is out, only the end can tell of it. */
export function refuse(
  response: ServerResponse,
  error: AppError,
  { method, allow = 'GET, HEAD', headers }: RefusalOptions = {},
): void {
  if (response.destroyed) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = `${JSON.stringify(error)}\n`
  response.setHeader('Connection', 'close')
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  if (error.status === 503) response.setHeader('Retry-After', retryAfterS)
  if (error.code === 'NO_TUNER') response.setHeader('X-HDHomeRun-Error', allTunersInUse)
  if (error.status === 405) response.setHeader('Allow', allow)
  response.writeHead(error.status, headers)
  if (method === 'HEAD') response.end()
  else if (isWhole(response.req)) response.end(body)
  else afterRequest(response, body)
}

// Has all of it come? Without a body it has with its headers.
function isWhole({ complete, headers }: IncomingMessage): boolean {
  return complete || (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined)
}

const farewellMs = 1000

// A client that is still sending reads the answer only if it is not cut off: what it sends is thrown away for
// a moment.
function afterRequest(response: ServerResponse, body: string): void {
  const request = response.req
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, farewellMs)
  response.write(body)
  request.once('end', end).once('close', end).on('error', end).resume()
}

/** Answers what is no request that could be handed on, and ends the connection. */
export function refuseSocket({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const error =
    code === 'HPE_HEADER_OVERFLOW' ? new AppError('HEADERS_TOO_LARGE') : new AppError('BAD_REQUEST')
  const body = JSON.stringify(error)
  socket.end(
    [
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
