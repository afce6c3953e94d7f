import { describe, expect, it } from 'vitest'
import { AppError, ERRORS, expected, toAppError, type ErrorCode } from '../../src/base/errors.ts'

describe('AppError', () => {
  it('takes status and exposure from the table', () => {
    const error = new AppError('NO_TUNER')
    expect(error).toMatchObject({ name: 'AppError', code: 'NO_TUNER', status: 503, expose: true })
    expect(error).toBeInstanceOf(Error)
  })

  it('keeps the cause and the other details apart', () => {
    const cause = new Error('ECONNREFUSED')
    const error = new AppError('UPSTREAM_REFUSED', { cause, reason: 'status 404', receiver: 'box' })
    expect(error.cause).toBe(cause)
    expect(error.details).toEqual({ reason: 'status 404', receiver: 'box' })
    expect(error.message).toBe('The receiver refused the stream: status 404')
  })

  it.each(Object.keys(ERRORS) as ErrorCode[])('%s has a message without any detail', (code) => {
    const { message, status } = new AppError(code)
    expect(message).toMatch(/^\w/)
    expect(message).not.toMatch(/undefined|NaN| {2}/)
    expect(status).toBeGreaterThanOrEqual(400)
  })
})

describe('AppError.toJSON', () => {
  it('gives code and message to the client', () => {
    expect(JSON.parse(JSON.stringify(new AppError('NO_STREAM', { found: 'no sync' })))).toEqual({
      error: { code: 'NO_STREAM', message: 'The input holds no stream that can be used: no sync' },
    })
  })

  it('keeps an internal message from the client', () => {
    const error = new AppError('INTERNAL', { reason: 'secret path /etc/box' })
    expect(error.toJSON()).toEqual({ error: { code: 'INTERNAL', message: 'Internal Server Error' } })
  })
})

describe('toAppError', () => {
  it('returns an AppError as it is', () => {
    const error = new AppError('POOL_FULL', { capacity: 32 })
    expect(toAppError(error)).toBe(error)
  })

  it.each([new Error('lost'), 'lost', undefined])('makes INTERNAL of %s', (thrown) => {
    const error = toAppError(thrown)
    expect(error.code).toBe('INTERNAL')
    expect(error.cause).toBe(thrown)
  })
})

describe('expected', () => {
  it.each([
    ['abc', '"abc"'],
    [12, '12'],
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [5n, '5n'],
    [() => 0, 'a function'],
    [{ a: [1] }, '{"a":[1]}'],
    ['x'.repeat(500), `"${'x'.repeat(79)}...`],
  ])('says what was received: %s', (value, shown) => {
    const error = expected('a bitrate', 'bitrate', value)
    expect(error.code).toBe('BAD_REQUEST')
    expect(error.message).toBe(`Expected a bitrate for bitrate but received ${shown}`)
  })

  it('survives a value that cannot be written as JSON', () => {
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(expected('text', 'name', loop).message).toMatch(/received an object that cannot be shown$/)
  })
})
