// Who may play HLS: the same as may read anything else, but for the limit on requests.
import { afterEach, describe, expect, it } from 'vitest'
import type { Players } from '../../src/api/players.ts'
import { behindProxy, from, startFake, type Fake } from './fake.ts'

let fake: Fake
afterEach(() => fake.close())

const path = '/hls/one/index.m3u8?token=reader-token&x=1'
const outside = '203.0.113.9'

function players(asked: { url: string; address: string }[] = []): Players {
  return {
    async answer(_, response, each) {
      asked.push(each)
      response.writeHead(200, { 'Content-Type': 'application/vnd.apple.mpegurl' }).end('#EXTM3U\n')
    },
  }
}

describe('GET /hls/...', () => {
  it('comes to the players with what follows /hls/ and the address of the client', async () => {
    const asked: { url: string; address: string }[] = []
    fake = await startFake(behindProxy, { players: players(asked) })
    const answer = await fake.ask(path, from('192.168.1.7'))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(asked).toEqual([{ url: 'one/index.m3u8?token=reader-token&x=1', address: '192.168.1.7' }])
  })

  it('is open to one’s own networks alone', async () => {
    fake = await startFake(behindProxy, { players: players() })
    expect((await fake.ask(path, from('192.168.1.7'))).status).toBe(200)
    const refused = await fake.ask(path, from(outside))
    expect([refused.status, refused.headers.get('cache-control')]).toEqual([403, 'no-store'])
  })

  it('is open to those who bring the token for reading', async () => {
    const settings = { ...behindProxy, XG2G_API_READ_TOKEN: 'reader-token' }
    fake = await startFake(settings, { players: players() })
    expect((await fake.ask(path, from(outside))).status).toBe(200)
    expect((await fake.ask('/hls/one/index.m3u8', from('192.168.1.7'))).status).toBe(401)
    expect((await fake.ask('/hls/one/index.m3u8?token=another-token', from(outside))).status).toBe(401)
  })

  it('takes a thousand requests of one client', async () => {
    const asked: { url: string; address: string }[] = []
    const settings = { ...behindProxy, XG2G_RATELIMIT_RPS: '1', XG2G_RATELIMIT_BURST: '0' }
    fake = await startFake(settings, { players: players(asked) })
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 50 }, () => fake.ask(path).then((answer) => answer.text())))
    expect(asked).toHaveLength(1000)
  })

  it('can be read by the pages of sites that are allowed', async () => {
    const settings = { XG2G_ALLOWED_ORIGINS: 'https://tv.example.org' }
    fake = await startFake(settings, { players: players() })
    const origin = async (Origin: string) =>
      (await fake.ask(path, { headers: { Origin } })).headers.get('access-control-allow-origin')
    expect(await origin('https://tv.example.org')).toBe('https://tv.example.org')
    expect(await origin('https://other.example.org')).toBe(null)
    const asked = { Origin: 'https://tv.example.org', 'Access-Control-Request-Method': 'GET' }
    expect((await fake.ask(path, { method: 'OPTIONS', headers: asked })).status).toBe(204)
  })

  it('is 404 where there are no players', async () => {
    fake = await startFake()
    expect((await fake.ask(path)).status).toBe(404)
  })
})
