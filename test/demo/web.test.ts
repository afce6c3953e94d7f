// The web side over HTTP: the shapes that clients meet, in both dialects and both formats.
import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import { demo, generationMs, hangUp, holdOpen } from './client.ts'
import { channelOf } from './signal/loops.ts'

const first = channelOf('mpeg2')
const longestPauseSec = 240 // between two programmes of that channel
const radio = channelOf('radio-mp2')
const favourites = '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.favourites.tv" ORDER BY bouquet'

let receiver: DemoReceiver

beforeEach(() => start({}), generationMs)
afterEach(() => receiver.close())

async function start(options: Partial<DemoOptions>): Promise<void> {
  const old = receiver as DemoReceiver | undefined
  await old?.close()
  receiver = await demo(options)
}

type Loose = Record<string, unknown>

async function api(page: string, query: Record<string, string> = {}): Promise<Loose> {
  return (await (await get(`api/${page}`, query)).json()) as Loose
}

async function web(page: string, query: Record<string, string> = {}): Promise<string> {
  return (await get(`web/${page}`, query)).text()
}

function get(
  path: string,
  query: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${receiver.webUrl}/${path}?${new URLSearchParams(query).toString()}`, { headers })
}

function rows(value: unknown): Loose[] {
  return value as Loose[]
}

describe('bouquets', () => {
  it('are pairs, without a result, and names may come twice', async () => {
    const answer = await api('bouquets', { stype: 'tv' })
    expect(Object.keys(answer)).toEqual(['bouquets'])
    const list = answer.bouquets as string[][]
    expect(list[0]).toEqual([favourites, 'Favourites (TV)'])
    expect(list.filter(([, name]) => name === 'Kino & Küche')).toHaveLength(2)
    expect((await api('bouquets', { stype: 'radio' })).bouquets).toHaveLength(1)
    expect(await web('bouquets')).toContain(
      '<e2servicereference>1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.kino.tv"',
    )
  })
})

describe('getservices', () => {
  it('lists markers among the channels and counts only these', async () => {
    const answer = await api('getservices', { sRef: favourites, picon: '1', provider: '1' })
    expect(answer).toMatchObject({ result: true, pos: 10 })
    const list = rows(answer.services)
    expect(list[0]).toMatchObject({
      pos: 0,
      program: 0,
      servicereference: '1:64:0:0:0:0:0:0:0:0::In hoher Auflösung',
      picon: false,
    })
    expect(list[1]).toMatchObject({
      pos: 1,
      program: 0x132f,
      servicename: 'Erstes Testbild HD',
      servicereference: '1:0:19:132F:3EF:1:C00000:0:0:0:',
      picon: '/picon/1_0_19_132F_3EF_1_C00000_0_0_0.png',
    })
  })

  it('hides hidden markers, knows odd rows, and has nothing for an unknown bouquet', async () => {
    const ref = (file: string): string =>
      `1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.${file}.tv" ORDER BY bouquet`
    const shown = rows((await api('getservices', { sRef: ref('kino') })).services)
    const all = rows((await api('getservices', { sRef: ref('kino'), hidden: '1' })).services)
    expect(all.length).toBe(shown.length + 1)
    const odd = rows((await api('getservices', { sRef: ref('sonderlinge') })).services).map(
      ({ servicereference }) => servicereference as string,
    )
    expect(odd.map((text) => text.split(':')[0])).toEqual(expect.arrayContaining(['1', '4097', '8192']))
    expect(odd.some((text) => text.startsWith('1:134:'))).toBe(true)
    expect(odd.some((text) => text.includes('http%3a//127.0.0.1%3a17999/'))).toBe(true)
    expect(await api('getservices', { sRef: ref('nichts') })).toMatchObject({ result: true, services: [] })
    expect(rows((await api('getservices')).services)[0]).toMatchObject({ servicereference: favourites })
  })

  it('puts references on lines of their own in XML', async () => {
    const text = await web('getservices', { sRef: favourites })
    expect(text).toContain(
      `<e2servicereference>\n${first.ref}\n</e2servicereference><e2servicename>Nostalgie TV</e2servicename>`,
    )
  })
})

