// Server-sent events, as a page hears them.
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { EventHub } from '../../src/api/events.ts'
import { startFake, type Fake } from './fake.ts'

let fake: Fake | undefined
const leaving: AbortController[] = []
afterEach(async () => {
  for (const each of leaving.splice(0)) each.abort()
  await fake?.close()
  fake = undefined
})

async function listen(to: Fake): Promise<{ response: Response; until: (mark: string) => Promise<string> }> {
  const leave = new AbortController()
  leaving.push(leave)
  const response = await to.ask('/api/v1/events', { signal: leave.signal })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let heard = ''
  return {
    response,
    async until(mark) {
      while (!heard.includes(mark)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`ended without ${mark}: ${heard}`)
        heard += value
      }
      return heard
    },
  }
}

describe('GET /api/v1/events', () => {
  it('begins with the status, then tells what happens, numbered', async () => {
    fake = await startFake()
    const { response, until } = await listen(fake)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const first = await until('\n\n')
    expect(first).toMatch(/^retry: 5000\nid: 0\nevent: status\ndata: \{"status":"ok"/)
    fake.hub.send('progress', { stage: 'guide', done: 1, total: 2, title: 'a\nb' })
    expect(await until('"a\\nb"}\n\n')).toContain(
      'id: 1\nevent: progress\ndata: {"stage":"guide","done":1,"total":2,"title":"a\\nb"}',
    )
  })

  it('says now and then that it is still there', async () => {
    fake = await startFake({}, { events: { heartbeatMs: 5 } })
    await (await listen(fake)).until(': still here\n\n: still here\n\n')
  })

  it('takes a limited number of listeners, and others when one has left', async () => {
    fake = await startFake({}, { events: { listeners: 1 } })
    await (await listen(fake)).until('event: status')
    const refused = await fake.ask('/api/v1/events')
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toMatchObject([
      503,
      '5',
      { error: { code: 'TOO_MANY_LISTENERS' } },
    ])
    leaving.pop()?.abort()
    while (fake.hub.listeners > 0) await new Promise(setImmediate)
    await (await listen(fake)).until('event: status')
  })

  it('ends when the daemon stops', async () => {
    fake = await startFake()
    const { until } = await listen(fake)
    await until('event: status')
    fake.hub.close()
    await expect(until('more')).rejects.toThrow(/ended without more/)
  })
})

describe('EventHub.open', () => {
  it('leaves places for others when one address takes many', () => {
    const hub = new EventHub({ listeners: 4, fromOne: 2 })
    const open = (address: string) => hub.open({ event: 'status', data: {} }, address)
    open('192.0.2.1')
    open('192.0.2.1')
    expect(() => open('192.0.2.1')).toThrow('All 2 places')
    open('192.0.2.2')
    open('192.0.2.3')
    expect(() => open('192.0.2.4')).toThrow('All 4 places')
    hub.close()
  })
})

describe('EventHub.send', () => {
  it('lets go of a listener that does not read', async () => {
    const hub = new EventHub({ bufferBytes: 1000 })
    const lazy = hub.open({ event: 'status', data: {} })
    const gone = once(lazy, 'close')
    const keen = hub.open({ event: 'status', data: {} })
    let heard = 0
    keen.on('data', (bytes: Buffer) => (heard += bytes.length))
    while (!lazy.destroyed) {
      hub.send('progress', 'x'.repeat(100))
      await new Promise(setImmediate)
    }
    await gone
    expect(hub.listeners).toBe(1)
    expect(heard).toBeGreaterThan(900)
    hub.close()
  })
})
