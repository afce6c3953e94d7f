import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { version } from '../../src/base/version.ts'
import { alive, byebye, parseSearch, responsesTo } from '../../src/hdhomerun/ssdp.ts'
import { device, second } from './devices.ts'

const uuid = `uuid:${device.udn}`
const mediaServer = 'urn:schemas-upnp-org:device:MediaServer:1'
const usns = [`${uuid}::upnp:rootdevice`, uuid, `${uuid}::${mediaServer}`]

function search(headers: Record<string, string> = {}, start = 'M-SEARCH * HTTP/1.1'): Buffer {
  const all = { HOST: '239.255.255.250:1900', MAN: '"ssdp:discover"', MX: '3', ST: 'ssdp:all', ...headers }
  return Buffer.from([start, ...Object.entries(all).map((header) => header.join(': ')), '', ''].join('\r\n'))
}

function read(text: Buffer): { start: string; headers: Record<string, string> } {
  const [start = '', ...lines] = text.toString().split('\r\n')
  expect(lines.slice(-2)).toEqual(['', ''])
  const headers = lines.slice(0, -2).map((line) => /^([A-Z-]+): ?(.*)$/.exec(line)!.slice(1))
  return { start, headers: Object.fromEntries(headers) as Record<string, string> }
}

function answers(target: string, devices = [device]) {
  return responsesTo({ target, mostDelay: 1 }, devices, '10.0.0.1').map(read)
}

describe('parseSearch', () => {
  it('knows what is looked for and how long an answer may take', () => {
    expect(parseSearch(search())).toEqual({ target: 'ssdp:all', mostDelay: 3 })
  })

  it('reads headers as HTTP has them', () => {
    const text = 'M-SEARCH * HTTP/1.1\r\nst:upnp:rootdevice  \r\nMan:  "ssdp:discover"\r\nmX: 1\r\n\r\n'
    expect(parseSearch(Buffer.from(text))).toEqual({ target: 'upnp:rootdevice', mostDelay: 1 })
  })

  it.each([
    ['0', 1],
    ['-5', 1],
    ['soon', 1],
    ['', 1],
    ['2.5', 2.5],
    ['120', 5],
    ['1e9', 5],
  ])('takes MX %j as %d s', (MX, mostDelay) => {
    expect(parseSearch(search({ MX }))).toMatchObject({ mostDelay })
  })

  it.each([
    ['another MAN', search({ MAN: 'ssdp:discover' })],
    ['no target', search({ ST: '' })],
    ['another request', search({}, 'NOTIFY * HTTP/1.1')],
    ['another version', search({}, 'M-SEARCH * HTTP/1.0')],
    ['a long one', search({ X: 'x'.repeat(1500) })],
    ['nothing', Buffer.alloc(0)],
  ])('finds no search in %s', (_, datagram) => {
    expect(parseSearch(datagram)).toBeUndefined()
  })

  it('reads anything without a failure', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const found = parseSearch(Buffer.concat([Buffer.from('M-SEARCH * HTTP/1.1\r\n'), Buffer.from(text)]))
        expect(found?.mostDelay ?? 1).toBeGreaterThanOrEqual(1)
      }),
    )
  })
})

describe('responsesTo', () => {
  it('has all that clients read', () => {
    const [{ start, headers } = { start: '', headers: {} as Record<string, string> }] = answers(mediaServer)
    expect(start).toBe('HTTP/1.1 200 OK')
    expect(headers).toMatchObject({
      'CACHE-CONTROL': 'max-age=1800',
      EXT: '',
      LOCATION: 'http://10.0.0.1:5004/device.xml',
      ST: mediaServer,
      USN: usns[2],
    })
    expect(Number.isNaN(Date.parse(headers.DATE ?? ''))).toBe(false)
    expect(headers.SERVER).toMatch(new RegExp(`^\\S+/\\S+ UPnP/1\\.0 xg2g/${version}$`))
  })

  it.each([
    ['ssdp:all', usns],
    ['upnp:rootdevice', [usns[0]]],
    [uuid, [usns[1]]],
    [mediaServer, [usns[2]]],
    ['urn:schemas-upnp-org:device:MediaServer:2', []],
    ['uuid:2f402f80-da50-11e1-9b23-000000000000', []],
  ])('to a search for %s', (target, expected) => {
    expect(answers(target).map(({ headers }) => headers.USN)).toEqual(expected)
  })

  it('are those of every device, each with its own place', () => {
    const found = answers('upnp:rootdevice', [device, second])
    expect(found.map(({ headers }) => headers.LOCATION)).toEqual([
      'http://10.0.0.1:5004/device.xml',
      'http://10.0.0.1:5004/2/device.xml',
    ])
  })
})

describe('alive, byebye', () => {
  it('name root, device and type', () => {
    for (const [kind, messages] of [
      ['ssdp:alive', alive(device, '10.0.0.1')],
      ['ssdp:byebye', byebye(device)],
    ] as const) {
      const all = messages.map(read)
      expect(all.map(({ headers }) => headers.USN)).toEqual(usns)
      expect(all.map(({ headers }) => headers.NT)).toEqual(['upnp:rootdevice', uuid, mediaServer])
      for (const { start, headers } of all) {
        expect(start).toBe('NOTIFY * HTTP/1.1')
        expect(headers).toMatchObject({ HOST: '239.255.255.250:1900', NTS: kind })
        expect(headers.LOCATION).toBe(kind === 'ssdp:alive' ? 'http://10.0.0.1:5004/device.xml' : undefined)
      }
    }
  })
})
