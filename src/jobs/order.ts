// What a caller of the job socket wants: nothing said and a transport stream at once, or one line of JSON before it.
import { z } from 'zod'
import { AppError, expected } from '../base/errors.ts'
import { parseProfile, type Profile } from '../workers/profile.ts'

/** A stream goes in and comes back with its sound transcoded. */
export interface TransformOrder {
  readonly mode: 'transform'
  readonly profile: Profile
  /** Its share of a busy pool against other jobs, 1 to 100; undefined for live television, which goes first. */
  readonly weight: number | undefined
  /** For logs. */
  readonly label: string
  /** Frames both ways, see frames.ts. */
  readonly isFramed: boolean
  /** W3C trace context, as it came. */
  readonly traceparent: string | undefined
}

/** A stream goes in and is a channel for as long as the connection lives. */
export interface PublishOrder {
  readonly mode: 'publish'
  readonly name: string
  /** Where viewers find it in their lists; the next free one unless given. */
  readonly number: number | undefined
  readonly isRadio: boolean
  /** Service id of the programme; 0 takes the one that flows. */
  readonly program: number
}

/** How we are is asked, and told in one line. */
export interface StatusOrder {
  readonly mode: 'status'
}

export type Order = TransformOrder | PublishOrder | StatusOrder

/** Longest first line. */
export const mostOrderBytes = 4096
const openBrace = '{'.charCodeAt(0)
const lineFeed = '\n'.charCodeAt(0)
const syncByte = 0x47

/** Of a job that does not say. */
export const defaultWeight = 10
const weight = z.int().min(1).max(100)
const transform = z.looseObject({
  weight: weight.optional(),
  label: z.string().max(200).optional(),
  framed: z.boolean().optional(),
  traceparent: z.string().max(200).optional(),
})
const publish = z.strictObject({
  name: z.string().trim().min(1).max(100),
  number: z.int().min(1).max(999_999).optional(),
  radio: z.boolean().optional(),
  program: z.int().min(0).max(65_535).optional(),
})

/** Reads how a connection begins.
 *  @param bytes  all that came so far, at least one byte
 *  @param base   what those get who ask for nothing
 *  @returns the order and where the stream begins; undefined while the line is not complete
 *  @throws BAD_REQUEST naming what was expected and what came */
export function readOrder(bytes: Uint8Array, base: Profile): { order: Order; length: number } | undefined {
  if (bytes[0] === syncByte) return { order: bareOrder(base), length: 0 }
  if (bytes[0] !== openBrace) {
    const found = `0x${(bytes[0] ?? 0).toString(16).padStart(2, '0')}`
    throw expected('a transport stream (0x47) or a line of JSON', 'the first byte', found)
  }
  const end = bytes.indexOf(lineFeed)
  if (end >= 0 ? end > mostOrderBytes : bytes.length > mostOrderBytes)
    throw expected(`at most ${mostOrderBytes} bytes`, 'the first line', end < 0 ? bytes.length : end)
  if (end < 0) return undefined
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString()
  return { order: parseOrder(line, base), length: end + 1 }
}

function bareOrder(profile: Profile): TransformOrder {
  return {
    mode: 'transform',
    profile,
    weight: defaultWeight,
    label: 'job',
    isFramed: false,
    traceparent: undefined,
  }
}

/** @throws BAD_REQUEST */
export function parseOrder(line: string, base: Profile): Order {
  const { mode, ...asked } = parseJson(line)
  switch (mode) {
    case 'status':
      return { mode }
    case 'publish': {
      const { name, number, radio, program } = check(publish, asked)
      return { mode, name, number, isRadio: radio ?? false, program: program ?? 0 }
    }
    case 'transform':
    case undefined: {
      const { weight, label, framed, traceparent, ...sound } = check(transform, asked)
      return {
        ...bareOrder(parseProfile(sound, base)),
        weight: weight ?? (framed === true ? undefined : defaultWeight),
        ...(label !== undefined && { label }),
        isFramed: framed ?? false,
        traceparent,
      }
    }
    default:
      throw expected('one of transform, publish, status', 'mode', mode)
  }
}

function parseJson(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('BAD_REQUEST', { cause, reason: `The first line is not JSON: ${why}` })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw expected('an object', 'the first line', value)
  return value as Record<string, unknown>
}

function check<T>(schema: z.ZodType<T>, asked: Record<string, unknown>): T {
  const result = schema.safeParse(asked)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const key = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : String(issue?.path[0] ?? '')
  throw expected(issue?.message ?? 'another value', key, asked[key])
}
