import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Channel } from '../../src/guide/guide.ts'
import { formatPlaylist } from '../../src/guide/playlist.ts'
import { cleanLine } from '../../src/receiver/text.ts'

const channel: Channel = {
  id: '1-0-19-283D-3FB-1-C00000.enigma2',
  number: 7,
  name: 'Das Erste HD',
  ref: '1:0:19:283D:3FB:1:C00000:0:0:0:',
  groups: ['Kino', 'Sport'],
  isRadio: false,
  isHd: true,
  picon: true,
}
const options = {
  baseUrl: 'https://tv.example.org',
  streamBaseUrl: 'http://tv.example.org:8001',
  xmltvUrl: 'https://tv.example.org/xmltv.xml',
}
const format = (more: Partial<Channel> = {}, variant = {}) =>
  formatPlaylist([{ ...channel, ...more }], { ...options, variant })

describe('formatPlaylist', () => {
  it('joins number, guide and picon', () => {
    expect(format()).toBe(
      `#EXTM3U url-tvg="https://tv.example.org/xmltv.xml" x-tvg-url="https://tv.example.org/xmltv.xml"
#EXTINF:-1 tvg-id="1-0-19-283D-3FB-1-C00000.enigma2" tvg-name="Das Erste HD" tvg-chno="7" channel-number="7" tvg-logo="https://tv.example.org/picons/1-0-19-283D-3FB-1-C00000.enigma2.png" group-title="Kino",Das Erste HD
http://tv.example.org:8001/1:0:19:283D:3FB:1:C00000:0:0:0:
`,
    )
  })

  it('says what is radio, and has no address for a picon that is not there', () => {
    expect(format({ isRadio: true, picon: false })).toMatch(/group-title="Kino" radio="true",Das Erste HD\n/)
    expect(format({ picon: false })).not.toContain('tvg-logo')
  })

  it.each([
    [{}, { audio: 'copy' }, 'http://tv.example.org:8001/1:0:19:283D:3FB:1:C00000:0:0:0:?audio=copy'],
    [{}, { format: 'hls' }, 'https://tv.example.org/hls/1-0-19-283D-3FB-1-C00000.enigma2/index.m3u8'],
    [{ url: 'http://example.net/a.ts' }, { audio: 'copy' }, 'http://example.net/a.ts'],
    [
      { ref: '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "a.tv" ORDER BY bouquet' },
      {},
      'http://tv.example.org:8001/1:134:1:0:0:0:0:0:0:0:FROM%20BOUQUET%20%22a.tv%22%20ORDER%20BY%20bouquet',
    ],
  ])('%j %j', (more, variant, address) => expect(format(more, variant).split('\n')[2]).toBe(address))

  it('brings the token along for HLS alone', () => {
    const address = (type: 'ts' | 'hls') =>
      formatPlaylist([channel], { ...options, token: 'a b', variant: { format: type } }).split('\n')[2]
    expect(address('hls')).toBe(`https://tv.example.org/hls/${channel.id}/index.m3u8?token=a+b`)
    expect(address('ts')).toBe(`http://tv.example.org:8001/${channel.ref}`)
  })

  it('reads back any names as they are, and none leaves its place', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 })
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }), (names) => {
        const channels = names.map(([name, group]) => ({
          ...channel,
          name: cleanLine(name),
          groups: [cleanLine(group)],
        }))
        const lines = formatPlaylist(channels, options).split(/\r\n|[\n\r\u0085\u2028\u2029]/)
        expect(lines).toHaveLength(2 + 2 * channels.length)
        for (const [index, { name, groups }] of channels.entries()) {
          const entry = /^#EXTINF:-1 ((?:[\w-]+="[^"]*" ?)*),(.*)$/.exec(lines[1 + 2 * index]!)!
          expect(entry[2]).toBe(name)
          const attributes = new Map(
            [...entry[1]!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
          )
          expect(attributes.get('tvg-name')).toBe(name.replaceAll('"', "'"))
          expect(attributes.get('group-title')).toBe(groups[0]!.replaceAll('"', "'"))
        }
      }),
    )
  })

  it('breaks out of no line, also with text that was not cleaned', () => {
    const playlist = format({ name: 'A"\r\n#EXTINF:-1,B\nhttp://evil/', url: 'http://x/\nhttp://evil/' })
    expect(playlist.split('\n')).toHaveLength(4)
  })
})
