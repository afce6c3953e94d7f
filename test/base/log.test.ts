import { describe, expect, it } from 'vitest'
import { createLog, maskCredentials, type LogLevel } from '../../src/base/log.ts'

function logInto(level?: LogLevel) {
  const lines: string[] = []
  return { lines, log: createLog(level, { write: (line: string) => lines.push(line) }) }
}

describe('createLog', () => {
  it('writes one JSON line per event with the level by name and an ISO time', () => {
    const { log, lines } = logInto()
    log.info({ channel: 'Das Erste' }, 'stream started')
    expect(lines).toHaveLength(1)
    const event = JSON.parse(lines[0]!) as Record<string, unknown>
    expect(event).toMatchObject({ level: 'info', msg: 'stream started', channel: 'Das Erste' })
    expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(event).not.toHaveProperty('pid')
  })

  it('leaves out what is below its level', () => {
    const { log, lines } = logInto('warn')
    log.info('quiet')
    log.warn('loud')
    expect(lines).toHaveLength(1)
  })

  it('hides secrets by key, down to two levels', () => {
    const { log, lines } = logInto()
    log.info(
      { password: 'p1', receiver: { owiPass: 'p2' }, request: { headers: { authorization: 'p3' } } },
      'x',
    )
    expect(lines.join('')).not.toMatch(/p[123]/)
  })

  it('hides credentials in URLs anywhere in the line, stacks included', () => {
    const { log, lines } = logInto()
    log.error(
      { url: 'http://root:geheim@box/web/about', err: new Error('GET http://root:geheim@box/ failed') },
      'x',
    )
    expect(lines.join('')).not.toContain('geheim')
    expect(JSON.parse(lines[0]!)).toMatchObject({ url: 'http://***@box/web/about' })
  })
})

describe('maskCredentials', () => {
  it.each([
    ['http://root:pw@10.0.0.2:8001/1:0:1', 'http://***@10.0.0.2:8001/1:0:1'],
    ['http://root@box/', 'http://***@box/'],
    ['http://u:p@ss@box/', 'http://***@box/'],
    ['http://u:a\\"b@box/', 'http://***@box/'],
    ['/playlist.m3u?token=abc&x=1', '/playlist.m3u?token=***&x=1'],
    ['http://box/mail?to=a@b.c', 'http://box/mail?to=a@b.c'],
    ['{"a":"http://box/","b":"x@y"}', '{"a":"http://box/","b":"x@y"}'],
    ['plain text with user@host', 'plain text with user@host'],
  ])('%s', (text, masked) => {
    expect(maskCredentials(text)).toBe(masked)
  })

  it('is quick on hostile text', () => {
    const text = 'a://'.repeat(2000) + '\\'.repeat(2000)
    expect(maskCredentials(text)).toBe(text)
  })
})
