// Which lines of the log belong together, also over processes: W3C trace context, without a tracing library.
// A trace begins with a client's request, or with the header it brings; each part of the work is a span of it.
import { randomBytes } from 'node:crypto'

/** One span, and the trace that it is of. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all 0 */
  readonly traceId: string
  /** 16 lower-case hexadecimal digits, not all 0 */
  readonly spanId: string
  /** of the span that led to this one; undefined for the first */
  readonly parentId?: string | undefined
  /** Whoever began it records it. */
  readonly isSampled: boolean
}

const longestHeader = 256 // characters; version 00 has 55, later ones may have more
const sampled = 1 // of the flags
const header = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The caller's span in a `traceparent`; undefined if it holds none: a trace is then begun anew.
 *  @source W3C Trace Context, 3.2; also later versions, as far as they are known, 3.3 */
export function parseTraceparent(text: unknown): TraceContext | undefined {
  if (typeof text !== 'string' || text.length > longestHeader) return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] = header.exec(text) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & sampled) !== 0 }
}

/** The `traceparent` for whoever goes on. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
}

/** A span of a span's trace; without one, the first span of a trace. */
export function childOf(parent?: TraceContext): TraceContext {
  if (parent === undefined) return { traceId: randomId(16), spanId: randomId(8), isSampled: true }
  const { traceId, spanId: parentId, isSampled } = parent
  return { traceId, spanId: randomId(8), parentId, isSampled }
}

/** The fields of a line of the log; none without a span. */
export function traceFields(context: TraceContext | undefined): Record<string, string> {
  if (context === undefined) return {}
  const { traceId, spanId, parentId } = context
  return { trace_id: traceId, span_id: spanId, ...(parentId !== undefined && { parent_id: parentId }) }
}

/** What the span of one stream through an engine tells, in the log of each process that has a part in it.
 *  @param codec  what the sound becomes; the work is done on the CPU */
export function transcodeFields(
  codec: string,
  { bytesIn, bytesOut, errors }: { bytesIn: number; bytesOut: number; errors: number },
): Record<string, string | number> {
  return {
    'transcode.codec': codec,
    'transcode.device': 'cpu',
    'bytes.input': bytesIn,
    'bytes.output': bytesOut,
    errors,
  }
}

// All 0 means none: one in 2^64 tries.
function randomId(bytes: number): string {
  const id = randomBytes(bytes).toString('hex')
  return /^0+$/.test(id) ? randomId(bytes) : id
}
