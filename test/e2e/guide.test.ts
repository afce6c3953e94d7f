// Channels and guide of a running daemon, from the demo receiver to what players fetch.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { refresh } from '../../src/cli/refresh.ts'
import { printed } from '../cli/output.ts'
import { open, type House } from './house.ts'

let house: House
afterEach(() => house.close())

const at = (path: string) => `http://127.0.0.1:${house.daemon.apiPort}${path}`
const json = async (path: string): Promise<Record<string, unknown>> =>
  (await (await fetch(at(path))).json()) as Record<string, unknown>
const isReady = () =>
  vi.waitFor(async () => expect((await fetch(at('/readyz'))).status).toBe(200), { timeout: 10_000 })
const hasGuide = () =>
  vi.waitFor(async () => expect((await fetch(at('/xmltv.xml'))).status).toBe(200), { timeout: 15_000 })

describe('a daemon with a receiver', () => {
  it('is ready once it has a lineup, and serves it everywhere under the same ids', async () => {
    house = await open()
    await isReady()
    await hasGuide()
    const { channels } = (await json('/api/v1/channels')) as { channels: { id: string; stream: string }[] }
    const playlist = await (await fetch(at('/playlist.m3u'))).text()
    const xmltv = await (await fetch(at('/xmltv.xml'))).text()
    const { channels: onNow } = (await json('/api/v1/epg')) as { channels: { channelId: string }[] }
    expect(channels.length).toBeGreaterThan(1)
    for (const { id, stream } of channels) {
      expect(playlist).toContain(`tvg-id="${id}"`)
      expect(playlist).toContain(`\n${stream}\n`)
      expect(xmltv).toContain(`<channel id="${id}">`)
      expect(onNow.map(({ channelId }) => channelId)).toContain(id)
    }
    expect(playlist).toContain(at('/xmltv.xml'))
    expect(house.demo.requests).toMatchObject({ epgOverlaps: 0, webAtOnce: 1, zaps: 0, streams: {} })
  })

  it('tells of a refresh while it runs, and takes no second one', async () => {
    house = await open()
    await hasGuide()
    const stop = new AbortController()
    const events = await fetch(at('/api/v1/events'), { signal: stop.signal })
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader()
    const url = ['--url', at('')]
    const running = printed(() => refresh(['all', ...url]))
    let heard = ''
    while (!heard.includes('event: refresh')) heard += (await reader.read()).value ?? ''
    stop.abort()
    expect(heard).toMatch(/event: progress\ndata: \{"stage":"channels"/)
    expect(heard).toMatch(/event: refresh\ndata: \{"isComplete":true/)
    const { code, stdout } = await running
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\d+ channels, guide of \d+ fetched, 0 failed/)
  })

  it('offers other bouquets after a reload, without a restart', async () => {
    house = await open()
    await isReady()
    const groups = (await json('/api/v1/channels')).groups as string[]
    const [chosen = ''] = groups
    house.settings.XG2G_BOUQUET = chosen
    const reloaded = await fetch(at('/api/v1/config/reload'), { method: 'POST' })
    expect(await reloaded.json()).toMatchObject({ applied: ['bouquets'] })
    await vi.waitFor(async () => expect((await json('/api/v1/channels')).groups).toEqual([chosen]), {
      timeout: 10_000,
    })
  })
})

describe('XG2G_PICON_PATH', () => {
  it('has the logos to show', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xg2g-logos-'))
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(100, 7)])
    try {
      house = await open({}, { XG2G_PICON_PATH: folder })
      await isReady()
      const ref = house.ref('mpeg2')
      writeFileSync(join(folder, `${ref.replace(/:$/, '').replaceAll(':', '_')}.png`), png)
      const { id } = (await json(`/api/v1/channels/${encodeURIComponent(ref)}`)) as { id: string }
      const logo = await fetch(at(`/picons/${id}.png`))
      expect([logo.status, logo.headers.get('content-type')]).toEqual([200, 'image/png'])
      expect(Buffer.from(await logo.arrayBuffer()).equals(png)).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('XG2G_EPG_DAYS', () => {
  it('is how far the guide goes', async () => {
    house = await open({ streams: ['mpeg2'] }, { XG2G_EPG_DAYS: '2' })
    await hasGuide()
    const { channels } = (await json('/api/v1/channels')) as { channels: { id: string }[] }
    const now = Math.floor(Date.now() / 1000)
    const { programmes } = (await json(`/api/v1/epg/${channels[0]!.id}?to=${now + 14 * 86_400}`)) as {
      programmes: { start: number }[]
    }
    const last = Math.max(...programmes.map(({ start }) => start))
    expect(last).toBeGreaterThan(now + 86_400)
    expect(last).toBeLessThan(now + 3 * 86_400)
  })
})

describe('XG2G_OWI_TIMEOUT_MS', () => {
  it('is how long the receiver may take', async () => {
    house = await open({ streams: ['mpeg2'], web: { delayMs: 3000 } }, { XG2G_OWI_TIMEOUT_MS: '500' })
    await vi.waitFor(
      async () => expect(await json('/api/v1/status')).toMatchObject({ receiver: { state: 'slow' } }),
      { timeout: 10_000 },
    )
  })
})

describe('a receiver that goes away', () => {
  it('leaves the lineup served and the state told, until it is back', async () => {
    house = await open()
    await hasGuide()
    const stateOf = () =>
      vi.waitFor(
        async () => {
          const { refresh: running, receiver } = await json('/api/v1/status')
          expect(running).toMatchObject({ isRunning: false })
          return receiver
        },
        { timeout: 10_000 },
      )
    const headers = { 'Content-Type': 'application/json' }
    const ask = () => fetch(at('/api/v1/refresh'), { method: 'POST', body: '{"what":"channels"}', headers })
    await stateOf()
    const back = house.demo.faults.reboot(4000)
    expect((await ask()).status).toBe(202)
    expect(await stateOf()).toMatchObject({
      state: 'unreachable',
      isReachable: false,
      lastError: { code: 'RECEIVER_UNREACHABLE' },
    })
    expect((await fetch(at('/readyz'))).status).toBe(200)
    expect((await fetch(at('/playlist.m3u'))).status).toBe(200)
    expect((await fetch(at('/xmltv.xml'))).status).toBe(200)
    await back
    expect((await ask()).status).toBe(202)
    expect(await stateOf()).toMatchObject({ state: 'ok', isReachable: true })
  })
})

describe('a daemon whose receiver never answers', () => {
  it('starts, says what is missing, and serves no empty list', async () => {
    house = await open({ web: { auth: 'basic' } })
    await vi.waitFor(
      async () => {
        const response = await fetch(at('/readyz'))
        expect([response.status, await response.text()]).toEqual([
          503,
          expect.stringContaining('refuses us') as string,
        ])
      },
      { timeout: 10_000 },
    )
    for (const path of ['/playlist.m3u', '/xmltv.xml']) {
      const response = await fetch(at(path))
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    }
    expect(await json('/api/v1/status')).toMatchObject({
      status: 'not ready',
      receiver: { state: 'refused' },
    })
  })
})

describe('XG2G_EPG_TIMEOUT_MS', () => {
  it('is how long the receiver may take for the guide, and for nothing else', async () => {
    house = await open({ streams: ['mpeg2'], web: { delayMs: 700 } }, { XG2G_EPG_TIMEOUT_MS: '500' })
    await vi.waitFor(
      async () => {
        const { receiver, refresh: running } = await json('/api/v1/status')
        expect([receiver, running]).toMatchObject([{ state: 'slow' }, { isRunning: false }])
      },
      { timeout: 25_000 },
    )
    expect(house.demo.requests.web.epgnownext).toBeGreaterThan(0)
    expect((await fetch(at('/readyz'))).status).toBe(200) // the lineup took as long for each answer
    expect((await fetch(at('/xmltv.xml'))).status).toBe(503)
  })
})

describe('how often the receiver is asked', () => {
  afterEach(() => vi.useRealTimers())

  // The clock of this process runs on, and can be put forward.
  async function askedAfter(
    env: Record<string, string>,
    page: string,
  ): Promise<(ms: number) => Promise<number>> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], shouldAdvanceTime: true })
    house = await open({ streams: ['mpeg2'] }, { XG2G_ENABLE_STREAM_PROXY: 'false', ...env })
    await hasGuide()
    const isIdle = () =>
      vi.waitFor(
        async () => expect(await json('/api/v1/status')).toMatchObject({ refresh: { isRunning: false } }),
        { timeout: 10_000 },
      )
    await isIdle()
    house.demo.resetRequests()
    return async (ms) => {
      await vi.advanceTimersByTimeAsync(ms)
      await isIdle()
      return house.demo.requests.web[page] ?? 0
    }
  }

  it('XG2G_CHANNEL_REFRESH is when the bouquets are asked for again', async () => {
    const env = { XG2G_CHANNEL_REFRESH: '2h', XG2G_EPG_REFRESH: '7d' }
    const asked = await askedAfter(env, 'bouquets')
    expect(await asked(90 * 60_000)).toBe(0)
    expect(await asked(45 * 60_000)).toBe(2) // television and radio
  })

  it('XG2G_EPG_REFRESH is when the guide is asked for again', async () => {
    const env = { XG2G_CHANNEL_REFRESH: '7d', XG2G_EPG_REFRESH: '10h' }
    const asked = await askedAfter(env, 'epgservice')
    expect(await asked(8 * 3_600_000)).toBe(0)
    expect(await asked(4 * 3_600_000)).toBeGreaterThan(0)
  })
})