describe('getallservices', () => {
  it('nests, and takes any type for radio in dialect A only', async () => {
    const tv = rows((await api('getallservices')).services)
    expect(rows(tv[0]!.subservices)).toHaveLength(12)
    expect(rows((await api('getallservices', { type: 'tv' })).services)).toHaveLength(5)
    const xml = await web('getallservices')
    expect(xml).toMatch(/^<\?xml[^>]*>\n<e2servicelistrecursive><e2bouquet>/)
    expect(xml).toMatch(/<e2service><e2servicereference>\n[^<]*leer\.tv/)
    await start({ web: { dialect: 'A', delayMs: 0 } })
    expect(rows((await api('getallservices', { type: 'tv' })).services)[0]).toMatchObject({
      servicename: 'Favourites (Radio)',
    })
  })
})

describe('the guide', () => {
  it('gives days of a channel', async () => {
    const now = Date.now() / 1000
    const events = rows((await api('epgservice', { sRef: first.ref })).events)
    expect(events.length).toBeGreaterThan(50)
    expect(events[0]).toMatchObject({ sref: first.ref, sname: 'Nostalgie TV' })
    expect(Number(events[0]!.begin_timestamp)).toBeLessThanOrEqual(now + longestPauseSec)
    expect(Number(events.at(-1)!.begin_timestamp)).toBeGreaterThan(now + 6 * 86_400)
    expect(events[0]!.date).toMatch(/^\w\w\.? \d\d\.\d\d\.\d{4}$/)
    expect(await api('epgservice', { sRef: first.ref })).toEqual(expect.objectContaining({ result: true }))
  })

  it('takes time, and endTime as minutes: a timestamp there finds nothing', async () => {
    const time = Math.floor(Date.now() / 1000) + 86_400
    const find = async (endTime: number): Promise<number> =>
      rows(
        (await api('epgservice', { sRef: first.ref, time: String(time), endTime: String(endTime) })).events,
      ).length
    expect(await find(600)).toBeLessThan(30)
    expect(await find(600)).toBeGreaterThan(3)
    expect(await find(time + 3600)).toBe(0)
  })

  it('says in four ways that there is none', async () => {
    const events = async (kind: 'radio-aac' | 'open-gop' | 'switching' | 'mono-44k1'): Promise<Loose[]> =>
      rows((await api('epgservice', { sRef: channelOf(kind).ref })).events)
    expect(await events('radio-aac')).toEqual([])
    expect(await events('open-gop')).toEqual([
      expect.objectContaining({ id: null, begin_timestamp: null, title: null }),
    ])
    expect(await events('switching')).toEqual([
      expect.objectContaining({ id: null, begin_timestamp: 0, title: 'N/A' }),
    ])
    expect(await events('mono-44k1')).toEqual([
      expect.objectContaining({ date: 0, begin: 0, end: 0, title: 'N/A' }),
    ])
    expect(await web('epgservice', { sRef: channelOf('open-gop').ref })).toContain(
      '<e2eventstart>None</e2eventstart>',
    )
  })

  it('escapes for HTML in JSON, once more where the broadcaster did', async () => {
    const search = rows((await api('epgsearch', { search: 'Garten' })).events)
    const titles = new Set(search.map(({ title }) => title))
    expect(titles).toContain('Garten &amp; Geduld')
    expect(titles).toContain('Garten &amp;amp; Geduld')
    expect(search[0]).toMatchObject({ now_timestamp: null })
    expect(search.length).toBeLessThanOrEqual(128)
    const quoted = rows((await api('epgsearch', { search: 'Quiz' })).events)[0]!
    expect(quoted).toMatchObject({
      title: 'Quiz &quot;Wer zählt mit?&quot;',
      shortdesc: expect.stringContaining('Rate&#x27;') as string,
    })
  })

  it('loses line breaks in XML, and keeps controls that break it', async () => {
    expect(await web('epgservice', { sRef: first.ref })).not.toMatch(/[\u0080-\u009f]/)
    expect(await web('epgservice', { sRef: channelOf('latm').ref })).toMatch(/\u000b<\/e2eventtitle>/)
    const [event] = rows((await api('epgservicenow', { sRef: first.ref })).events)
    expect(event).toMatchObject({
      longdesc: expect.stringContaining('\n') as string,
      remaining: expect.any(Number) as number,
    })
  })

  it('has rows for markers, and two for now and next', async () => {
    const now = rows((await api('epgnow', { bRef: favourites })).events)
    expect(now[0]).toMatchObject({ sref: expect.stringMatching(/^1:64:/) as string, title: null })
    const both = rows((await api('epgnownext', { bRef: favourites })).events).filter(
      ({ sref }) => sref === first.ref,
    )
    expect(both).toHaveLength(2)
    expect(Number(both[1]!.begin_timestamp)).toBeGreaterThan(Number(both[0]!.begin_timestamp))
    expect(await api('epgbouquet', { bRef: 'x' })).toEqual({ events: [], result: false })
  })

  it('repeats rows in lower case for one channel, and lists a bouquet at length', async () => {
    const list = rows((await api('epgbouquet', { bRef: favourites })).events)
    const { ref } = channelOf('absent-audio')
    expect(list.filter(({ sref }) => sref === ref).length).toBe(
      list.filter(({ sref }) => sref === ref.toLowerCase()).length,
    )
    expect(list.length).toBeGreaterThan(1000)
  })

  it('refuses politely without its parameter', async () => {
    const answer = await get('api/epgservice')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ result: false, message: expect.any(String) as string })
    expect((await get('web/epgservice')).status).toBe(500)
  })
})

