// The log: one JSON line per event, times in ISO 8601, levels by name. No secret leaves through it.
import pino from 'pino'

export type Logger = pino.Logger
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

const secretKeys = ['password', 'pass', 'owiPass', 'token', 'apiToken', 'secret', 'authorization', 'cookie']
const depths = ['', '*.', '*.*.'] // where in an event a secret key is looked for

/** Makes a log. `destination` is standard output unless given (`pino.destination(2)` for stderr). */
export function createLog(level: LogLevel = 'info', destination?: pino.DestinationStream): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: depths.flatMap((depth) => secretKeys.map((key) => depth + key)), censor: '***' },
    hooks: { streamWrite: maskCredentials },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

// User and password in front of a URL's host; a secret as a parameter of its query. Both also
// inside JSON text, where a quote is written \" and must not end the match.
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)(?:\\.|[^\s/?#"\\])*@/gi
const secretParameter = /([?&](?:password|pass|token|access_token|api_key)=)(?:\\.|[^\s&#"\\])*/gi

/** The text with credentials in URLs replaced by `***`. */
export function maskCredentials(text: string): string {
  return text.replace(userInfo, '$1***@').replace(secretParameter, '$1***')
}
