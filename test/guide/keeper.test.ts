import { once } from 'node:events'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/base/metrics.ts'
import { Store } from '../../src/guide/store.ts'
import { generationMs } from '../demo/client.ts'
import { house, readXmltv, type House } from './house.ts'

let home: House
beforeEach(async () => {
  home = await house()
}, generationMs)
afterEach(() => home[Symbol.asyncDispose]())

const now = (): number => Math.floor(Date.now() / 1000)

describe('Guide.refresh', () => {
  it('brings channels, programmes and a document, one question at a time', async () => {
    const guide = home.open()
    expect(guide.isReady()).toEqual(['no channels yet'])
    const result = await guide.refresh('all').done
    expect(result).toMatchObject({ isComplete: true, channels: 13, fetched: 13, failed: 0, error: undefined })
    expect(guide.isReady()).toEqual([])
    expect(home.box.requests).toMatchObject({ webAtOnce: 1, epgOverlaps: 0, zaps: 0 })
    expect(home.box.requests.web).toMatchObject({ epgservice: 13, getservices: 6 })
    expect(await guide.xmltv()).toBeDefined()
  })

  it('keeps channels only: no markers, inputs, hidden ones or names that are none, each once', async () => {
    const guide = home.open()
    await guide.refresh('channels').done
    const channels = guide.channels()
    expect(new Set(channels.map(({ id }) => id)).size).toBe(channels.length)
    expect(channels.map(({ number }) => number)).toEqual(channels.map((_, index) => index + 1))
    expect(channels.map(({ name }) => name)).toContain('Testbild (Alternativen)')
    expect(channels.filter(({ isRadio }) => isRadio).map(({ name }) => name)).toEqual([
      'Radio Nordlicht',
      'Klangraum+',
    ])
    expect(guide.channels({ isRadio: true })).toHaveLength(2)
    expect(channels[0]).toMatchObject({
      id: '1-0-19-132F-3EF-1-C00000.enigma2',
      name: 'Erstes Testbild HD',
      ref: '1:0:19:132F:3EF:1:C00000:0:0:0:',
      groups: ['Favourites (TV)', 'Kino & Küche', 'Sonderlinge'],
      isHd: true,
    })
    expect(guide.groups()).toEqual(['Favourites (TV)', 'Kino & Küche', 'Sonderlinge', 'Favourites (Radio)'])
  })

  it('takes bouquets by name or reference, in order, and names those that are missing', async () => {
    const radio = '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.favourites.radio" ORDER BY bouquet'
    const guide = home.open({ bouquets: [radio, 'kino & küche', 'Fehlt'] })
    await guide.refresh('channels').done
    expect(guide.channels()[0]).toMatchObject({ name: 'Radio Nordlicht', number: 1 })
    expect(guide.groups()).toEqual(['Favourites (Radio)', 'Kino & Küche'])
    expect(guide.status().lineup).toMatchObject({
      missingBouquets: ['Fehlt'],
      availableBouquets: expect.arrayContaining(['Favourites (TV)']) as unknown,
    })
  })

  it('is refused while one runs', async () => {
    const guide = home.open()
    const job = guide.refresh('all')
    expect(guide.status().refresh.isRunning).toBe(true)
    expect(() => guide.refresh('channels')).toThrow(
      expect.objectContaining({
        code: 'REFRESH_RUNNING',
        status: 409,
        details: { retryAfterS: expect.any(Number) as unknown },
      }) as Error,
    )
    await job.done
    await guide.refresh('channels').done
  })

  it('tells how far it is', async () => {
    const guide = home.open()
    const stages = new Set<string>()
    guide.on('progress', ({ stage, done, total }) => {
      stages.add(stage)
      expect(done).toBeLessThanOrEqual(total)
    })
    await guide.refresh('all').done
    expect([...stages]).toEqual(['channels', 'now', 'guide', 'xmltv'])
  })

  it('counts what it did', async () => {
    const metrics = createMetrics()
    const guide = home.open({ metrics }, { metrics })
    await guide.refresh('all').done
    const text = await metrics.registry.metrics()
    expect(text).toMatch(/^xg2g_channels 13$/m)
    expect(text).toMatch(/^xg2g_epg_refresh_duration_seconds_count 1$/m)
    expect(text).toMatch(/^xg2g_receiver_requests_total\{result="answered"\} [1-9]/m)
  })
})