describe('stream.m3u', () => {
  const ask = async (ref: string, query: Record<string, string> = {}): Promise<string[]> =>
    (await web('stream.m3u', { ref, name: 'N&N', ...query })).split('\n')

  it('names program and address', async () => {
    const port = new URL(receiver.streamUrl).port
    expect(await ask(first.ref)).toEqual([
      '#EXTM3U ',
      '#EXTVLCOPT:http-reconnect=true ',
      '#EXTINF:-1,N&N',
      '#EXTVLCOPT:program=12000',
      `http://127.0.0.1:${port}/${first.ref}`,
      '',
    ])
    expect((await get('web/stream.m3u', { ref: first.ref })).headers.get('content-type')).toBe(
      'application/vnd.apple.mpegurl',
    )
  })

  it('resolves alternatives and IPTV', async () => {
    expect(
      (await ask('1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "alternatives.testbild.tv" ORDER BY bouquet')).at(4),
    ).toContain('/1:0:19:132F:')
    expect((await ask('4097:0:1:0:0:0:0:0:0:0:http%3a//example.invalid/live1.ts:IPTV')).at(4)).toBe(
      'http://example.invalid/live1.ts:IPTV',
    )
    const inner = first.ref.replaceAll(':', '%3a')
    const relayEntry = `${first.ref}http%3a//127.0.0.1%3a17999/${inner}:Name`
    expect((await ask(relayEntry)).at(4)).toBe(`${receiver.streamUrl}/${first.ref}`)
  })

  it('sends relayed services to the relay in dialect B, and puts logins into the others', async () => {
    const relayed = channelOf('hevc').ref
    await start({ relayPort: 0, web: { auth: 'off', delayMs: 0 } })
    expect((await ask(relayed)).at(4)).toBe(`${receiver.relayUrl!}/${relayed}`)
    expect(await (await get('file', { file: '/etc/enigma2/whitelist_streamrelay' })).text()).toContain(
      relayed,
    )
    await start({ relayPort: 0, web: { dialect: 'A', delayMs: 0 } })
    expect((await ask(relayed)).at(4)).toBe(`${receiver.streamUrl}/${relayed}`)
    expect((await ask(relayed, { device: 'phone' })).at(3)).toMatch(/\?bitrate=1500000\?width=1280/)
  })
})

