// A route as data: the router and the OpenAPI document are both made of it, so they cannot drift apart.
import type { Context } from 'koa'
import type { z } from 'zod'
import { expectation, AppError } from '../base/errors.ts'
import type { Scope } from './auth.ts'
import type { Client } from './client.ts'
import type { Addresses } from './address.ts'

export type Method = 'get' | 'post' | 'delete'

/** What one answer looks like. */
export interface Answer {
  readonly description: string
  /** Of a JSON body. */
  readonly schema?: z.ZodType
  /** Of another body; application/json where there is a schema. */
  readonly type?: string
}

/** One request, its input checked. */
export interface Call<Q = unknown, B = unknown> {
  readonly context: Context
  readonly params: Readonly<Record<string, string>>
  readonly query: Q
  readonly body: B
  readonly client: Client
  readonly addresses: Addresses
}

export interface Route {
  readonly method: Method
  /** As the router has it: `/api/v1/channels/:id`. */
  readonly path: string
  readonly scope: Scope
  readonly summary: string
  readonly query?: z.ZodObject | undefined
  readonly body?: z.ZodObject | undefined
  /** By status; those of authorisation, limits and bad input go without saying. */
  readonly answers: Readonly<Record<number, Answer>>
  /** The JSON body of a 200; undefined where it has answered by itself. */
  readonly handle: (call: Call) => unknown
}

interface RouteSpec<Q extends z.ZodObject, B extends z.ZodObject> extends Omit<
  Route,
  'query' | 'body' | 'handle'
> {
  readonly query?: Q
  readonly body?: B
  readonly handle: (call: Call<z.output<Q>, z.output<B>>) => unknown
}

/** A route whose handler knows the types of its input. */
export function route<Q extends z.ZodObject = z.ZodObject, B extends z.ZodObject = z.ZodObject>(
  spec: RouteSpec<Q, B>,
): Route {
  return { ...spec, handle: (call) => spec.handle(call as Call<z.output<Q>, z.output<B>>) }
}

/** Input checked against its schema. @throws BAD_REQUEST naming what was expected for which name */
export function checked(schema: z.ZodObject | undefined, input: Record<string, unknown>): unknown {
  if (schema === undefined) return {}
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const reasons = result.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => expectation('a known parameter', key, input[key])).join('; ')
    }
    const name = issue.path.join('.')
    return expectation(issue.message, name, input[name])
  })
  throw new AppError('BAD_REQUEST', { reason: reasons.join('; ') })
}