describe('Guide after a restart', () => {
  it('serves at once what it had, and asks for the lineup alone', async () => {
    const before = home.open()
    await before.refresh('all').done
    const [channels, document] = [before.channels(), await readXmltv(before, 'http://a')]
    await before.close()
    home.box.resetRequests()

    const guide = home.open({ schedule: {} })
    expect(guide.isReady()).toEqual([])
    expect(guide.channels()).toEqual(channels)
    expect(await readXmltv(guide, 'http://a')).toBe(document)
    expect(guide.nowNext().get(channels[0]!.id)?.now).toBeDefined()
    await once(guide, 'refresh')
    expect(Object.keys(home.box.requests.web).sort()).toEqual(['bouquets', 'getservices'])
  })

  it('keeps numbers when the lists are in another order', async () => {
    const before = home.open()
    await before.refresh('channels').done
    const numbers = new Map(before.channels().map(({ id, number }) => [id, number]))
    await before.close()
    const guide = home.open({ bouquets: ['Favourites (Radio)', 'Kino & Küche', 'Sonderlinge'] })
    await guide.refresh('channels').done
    expect(guide.channels()[0]!.name).toBe('Radio Nordlicht')
    for (const { id, number } of guide.channels()) expect(number).toBe(numbers.get(id))
  })
})

describe('Guide when the receiver is away', () => {
  it('serves the last good state, says so, and recovers by itself', async () => {
    const before = home.open()
    await before.refresh('all').done
    await before.close()
    const away = home.box.faults.reboot(400)
    const guide = home.open({ schedule: { retryMs: 50 } })
    const [status] = (await once(guide, 'receiver')) as unknown[]
    expect(status).toMatchObject({ state: 'unreachable', isReachable: false })
    expect(guide.channels()).toHaveLength(13)
    expect(guide.isReady()).toEqual([])
    expect(guide.status().receiver.lastError?.code).toBe('RECEIVER_UNREACHABLE')
    await away
    for (;;) {
      const [result] = (await once(guide, 'refresh')) as [{ isComplete: boolean }]
      if (result.isComplete) break
    }
    expect(guide.status().receiver.state).toBe('ok')
  })

  it('has nothing to serve at the first start, and says why', async () => {
    const guide = home.open({}, { owiBase: 'http://127.0.0.1:1' })
    expect(await guide.refresh('all').done).toMatchObject({
      isComplete: false,
      error: 'RECEIVER_UNREACHABLE',
    })
    expect(guide.isReady()[0]).toMatch(/^no channels yet: The receiver cannot be reached/)
    expect(await guide.xmltv()).toBeUndefined()
  })
})