describe('a login', () => {
  it('is wanted when it is on', async () => {
    await start({ web: { auth: 'basic', delayMs: 0, sessionId: 'abc' } })
    const refused = await get('api/about')
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Basic realm="OpenWebif"')
    for (const login of ['root:demo', '-sid:abc']) {
      const headers = { Authorization: `Basic ${Buffer.from(login).toString('base64')}` }
      expect((await get('api/about', {}, headers)).status).toBe(200)
      expect(await (await get('web/stream.m3u', { ref: first.ref }, headers)).text()).toContain(
        'http://-sid:abc@127.0.0.1:',
      )
    }
    expect(receiver.requests.unauthorised).toBe(1)
    await start({ web: { auth: 'forbidden', delayMs: 0 } })
    expect((await get('api/about')).status).toBe(403)
  })
})

describe('the box', () => {
  it('tells its tuners and who is on them', async () => {
    const idle = rows(((await api('about')) as { info: Loose }).info.tuners)
    expect(idle).toHaveLength(4)
    expect(idle[0]).toMatchObject({ name: 'Tuner A', live: '', rec: '', stream: '' })
    const socket = await holdOpen(receiver.streamUrl, radio.ref)
    const busy = ((await api('about')) as { info: Loose }).info
    expect(rows(busy.tuners)[0]).toMatchObject({ stream: '19.2° E / Radio Nordlicht' })
    expect(rows(busy.streams)[0]).toMatchObject({ name: 'Radio Nordlicht', ref: radio.ref })
    expect(await api('statusinfo')).toMatchObject({ isStreaming: 'true', inStandby: 'true', muted: true })
    await hangUp(socket)
    expect(await web('about')).toContain('<e2nim><name>Tuner A</name>')
  })

  it('says whether a service would get a tuner', async () => {
    await start({ tuners: 1 })
    const socket = await holdOpen(receiver.streamUrl, radio.ref)
    const isPlayable = async (sRef: string): Promise<unknown> =>
      (await api('serviceplayable', { sRef })).service
    expect(await isPlayable(radio.ref)).toMatchObject({ isplayable: true })
    expect(await isPlayable(first.ref)).toMatchObject({ isplayable: false })
    await hangUp(socket)
  })

  it('is in standby, or shows a channel', async () => {
    expect(await api('getcurrent')).toMatchObject({ info: { result: false, sid: 0 }, now: { title: '' } })
    expect(await api('tunersignal')).toMatchObject({ snr: '', tunernumber: '', inStandby: 'true' })
    expect(await api('powerstate')).toEqual({ result: true, instandby: true })
    await start({ tv: 'mpeg2' })
    expect(await api('getcurrent')).toMatchObject({
      info: { result: true, sid: 0x2ee0, ref: encodeURIComponent(first.ref) },
    })
    expect(await api('statusinfo')).toMatchObject({ inStandby: 'false', currservice_station: 'Nostalgie TV' })
    expect(await web('signal')).toMatch(/<e2snrdb>12\.4 dB<\/e2snrdb><e2snr>79 %<\/e2snr>/)
    expect(rows(((await api('about')) as { info: Loose }).info.tuners)[0]).toMatchObject({
      live: '19.2° E / Nostalgie TV',
    })
  })

  it('tells older clients what they ask for', async () => {
    expect(await web('deviceinfo')).toMatch(/^<\?xml.*\n<e2deviceinfo><e2enigmaversion>/)
    expect(await web('getlocations')).toContain('<e2location>/media/hdd/movie/</e2location>')
    expect(await web('getcurrent')).toContain('<e2eventlist></e2eventlist>')
    expect(await web('powerstate')).toContain('<e2instandby>True</e2instandby>')
  })

  it('has no timers, no recordings, settings, and 404 for the rest', async () => {
    expect(await api('timerlist')).toMatchObject({ timers: [], result: true })
    expect(await api('movielist')).toMatchObject({ movies: [] })
    expect((await api('settings')).settings).toContainEqual([
      'config.OpenWebif.streamport',
      new URL(receiver.streamUrl).port,
    ])
    expect((await get('api/nothing')).status).toBe(404)
  })

  it('has drawn picons', async () => {
    const answer = await get('picon/1_0_1_2EE0_441_1_C00000_0_0_0.png')
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(answer.headers.get('content-type')).toBe('image/png')
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([220, 132])
    expect((await get('picon/1_0_1_1_1_1_C00000_0_0_0.png')).status).toBe(404)
    expect((await get('images/default_picon.png')).status).toBe(200)
  })
})

