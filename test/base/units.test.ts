import { describe, expect, it } from 'vitest'
import {
  formatBitrate,
  formatDuration,
  formatListen,
  formatMode,
  parseBitrate,
  parseDuration,
  parseFlag,
  parseList,
  parseListen,
  parseMode,
} from '../../src/base/units.ts'

describe('parseBitrate and formatBitrate', () => {
  it.each([
    ['192k', 192_000, '192k'],
    ['192K', 192_000, '192k'],
    ['192000', 192_000, '192k'],
    ['1.5M', 1_500_000, '1500k'],
    [' 64k ', 64_000, '64k'],
    ['44100', 44_100, '44100'],
  ])('%s is %d bit/s', (text, bits, written) => {
    expect(parseBitrate(text)).toBe(bits)
    expect(formatBitrate(bits)).toBe(written)
  })

  it.each(['', 'k', '-1k', '0', '192 k', '192kbit', '1e5', 'abc', '0.0001k'])(
    '"%s" has no meaning',
    (text) => {
      expect(parseBitrate(text)).toBeUndefined()
    },
  )
})

describe('parseListen and formatListen', () => {
  it.each([
    [':8080', { host: undefined, port: 8080 }, ':8080'],
    ['8001', { host: undefined, port: 8001 }, ':8001'],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }, '127.0.0.1:0'],
    ['localhost:80', { host: 'localhost', port: 80 }, 'localhost:80'],
    ['[::1]:8080', { host: '::1', port: 8080 }, '[::1]:8080'],
  ])('%s', (text, listen, written) => {
    expect(parseListen(text)).toEqual(listen)
    expect(formatListen(listen)).toBe(written)
  })

  it.each(['', ':', 'host', 'host:', ':65536', '::1:80', ':80a', 'a b:80', 'http://x:80'])(
    '"%s" has no meaning',
    (text) => expect(parseListen(text)).toBeUndefined(),
  )
})

describe('parseDuration and formatDuration', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5000],
    ['5', 5000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['0', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['500ms', '5s', '90s', '45m', '6h', '2d', '0ms', '1500ms'])('%s is written so again', (text) => {
    expect(formatDuration(parseDuration(text) ?? -1)).toBe(text)
  })

  it.each(['', 's', '-1s', '5 s', '5y', 'soon'])('"%s" has no meaning', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('parseMode and formatMode', () => {
  it.each([
    ['0660', 0o660, '0660'],
    ['666', 0o666, '0666'],
    ['007', 0o007, '0007'],
  ])('%s is %d', (text, mode, written) => {
    expect(parseMode(text)).toBe(mode)
    expect(formatMode(mode)).toBe(written)
  })
  it.each(['', '66', '0o660', '0690', '1777', 'rw', '-660', '6.6'])('"%s" has no meaning', (text) =>
    expect(parseMode(text)).toBeUndefined(),
  )
})

describe('parseFlag', () => {
  it.each(['true', 'TRUE', 'yes', 'on', '1'])('%s is true', (text) => expect(parseFlag(text)).toBe(true))
  it.each(['false', 'no', 'off', '0'])('%s is false', (text) => expect(parseFlag(text)).toBe(false))
  it.each(['', 'maybe', '2'])('"%s" has no meaning', (text) => expect(parseFlag(text)).toBeUndefined())
})

describe('parseList', () => {
  it.each([
    ['deu,eng', ['deu', 'eng']],
    [' deu , eng ,', ['deu', 'eng']],
    ['', []],
  ])('"%s"', (text, list) => expect(parseList(text)).toEqual(list))
})
