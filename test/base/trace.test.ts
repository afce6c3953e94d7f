import { describe, expect, it } from 'vitest'
import { childOf, formatTraceparent, parseTraceparent, traceFields } from '../../src/base/trace.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = '00f067aa0ba902b7'

describe('parseTraceparent', () => {
  it.each([
    [`00-${trace}-${span}-01`, true],
    [`00-${trace}-${span}-00`, false],
    [`00-${trace}-${span}-03`, true], // further flags are not ours
    [`cc-${trace}-${span}-01-what-will-be`, true],
    [`cc-${trace}-${span}-01`, true],
  ])('reads %s', (text, isSampled) => {
    expect(parseTraceparent(text)).toEqual({ traceId: trace, spanId: span, isSampled })
  })

  it.each([
    [undefined],
    [7],
    [''],
    ['00'],
    [`ff-${trace}-${span}-01`],
    [`00-${trace}-${span}-01-more`],
    [`00-${trace}-${span}-1`],
    [`00-${trace}-${span}-01 `],
    [`cc-${trace}-${span}-01.more`],
    [`00-${'0'.repeat(32)}-${span}-01`],
    [`00-${trace}-${'0'.repeat(16)}-01`],
    [`00-${trace.toUpperCase()}-${span}-01`],
    [`00-${trace.slice(1)}-${span}-01`],
    [`cc-${trace}-${span}-01-${'x'.repeat(300)}`],
  ])('takes %s for none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined()
  })
})

describe('formatTraceparent', () => {
  it('writes what is read again', () => {
    for (const isSampled of [true, false]) {
      const context = { traceId: trace, spanId: span, isSampled }
      expect(parseTraceparent(formatTraceparent(context))).toEqual(context)
    }
  })
})

describe('childOf', () => {
  it('begins a trace, and goes on in one', () => {
    const [first, other] = [childOf(), childOf()]
    expect(parseTraceparent(formatTraceparent(first))).toEqual(first)
    expect(other.traceId).not.toBe(first.traceId)
    const next = childOf(first)
    expect(next).toMatchObject({ traceId: first.traceId, parentId: first.spanId, isSampled: true })
    expect(next.spanId).not.toBe(first.spanId)
  })
})

describe('traceFields', () => {
  it('are those of the span, or none', () => {
    expect(traceFields(undefined)).toEqual({})
    expect(traceFields({ traceId: trace, spanId: span, isSampled: true })).toEqual({
      trace_id: trace,
      span_id: span,
    })
    const next = childOf({ traceId: trace, spanId: span, isSampled: true })
    expect(traceFields(next)).toEqual({ trace_id: trace, span_id: next.spanId, parent_id: span })
  })
})