describe('the ledger', () => {
  it('notices zaps and guide requests that overlap', async () => {
    await start({ web: { delayMs: 20 } })
    await Promise.all([
      api('epgservice', { sRef: first.ref }),
      api('epgservice', { sRef: radio.ref }),
      api('about'),
    ])
    await api('epgservice', { sRef: first.ref })
    await api('powerstate', { newstate: '5' })
    await api('zap', { sRef: first.ref })
    expect(receiver.requests).toMatchObject({
      webAtOnce: 3,
      epgOverlaps: 1,
      zaps: 2,
      web: { epgservice: 3, about: 1 },
    })
    expect(await (await get('demo/requests')).json()).toMatchObject({ zaps: 2 })
  })
})

describe('the writing', () => {
  it('is ASCII with escapes, and gzip on request', async () => {
    const text = await raw('/api/bouquets', { 'Accept-Encoding': 'gzip' })
    expect(text.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-encoding': 'gzip',
    })
    const plain = await raw('/api/bouquets', {})
    expect(plain.body).toContain('Kino & K\\u00fcche')
    expect((await raw('/web/bouquets', { 'Accept-Encoding': 'gzip' })).headers).not.toHaveProperty(
      'content-encoding',
    )
  })

  it('of Python 2 is on one line in another order, without result in guides', async () => {
    await start({ web: { dialect: 'A', isPython2: true, delayMs: 0 } })
    const { body } = await raw(`/api/epgservice?sRef=${first.ref}`, {})
    expect(body).not.toContain('\n')
    expect(body).toMatch(/^\{"events": \[\{"/)
    expect(body).toContain('\\u008a')
    expect(JSON.parse(body)).not.toHaveProperty('result')
    expect(rows((JSON.parse(body) as Loose).events)[1]).toMatchObject({
      tleft: expect.any(Number) as number,
      progress: expect.any(Number) as number,
    })
    expect((await raw('/api/getcurrent', {})).body).toContain('-1:3261684:0:')
  })

  it('of old images is Latin-1, of others short', async () => {
    await start({ web: { isLatin1: true, hasShortServices: true, delayMs: 0 } })
    const { headers, bytes } = await raw('/api/bouquets', {})
    expect(headers['content-type']).toBe('text/plain')
    expect(bytes.includes(Buffer.from('Küche', 'latin1'))).toBe(true)
    const list = rows((await api('getservices', { sRef: favourites })).services)
    expect(Object.keys(list[1]!)).toEqual(['servicereference', 'servicename'])
  })
})

/** A request without anything that fetch adds. */
function raw(
  path: string,
  headers: Record<string, string>,
): Promise<{ headers: Record<string, unknown>; body: string; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${receiver.webUrl}${path}`, { headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (chunk: Buffer) => parts.push(chunk))
      response.on('end', () => {
        const bytes = Buffer.concat(parts)
        resolve({ headers: response.headers, body: bytes.toString(), bytes })
      })
    })
    sent.on('error', reject).end()
  })
}
