// The OpenAPI document, made of the routes themselves.
import { z } from 'zod'
import type { Answer, Route } from './route.ts'
import { errorSchema } from './schemas.ts'

type Json = Record<string, unknown>

const common: Readonly<Record<number, Answer>> = {
  400: { description: 'The request is not valid', schema: errorSchema },
  401: { description: 'A token is needed, or this one is not valid', schema: errorSchema },
  403: { description: 'Not from here, or not with this token', schema: errorSchema },
  404: { description: 'There is none', schema: errorSchema },
  429: { description: 'Too many requests; see Retry-After', schema: errorSchema },
}

/** OpenAPI 3.1 of these routes. */
export function openApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'xg2g', version, description: 'Channels, guide and streams of an Enigma2 receiver' },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Token' },
        query: { type: 'apiKey', in: 'query', name: 'token', description: 'For reading only' },
      },
    },
  }
}

function operation({ method, path, scope, summary, query, body, answers }: Route): Json {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1])
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const all = { ...(scope === 'public' ? {} : common), ...answers }
  return {
    operationId: operationId(method, path),
    summary,
    'x-scope': scope,
    ...(scope === 'public' ? {} : { security: [{}, { bearer: [] }, { header: [] }, { query: [] }] }),
    parameters: [...inPath, ...queryParameters(query)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: false, content: { 'application/json': { schema: inputOf(body) } } } }),
    responses: Object.fromEntries(Object.entries(all).map(([status, answer]) => [status, response(answer)])),
  }
}

function response({ description, schema, type = 'application/json' }: Answer): Json {
  if (schema === undefined && type === 'application/json') return { description }
  return { description, content: { [type]: schema === undefined ? {} : { schema: outputOf(schema) } } }
}

function queryParameters(query: z.ZodObject | undefined): Json[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = inputOf(query)
  return Object.entries(properties as Record<string, Json>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: (required as string[]).includes(name),
    schema,
  }))
}

function inputOf(schema: z.ZodType): Json {
  return bare(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
}

function outputOf(schema: z.ZodType): Json {
  return bare(z.toJSONSchema(schema, { unrepresentable: 'any' }))
}

// What zod says of a schema as a whole has no place inside a document.
function bare(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== 'id'))
}

// `get /api/v1/channels/:id` is `getChannelsId`.
function operationId(method: string, path: string): string {
  const words = path.replace('/api/v1', '').split(/[^A-Za-z0-9]+/)
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
  return method + name
}