describe('Guide.programmes', () => {
  it('are sorted, do not overlap, and have neither entities nor controls', async () => {
    const guide = home.open({ days: 3 })
    await guide.refresh('all').done
    let count = 0
    for (const { id } of guide.channels()) {
      const list = guide.programmes(id, 0, 2 ** 40)
      for (const [index, { start, stop, title, description = '' }] of list.entries()) {
        expect(stop).toBeGreaterThan(start)
        expect(start).toBeGreaterThanOrEqual(list[index - 1]?.stop ?? 0)
        expect(start).toBeLessThan(now() + 3 * 86_400)
        expect(title + description).not.toMatch(
          /&(amp;amp|#x27|quot);|[\u0000-\u0009\u000b-\u001f\u0080-\u009f]/,
        )
      }
      count += list.length
    }
    expect(guide.status().guide).toMatchObject({
      programmes: count,
      channelsWithData: expect.any(Number) as unknown,
    })
    expect(count).toBeGreaterThan(100)
  })

  it('say what is on now and next on every channel that has a guide', async () => {
    const guide = home.open()
    await guide.refresh('all').done
    const at = now()
    const list = guide.nowNext(at)
    expect(list.size).toBe(13)
    const first = list.get('1-0-19-132F-3EF-1-C00000.enigma2')!
    expect(first.now!.start).toBeLessThanOrEqual(at)
    expect(first.now!.stop).toBeGreaterThan(at)
    expect(first.next!.start).toBeGreaterThanOrEqual(first.now!.stop)
    expect(list.get(guide.channel('Klangraum+')?.id ?? '1-0-A-6F51-446-1-C00000.enigma2')).toEqual({})
  })

  it('are found by words, the last one perhaps not complete', async () => {
    const guide = home.open()
    await guide.refresh('all').done
    const found = guide.search('kuche rez')
    expect(found.length).toBeGreaterThan(0)
    for (const { title } of found) expect(title).toBe('Küche ohne Rezept')
    expect(found.map(({ start }) => start)).toEqual(found.map(({ start }) => start).sort((a, b) => a - b))
    expect(guide.search('" OR * NEAR(')).toEqual([])
    expect(guide.search('')).toEqual([])
    expect(guide.search('der', { limit: 3 })).toHaveLength(3)
  })
})

describe('Guide.channel', () => {
  it('is found by id, number and reference', async () => {
    const guide = home.open()
    await guide.refresh('channels').done
    const [first] = guide.channels()
    for (const text of [first!.id, '1', first!.ref, first!.ref.toLowerCase(), `${first!.ref}:Name`])
      expect(guide.channel(text)).toBe(first)
    for (const text of ['', '0', '999999', '1:0:1:', 'x', '../x']) expect(guide.channel(text)).toBeUndefined()
  })
})

describe('Guide.xmltv', () => {
  it('is the same compressed and plain, and keeps its ETag while nothing changes', async () => {
    const guide = home.open()
    await guide.refresh('all').done
    const document = (await guide.xmltv('http://a'))!
    const plain = await buffer(document.open('identity'))
    expect(gunzipSync(await buffer(document.open('gzip')))).toEqual(plain)
    await guide.refresh('all').done
    expect((await guide.xmltv('http://a'))!.etag).toBe(document.etag)
    expect((await guide.xmltv('http://b'))!.etag).not.toBe(document.etag)
    expect((await buffer((await guide.xmltv('http://b'))!.open('identity'))).toString()).toContain(
      '<icon src="http://b/picons/1-0-19-132F-3EF-1-C00000.enigma2.png"/>',
    )
  })
})

describe('Guide.picon', () => {
  it('comes from the receiver once, and the knowledge that there is none as well', async () => {
    const guide = home.open()
    await guide.refresh('channels').done
    const id = '1-0-19-132F-3EF-1-C00000.enigma2'
    const [one, two] = await Promise.all([guide.picon(id), guide.picon(id)])
    expect(one).toMatchObject({ type: 'image/png' })
    expect(two).toBe(one)
    expect((await guide.picon(id))!.etag).toBe(one!.etag)
    const none = guide.channels().find(({ name }) => name === 'Große Pläne')!
    expect(await guide.picon(none.id)).toBeUndefined()
    expect(await guide.picon(none.id)).toBeUndefined()
    const asked = Object.entries(home.box.requests.web).filter(([page]) => page.startsWith('/picon/'))
    expect(asked.map(([, count]) => count)).toEqual([1, 1])
    expect(await guide.picon('../../etc/passwd')).toBeUndefined()
  })

  it.each([
    [undefined, false],
    ['a folder of logos', true],
  ])('may be there with %s, where the receiver named none: %s', async (piconFolder, mayBe) => {
    const guide = home.open()
    await guide.refresh('channels').done
    const store = Store.open(join(home.dataDir, 'guide.sqlite'))
    store.setLineup(guide.channels().map((channel) => ({ ...channel, picon: false, piconPath: '' })))
    store.close()
    const [channel] = home.open({ piconFolder }).channels()
    expect(channel!.picon).toBe(mayBe)
  })
})

describe('Guide.invite', () => {
  const guest = {
    id: 'party-0a1b2c3d.published',
    number: 9001,
    name: 'Party',
    ref: '',
    path: '/stream/party-0a1b2c3d.published',
    groups: ['Published'],
    isRadio: false,
    isHd: false,
    picon: false,
  }
  const options = { baseUrl: 'http://a', streamBaseUrl: 'http://b:8001', xmltvUrl: 'http://a/xmltv.xml' }

  it('puts channels behind the lineup until others, or none, are invited', async () => {
    const guide = home.open()
    await guide.refresh('channels').done
    const told: number[] = []
    guide.on('lineup', ({ channels }) => told.push(channels))
    guide.invite([guest])
    expect(guide.channels().at(-1)).toEqual(guest)
    expect([guide.channel('9001'), guide.channel(guest.id)]).toEqual([guest, guest])
    expect(guide.groups().at(-1)).toBe('Published')
    const entry = guide.playlist(options).trim().split('\n').slice(-2)
    expect(entry[0]).toMatch(/tvg-id="party-0a1b2c3d\.published".*,Party$/)
    expect(entry[1]).toBe('http://b:8001/stream/party-0a1b2c3d.published')
    await guide.refresh('channels').done
    expect(guide.channel(guest.id)).toEqual(guest)
    guide.invite([])
    expect(guide.channel(guest.id)).toBeUndefined()
    expect(told).toEqual([14, 13])
  })

  it('leaves a number to the receiver’s channel that has it', async () => {
    const guide = home.open()
    await guide.refresh('channels').done
    guide.invite([{ ...guest, number: 1 }])
    expect(guide.channel('1')?.name).toBe('Erstes Testbild HD')
    expect(guide.channel(guest.id)?.number).toBe(1)
  })
})
