// The one error class and its table: code, HTTP status, whether a client may read the message.
// Callers compare `.code`; damage in a stream is counted, never thrown.
import { STATUS_CODES } from 'node:http'

export interface ErrorRow {
  readonly status: number
  /** May a client over HTTP or a socket read the message? Else it gets the status's own phrase. */
  readonly expose: boolean
  readonly message: (details: Details) => string
}

type Details = Readonly<Record<string, unknown>>

/** Every error that leaves a room. Each row's message is made from the details given to AppError. */
export const ERRORS = {
  BAD_REQUEST: { status: 400, expose: true, message: (d) => text(d.reason, 'The request is not valid') },
  NOT_FOUND: { status: 404, expose: true, message: (d) => `${text(d.what, 'The page')} was not found` },
  METHOD_NOT_ALLOWED: {
    status: 405,
    expose: true,
    message: (d) => `${text(d.method, 'This method')} is not allowed here`,
  },
  UNAUTHORIZED: { status: 401, expose: true, message: (d) => text(d.reason, 'A token is needed here') },
  FORBIDDEN: { status: 403, expose: true, message: (d) => text(d.reason, 'This is not allowed from here') },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    expose: true,
    message: (d) => `The body is longer than ${text(d.mostBytes, 'the allowed number of')} bytes`,
  },
  TOO_MANY_REQUESTS: { status: 429, expose: true, message: () => 'Too many requests from this address' },
  HEADERS_TOO_LARGE: { status: 431, expose: true, message: () => 'The headers are too long' },
  TOO_MANY_LISTENERS: {
    status: 503,
    expose: true,
    message: (d) => `All ${text(d.capacity, '')} places for listeners are taken`.replace('  ', ' '),
  },
  NOT_READY: {
    status: 503,
    expose: true,
    message: (d) => `${text(d.what, 'This')} is not ready yet`,
  },
  POOL_FULL: {
    status: 503,
    expose: true,
    message: (d) =>
      `All ${text(d.capacity, '')} places for ${text(d.what, 'streams')} are taken`.replace('  ', ' '),
  },
  LIMIT_REACHED: {
    status: 503,
    expose: true,
    message: (d) => `All ${text(d.capacity, '')} ${text(d.what, 'places')} are taken`.replace('  ', ' '),
  },
  ADDON_MISSING: {
    status: 503,
    expose: false,
    message: (d) => text(d.reason, 'The native remuxer is not built: run `make native`'),
  },
  NO_WORKER: { status: 503, expose: false, message: (d) => `No worker thread starts${because(d.reason)}` },
  WORKER_DIED: { status: 502, expose: true, message: () => 'The worker of this stream ended unexpectedly' },
  WORKER_HUNG: { status: 502, expose: true, message: () => 'The worker of this stream stopped responding' },
  UPSTREAM_REFUSED: {
    status: 502,
    expose: true,
    message: (d) => `The receiver refused the stream${because(d.reason)}`,
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    expose: true,
    message: (d) => `The receiver sent nothing${within(d.afterMs)}`,
  },
  UPSTREAM_ENDED: {
    status: 502,
    expose: true,
    message: (d) => `The receiver ended the stream${because(d.reason)}`,
  },
  CLIENT_TIMEOUT: {
    status: 408,
    expose: true,
    message: (d) => `The client ${text(d.what, 'did nothing')}${within(d.afterMs)}`,
  },
  NAME_TAKEN: { status: 409, expose: true, message: (d) => text(d.reason, 'The name is taken') },
  NO_STREAM: {
    status: 502,
    expose: true,
    message: (d) => `The input holds no stream that can be used${because(d.found)}`,
  },
  RECEIVER_UNREACHABLE: {
    status: 502,
    expose: true,
    message: (d) => `The receiver cannot be reached${because(d.reason)}`,
  },
  RECEIVER_TIMEOUT: {
    status: 504,
    expose: true,
    message: (d) => `The receiver gave no answer${within(d.afterMs)}`,
  },
  RECEIVER_REFUSED: {
    status: 502,
    expose: true,
    message: (d) => `The receiver refuses us${because(d.reason)}`,
  },
  RECEIVER_BROKEN: {
    status: 502,
    expose: true,
    message: (d) => `The receiver's answer cannot be used${because(d.reason)}`,
  },
  REFRESH_RUNNING: { status: 409, expose: true, message: () => 'A refresh is running already' },
  NO_TUNER: { status: 503, expose: true, message: (d) => text(d.reason, 'No tuner is free') },
  TUNER_IN_USE: {
    status: 503,
    expose: true,
    message: (d) => `${text(d.tuner, 'The tuner')} plays another channel${because(d.reason)}`,
  },
  UNKNOWN_PROFILE: {
    status: 400,
    expose: true,
    message: (d) => text(d.reason, 'There is no such profile: the picture passes unchanged'),
  },
  FFMPEG_MISSING: {
    status: 503,
    expose: false,
    message: (d) => text(d.reason, 'There is no ffmpeg program here'),
  },
  FFMPEG_FAILED: { status: 502, expose: false, message: (d) => text(d.reason, 'ffmpeg failed') },
  TRANSCODER_FAILED: {
    status: 502,
    expose: false,
    message: (d) => `The transcoder failed${because(d.reason)}`,
  },
  SHUTTING_DOWN: { status: 503, expose: true, message: () => 'The service is shutting down' },
  INTERNAL: { status: 500, expose: false, message: (d) => text(d.reason, 'Internal error') },
  CONFIG_REJECTED: {
    status: 422,
    expose: true,
    message: (d) => text(d.reason, 'The configuration is not valid; the one in effect stays'),
  },
  CONFIG_INVALID: {
    status: 500,
    expose: false,
    message: (d) => text(d.reason, 'The configuration is not valid'),
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

/** An error with a code of the table; `cause` is what led to it, other details feed message and log. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly expose: boolean
  readonly details: Record<string, unknown>

  constructor(code: ErrorCode, { cause, ...details }: { cause?: unknown } & Record<string, unknown> = {}) {
    const row: ErrorRow = ERRORS[code]
    super(row.message(details), cause === undefined ? undefined : { cause })
    this.name = 'AppError'
    this.code = code
    this.status = row.status
    this.expose = row.expose
    this.details = details
  }

  /** The body that HTTP clients and the job socket get. */
  toJSON(): { error: { code: ErrorCode; message: string } } {
    const message = this.expose ? this.message : (STATUS_CODES[this.status] ?? 'Error')
    return { error: { code: this.code, message } }
  }
}

/** Any thrown value as an AppError: itself, or INTERNAL with the value as cause. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  return new AppError('INTERNAL', {
    cause: thrown,
    reason: thrown instanceof Error ? thrown.message : String(thrown),
  })
}

/** The one phrase for bad input. */
export function expectation(what: string, name: string, value: unknown): string {
  return `Expected ${what} for ${name} but received ${show(value)}`
}

/** BAD_REQUEST with the one phrase for bad input. */
export function expected(what: string, name: string, value: unknown): AppError {
  return new AppError('BAD_REQUEST', { reason: expectation(what, name, value), what, name })
}

const longestShown = 80 // characters of a foreign value that a message repeats

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (value === undefined || typeof value === 'number') return String(value)
  let shown: string
  try {
    shown = JSON.stringify(value)
  } catch {
    return 'an object that cannot be shown'
  }
  return shown.length > longestShown ? `${shown.slice(0, longestShown)}...` : shown
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise
}

function because(value: unknown): string {
  return typeof value === 'string' && value !== '' ? `: ${value}` : ''
}

function within(afterMs: unknown): string {
  return typeof afterMs === 'number' ? ` for ${afterMs} ms` : ''
}
