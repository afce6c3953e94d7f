// Who is sent to HLS, told by what players really say of themselves, and where to.
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { hlsAddressFor, needsHls, type HlsPlace } from '../../src/api/apple.ts'
import { channels, FakeGuide } from './fake.ts'

const safari = 'AppleWebKit/605.1.15 (KHTML, like Gecko)'
const avPlayer = 'AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5_1 like Mac OS X; de_de)'

describe('needsHls', () => {
  it.each([
    avPlayer,
    'AppleCoreMedia/1.0.0.20M73 (Apple TV; U; CPU OS 16_6 like Mac OS X; en_us)',
    'AppleCoreMedia/1.0.0.21G93 (Macintosh; U; Intel Mac OS X 14_6_1; en_us)',
    `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${safari} Version/17.5 Mobile/15E148 Safari/604.1`,
    `Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) ${safari} CriOS/92.0.4515.90 Mobile/15E148 Safari/604.1`,
    `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${safari} FxiOS/127.0 Mobile/15E148 Safari/605.1.15`,
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${safari} Version/17.5 Safari/605.1.15`,
  ])('is true for %s', (agent) => expect(needsHls(agent)).toBe(true))

  it.each([
    undefined,
    '',
    'VLC/3.0.20 LibVLC/3.0.20',
    'VLC%20for%20iOS/3.5.7 CFNetwork/1496.0.7 Darwin/23.5.0',
    'Infuse-Direct/7.7.4',
    'Infuse/7.7.4 CFNetwork/1496.0.7 Darwin/23.5.0',
    'Kodi/20.5 (iPhone; CPU iPhone OS 17_5 like Mac OS X) App_Bitness/64 Version/20.5-(20.5.0)-Git:2024',
    'Kodi/21.0 (Apple TV; CPU tvOS 17_5 like Mac OS X) App_Bitness/64',
    'Lavf/61.1.100',
    'libmpv',
    'HDHomeRun/1.0',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    'Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.0 TV Safari/537.36',
  ])('is false for %s', (agent) => expect(needsHls(agent)).toBe(false))
})

interface Asked {
  readonly url?: string
  readonly agent?: string
  readonly peer?: string
  readonly headers?: Record<string, string>
}

const [channel] = channels
const { id, ref } = channel!
const index = `/hls/${id}/index.m3u8`
const hls = `${index}?sound=all`

function addressFor(asked: Asked, settings: Partial<HlsPlace['settings']> = {}, guide?: FakeGuide) {
  const { url = `/${ref}`, agent = avPlayer, peer = '192.168.1.9', headers = {} } = asked
  const request = {
    url,
    headers: { host: '192.168.1.5:8001', 'user-agent': agent, ...headers },
    socket: { remoteAddress: peer },
  }
  return hlsAddressFor(request as unknown as IncomingMessage, {
    settings: { hlsIos: true, enableStreamProxy: true, trustedProxies: [], ...settings },
    guide: guide ?? new FakeGuide(),
    ports: { api: 8080, proxy: 8001 },
  })
}

describe('hlsAddressFor', () => {
  it.each([`/${ref}`, `/${encodeURIComponent(ref)}`, `/${ref.slice(0, -1)}`, `/stream/${id}`, '/auto/v1'])(
    'finds the channel of %s',
    (url) => expect(addressFor({ url })).toBe(`http://192.168.1.5:8080${hls}`),
  )

  it('keeps the query', () => {
    expect(addressFor({ url: `/${ref}?token=a&b=c` })).toBe(
      `http://192.168.1.5:8080${index}?token=a&b=c&sound=all`,
    )
  })

  it('goes by the name that the client used, the configured address, or that of the reverse proxy', () => {
    expect(addressFor({ headers: { host: '[fd00::5]:8001' } })).toBe(`http://[fd00::5]:8080${hls}`)
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'tv.example.org' }
    const trusted = { trustedProxies: ['172.18.0.2'] }
    expect(addressFor({ peer: '172.18.0.2', headers }, trusted)).toBe(`https://tv.example.org${hls}`)
    expect(addressFor({ peer: '172.18.0.3', headers }, trusted)).toBe(`http://192.168.1.5:8080${hls}`)
    const publicUrl = 'https://xg2g.example.org'
    expect(addressFor({}, { publicUrl })).toBe(publicUrl + hls)
  })

  it('leaves the stream to others, to channels that no list has, and where it is switched off', () => {
    expect(addressFor({ agent: 'VLC/3.0.20 LibVLC/3.0.20' })).toBeUndefined()
    expect(addressFor({ url: '/1:0:1:1:1:1:1:0:0:0:' })).toBeUndefined()
    expect(addressFor({}, { hlsIos: false })).toBeUndefined()
  })
})
