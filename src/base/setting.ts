// What a setting is made of: its type, read from text or YAML, and what is said of it in the documents.
// The error of a type is what it expected; config.ts makes the sentence of it.
import { z } from 'zod'
import { parseDuration, parseFlag, parseList, parseListen } from './units.ts'

export interface SettingInfo {
  readonly env: string
  /** Earlier environment names, still read, with a warning. */
  readonly oldEnv?: readonly string[]
  /** As it would be written in the file; undefined where there is none. */
  readonly fallback?: string
  readonly meaning: string
  /** Masked wherever it is shown; can also be read from a file, see secretFile(). */
  readonly isSecret?: boolean
  /** A number of ms that is written 5s, 45m or 6h. */
  readonly isDuration?: boolean
  /** Permissions of a file, written as an octal number. */
  readonly isMode?: boolean
  /** What an empty value means; that it is not set, unless given. */
  readonly empty?: string
  /** Takes effect when the configuration is read again, without a restart. */
  readonly isLive?: boolean
}

const infos = new WeakMap<z.ZodType, SettingInfo>()

/** What is said of a setting. */
export function infoOf(type: z.ZodType): SettingInfo | undefined {
  return infos.get(type)
}

/** A setting that may be absent. */
export function setting<T extends z.ZodType>(type: T, info: SettingInfo): z.ZodOptional<T> {
  return inform(type.optional(), info)
}

/** A setting with a default, which goes through the same reading as a value of the file. */
export function withDefault<T extends z.ZodType>(
  type: T,
  info: SettingInfo & { fallback: string },
): z.ZodPrefault<T> {
  return inform(type.prefault(info.fallback as z.input<T>), info)
}

function inform<T extends z.ZodType>(type: T, info: SettingInfo): T {
  infos.set(type, info)
  return type
}

/** A type read from text. YAML hands numbers and booleans over as such.
 *  @param expected  what it should be, or that for a value which it is not
 *  @param shape     what the JSON schema says of it; any scalar unless given */
export function read<T>(
  expected: string | ((text: string) => string),
  parse: (text: string) => T | undefined,
  shape: z.core.GlobalMeta = {},
) {
  const told = (value: string) => (typeof expected === 'string' ? expected : expected(value))
  return z
    .union([z.string(), z.number(), z.boolean()], { error: told('') })
    .meta(shape)
    .transform((value, context) => {
      const parsed = parse(String(value))
      if (parsed !== undefined) return parsed
      context.addIssue(told(String(value)))
      return z.NEVER
    })
}

/** A YAML list, or text with commas. Numbers are words too. */
export function list<T>(expected: string, parse: (text: string) => T | undefined) {
  const word = z.union([z.string(), z.number()])
  return z.union([...word.options, z.array(word)], { error: expected }).transform((value, context) => {
    const parsed: T[] = []
    for (const entry of Array.isArray(value) ? value : parseList(String(value))) {
      const one = parse(String(entry).trim())
      if (one !== undefined) parsed.push(one)
      else context.addIssue(expected)
    }
    return parsed
  })
}

export function choice<const T extends string | number>(values: readonly T[]) {
  return read(`one of ${values.join(', ')}`, (value) => values.find((one) => String(one) === value.trim()), {
    enum: values,
  })
}

export function whole(least: number, most: number) {
  return read(`a whole number from ${least} to ${most}`, (value) => parseWhole(value, least, most))
}

/** In ms, written 500ms, 5s, 2m, 1h or 7d. */
export function duration(leastMs: number, mostMs: number, expected: string) {
  return read(expected, (value) => {
    const ms = parseDuration(value)
    return ms !== undefined && ms >= leastMs && ms <= mostMs ? ms : undefined
  })
}

/** As duration(); `off` is 0. */
export function durationOrOff(leastMs: number, mostMs: number, expected: string) {
  return read(expected, (value) => {
    if (parseFlag(value) === false) return 0
    const ms = parseDuration(value)
    return ms === 0 || (ms !== undefined && ms >= leastMs && ms <= mostMs) ? ms : undefined
  })
}

export const text = read('text', (value) => value)
export const name = read('a name', (value) => value.trim() || undefined)
export const address = read('an http:// or https:// address', parseAddress)
export const flag = read('true or false', parseFlag, { examples: [true, false] })
export const transcoder = read('http://host:port or unix:/path', parseTranscoder)
export const listen = read('an address to listen on such as :8080 or 127.0.0.1:8080', parseListen)

export function parseWhole(value: string, least: number, most: number): number | undefined {
  const number = /^\d+$/.test(value.trim()) ? Number(value) : NaN
  return number >= least && number <= most ? number : undefined
}

/** An http(s) address without a slash at its end. */
export function parseAddress(value: string): string | undefined {
  const url = URL.parse(value.trim())
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  return url.href.replace(/\/$/, '')
}

/** `http://host:port`, or `unix:` and an absolute path. */
export function parseTranscoder(value: string): string | undefined {
  const place = value.trim()
  if (place.startsWith('unix:')) return /^unix:\/[^\x00-\x1f]{1,106}$/.test(place) ? place : undefined
  const url = URL.parse(place)
  return url?.protocol === 'http:' && url.href === `${url.origin}/` ? url.origin : undefined
}

/** Where a secret can stand instead of in the open: `owiPassFile`, `XG2G_OWI_PASS_FILE`. */
export function secretFile(key: string, { env }: SettingInfo): { key: string; env: string } {
  return { key: `${key}File`, env: `${env}_FILE` }
}
