// The HDHomeRun tuner of the whole daemon, with the demo receiver behind it.
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { isDeviceId } from '../../src/base/deviceid.ts'
import { createLog } from '../../src/base/log.ts'
import { startDaemon } from '../../src/daemon.ts'
import { identityOf } from '../../src/hdhomerun/identity.ts'
import { open } from '../e2e/house.ts'
import { ask, parse, read, viewer } from '../stream/viewers.ts'
import { openTuner, type LineupEntry, type TunerHouse } from './house.ts'
import { holdStream } from './replay.ts'

let house: TunerHouse
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(...options: Parameters<typeof openTuner>): Promise<TunerHouse> {
  house = await openTuner(...options)
  closers.push(() => house.close())
  return house
}

/** Watches a channel; resolves once it flows. */
async function watch(path: string) {
  const socket = viewer(house.port, path)
  closers.push(() => socket.destroy())
  const { status, headers, body } = parse(await read(socket, 100_000))
  socket.resume()
  return { status, headers, body, socket }
}

const apiAt = (path: string) => `http://127.0.0.1:${house.daemon.apiPort}${path}`
const tunerNames = async () =>
  ((await house.json('/status.json')) as { VctName?: string }[]).map(({ VctName }) => VctName)
const folderOf = () => {
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-tuner-'))
  closers.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('the pages', () => {
  it('tell one identity, on the port of the tuner and on that of the API', async () => {
    await start()
    const told = (await house.json('/discover.json')) as Record<string, string>
    expect(isDeviceId(told.DeviceID!)).toBe(true)
    expect(told).toMatchObject({
      FriendlyName: 'xg2g',
      TunerCount: 4,
      BaseURL: house.at(''),
      LineupURL: house.at('/lineup.json'),
    })
    expect(told.DeviceAuth).toHaveLength(24)
    expect(await (await fetch(apiAt('/discover.json'))).json()).toEqual(told)
    for (const path of ['/device.xml', '/capability']) {
      const text = await (await fetch(house.at(path))).text()
      expect(text).toContain(`<serialNumber>${told.DeviceID}</serialNumber>`)
      expect(await (await fetch(apiAt(path))).text()).toBe(text)
    }
  })

  it('say the same of channels on both ports, with streams of the tuner', async () => {
    await start()
    for (const path of [
      '/lineup.json',
      '/lineup.xml',
      '/lineup.m3u',
      '/lineup_status.json',
      '/status.json',
    ]) {
      const [ours, others] = await Promise.all([fetch(house.at(path)), fetch(apiAt(path))])
      expect([ours.status, others.status]).toEqual([200, 200])
      expect(others.headers.get('content-type')).toBe(ours.headers.get('content-type'))
      expect(await others.text()).toBe(await ours.text())
    }
  })

  it('may be read by other origins, are kept by nobody, and have no body for HEAD', async () => {
    await start()
    for (const at of [house.at, apiAt]) {
      const { headers } = await fetch(at('/lineup.json'))
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('cache-control')).toBe('no-cache')
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
      const head = await fetch(at('/lineup.json'), { method: 'HEAD' })
      expect([head.status, await head.text()]).toEqual([200, ''])
      expect((await fetch(at('/discover.json'), { method: 'POST' })).status).toBe(405)
    }
    expect((await fetch(house.at('/nonsense'))).status).toBe(404)
  })

  it('name the host by which the client came, or the address that is set', async () => {
    await start()
    const asked = await ask(house.port, '/discover.json', 'GET', { Host: 'nas.local:15004' })
    expect(JSON.parse(asked.body.toString())).toMatchObject({ BaseURL: 'http://nas.local:15004' })
    house.settings.XG2G_HDHR_BASE_URL = 'http://tv.example.org:5004'
    house.daemon.reload()
    expect(await house.json('/discover.json')).toMatchObject({ BaseURL: 'http://tv.example.org:5004' })
  })

  it('search for channels when they are told to', async () => {
    await start()
    const before = house.lines.length
    await fetch(house.at('/lineup.json?scan=start'), { method: 'POST' })
    const scan = async () => (await house.json('/lineup_status.json')) as Record<string, number>
    expect(await scan()).toEqual({ ScanInProgress: 1, Progress: 0, Found: 0 })
    expect(await scan()).toMatchObject({ Progress: 20 })
    await fetch(house.at('/lineup.post?scan=abort'), { method: 'POST' })
    expect(await scan()).toEqual({
      ScanInProgress: 0,
      ScanPossible: 1,
      Source: 'Cable',
      SourceList: ['Cable'],
    })
    expect(house.lines.slice(before).map(({ msg }) => msg)).not.toContain('request failed')
  })

  it('keep what a client marks', async () => {
    await start()
    const { GuideNumber: number } = house.lineup[0]!
    const favourites = async () =>
      ((await house.json('/lineup.json')) as { Favorite?: number }[]).map(({ Favorite }) => Favorite)
    await fetch(house.at(`/lineup.post?favorite=+${number}`), { method: 'POST' })
    expect(await favourites()).toEqual([1, ...house.lineup.slice(1).map(() => undefined)])
    await fetch(house.at(`/lineup.post?favorite=-${number}`), { method: 'POST' })
    expect(new Set(await favourites())).toEqual(new Set([undefined]))
  })
})

describe('the lineup', () => {
  it('joins with playlist and guide by number, and plays what it names', async () => {
    await start()
    const playlist = await (await fetch(apiAt('/playlist.m3u'))).text()
    const guide = await vi.waitFor(
      async () => {
        const answer = await fetch(apiAt('/xmltv.xml'))
        expect(answer.status).toBe(200)
        return await answer.text()
      },
      { timeout: 15_000 },
    )
    expect(new Set(house.lineup.map(({ GuideNumber }) => GuideNumber)).size).toBe(house.lineup.length)
    for (const { GuideNumber: number, GuideName: name } of house.lineup) {
      const id = new RegExp(
        `tvg-id="([^"]+)"[^\\n]*tvg-chno="${number}"[^\\n]*,${name.replace(/[()]/g, '\\$&')}\\n`,
      )
      const [, found] = id.exec(playlist)!
      expect(guide).toContain(`<channel id="${found!}">`)
      expect(guide.split(`<channel id="${found!}">`)[1]!.split('</channel>')[0]).toContain(
        `<display-name>${number}</display-name>`,
      )
    }
    const { socket } = await watch(house.pathOf('Nostalgie TV'))
    expect(await tunerNames()).toContain('Nostalgie TV')
    socket.destroy()
  })

  it('is not there before there is one', async () => {
    const early = await open({}, { XG2G_HDHR_ENABLED: 'true', XG2G_OWI_BASE: 'http://127.0.0.1:1' })
    closers.push(() => early.close())
    for (const path of ['/lineup.json', '/auto/v1']) {
      const { status, headers } = await ask(early.daemon.tunerPort!, path)
      expect([status, headers['x-hdhomerun-error']]).toEqual([503, '803 System Busy'])
      expect(headers['retry-after']).toMatch(/^\d+$/)
    }
    expect((await ask(early.daemon.tunerPort!, '/discover.json')).status).toBe(200)
  })
})

describe('a stream', () => {
  it('begins with tables, then sound and picture, and names its tuner', async () => {
    await start()
    const { status, headers, body } = await watch(house.pathOf('Nostalgie TV'))
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'video/mp2t',
      'x-hdhomerun-resource': 'tuner0',
      connection: 'close',
    })
    expect(headers).not.toHaveProperty('content-length')
    holdStream(body, 'GET')
  })

  it('is one for all who watch the channel, on one tuner, from whichever port', async () => {
    await start({ streams: ['mpeg2', 'h264-1080i'] })
    const path = house.pathOf('Nostalgie TV')
    const proxied = viewer(house.proxyPort, `/${house.ref('mpeg2')}`)
    closers.push(() => proxied.destroy())
    await read(proxied, 1000)
    const both = await Promise.all([watch(path), watch(path.replace('/auto/', '/tuner3/'))])
    expect(both.map(({ headers }) => headers['x-hdhomerun-resource'])).toEqual(['tuner0', 'tuner0'])
    expect(await tunerNames()).toEqual(['Nostalgie TV', undefined, undefined, undefined])
    expect(house.demo.requests.streamsNow).toBe(1)
  })

  it('opens no tuner for HEAD, and ignores a range', async () => {
    await start()
    const path = house.pathOf('Nostalgie TV')
    const head = await ask(house.port, path, 'HEAD')
    expect([head.status, head.headers['content-type'], head.body.length]).toEqual([200, 'video/mp2t', 0])
    expect(house.demo.requests.streams).toEqual({})
    const ranged = await ask(house.port, `${path}?duration=1`, 'GET', { Range: 'bytes=0-' })
    expect(ranged.status).toBe(200)
    expect(ranged.headers).not.toHaveProperty('content-range')
    expect(ranged.body.length).toBeGreaterThan(10_000)
  })

  it('says why it is none, in the words of such devices', async () => {
    await start({ streams: ['mpeg2'] })
    const path = house.pathOf('Nostalgie TV')
    const faultOf = async (asked: string) => {
      const { status, headers } = await ask(house.port, asked)
      return [status, headers['x-hdhomerun-error']]
    }
    expect(await faultOf('/auto/v999')).toEqual([404, '801 Unknown Channel'])
    expect(await faultOf('/auto/ch555000000-1')).toEqual([404, '801 Unknown Channel'])
    expect(await faultOf('/tuner9/v1')).toEqual([404, '801 Unknown Channel'])
    for (const profile of ['heavy', 'mobile', 'internet240', 'x'])
      expect(await faultOf(`${path}?transcode=${profile}`)).toEqual([400, '802 Unknown Transcode Profile'])
    expect(await faultOf(`${path}?duration=x`)).toEqual([400, undefined])
    house.demo.faults.add('mpeg2', { kind: 'refuse' })
    expect(await faultOf(path)).toEqual([502, '806 Tune Failed'])
    expect(await ask(house.port, `${path}?transcode=none&duration=x`)).toMatchObject({ status: 400 })
  })

  it('is refused on a tuner that plays another channel, not on one that is idle', async () => {
    await start({ streams: ['mpeg2', 'h264-1080i'] })
    const [one, other] = [house.pathOf('Nostalgie TV'), house.pathOf('Erstes Testbild HD')]
    const { headers } = await watch(one.replace('/auto/', '/tuner2/'))
    expect(headers['x-hdhomerun-resource']).toBe('tuner2')
    const refused = await ask(house.port, other.replace('/auto/', '/tuner2/'))
    expect([refused.status, refused.headers['x-hdhomerun-error']]).toEqual([503, '804 Tuner In Use'])
    expect(refused.body.toString()).toContain('tuner2 plays another channel: Nostalgie TV')
    expect((await watch(other.replace('/auto/', '/tuner0/'))).headers['x-hdhomerun-resource']).toBe('tuner0')
  })
})

describe('the tuners', () => {
  const streams = ['mpeg2', 'h264-1080i', 'latm', 'radio-mp2'] as const

  it('are refused when all are in use, before the receiver is asked for a stream', async () => {
    await start({ streams: [...streams], tuners: 2 })
    await watch(house.pathOf('Nostalgie TV'))
    await watch(house.pathOf('Erstes Testbild HD'))
    const asked = house.demo.requests.streams
    const { status, headers } = await ask(house.port, house.pathOf('Küstenkanal'))
    expect([status, headers['x-hdhomerun-error']]).toEqual([503, '805 All Tuners In Use'])
    expect(headers['retry-after']).toMatch(/^\d+$/)
    expect(house.demo.requests.streams).toEqual(asked)
  })

  it('are as many as the receiver has and none is reserved of, and no more than that can be watched', async () => {
    await start({ streams: [...streams], tuners: 3 }, { XG2G_TUNERS_RESERVED: '1' })
    expect(await house.json('/discover.json')).toMatchObject({ TunerCount: 2 })
    expect(await tunerNames()).toHaveLength(2)
    await watch(house.pathOf('Nostalgie TV'))
    await watch(house.pathOf('Erstes Testbild HD'))
    expect((await ask(house.port, house.pathOf('Küstenkanal'))).status).toBe(503)
  })

  it('are as many as are set, at the tuner', async () => {
    await start({ streams: [...streams] }, { XG2G_HDHR_TUNERS: '1' })
    expect(await house.json('/discover.json')).toMatchObject({ TunerCount: 1 })
    await watch(house.pathOf('Nostalgie TV'))
    const { headers } = await ask(house.port, house.pathOf('Küstenkanal'))
    expect(headers['x-hdhomerun-error']).toBe('805 All Tuners In Use')
  })

  it('are counted in the log when their number is another than clients were told', async () => {
    const folder = folderOf()
    await start({ streams: ['mpeg2'] }, { XG2G_DATA: folder })
    const { DeviceID: id } = (await house.json('/discover.json')) as { DeviceID: string }
    house.settings.XG2G_TUNERS_RESERVED = '1'
    house.daemon.reload()
    expect(await house.json('/discover.json')).toMatchObject({ DeviceID: id, TunerCount: 3 })
    const changes = house.lines.filter(({ msg }) => msg === 'number of HDHomeRun tuners changed')
    expect(changes).toMatchObject([{ level: 'warn', told: 4, tuners: 3 }])
    await house.close()
    closers.pop()
    await start({ streams: ['mpeg2'] }, { XG2G_DATA: folder })
    expect(await house.json('/discover.json')).toMatchObject({ DeviceID: id, TunerCount: 4 })
  })

  it('show what they play, for whom, and how well the living room receives it', async () => {
    await start({ streams: ['mpeg2', 'h264-1080i'], tv: 'mpeg2' })
    await watch(house.pathOf('Erstes Testbild HD'))
    await watch(house.pathOf('Nostalgie TV'))
    expect(await house.json('/status.json')).toEqual([
      {
        Resource: 'tuner0',
        VctNumber: house.pathOf('Erstes Testbild HD').slice('/auto/v'.length),
        VctName: 'Erstes Testbild HD',
        TargetIP: '127.0.0.1',
        NetworkRate: expect.any(Number) as number,
      },
      {
        Resource: 'tuner1',
        VctNumber: house.pathOf('Nostalgie TV').slice('/auto/v'.length),
        VctName: 'Nostalgie TV',
        TargetIP: '127.0.0.1',
        NetworkRate: expect.any(Number) as number,
        SignalStrengthPercent: 71,
        SignalQualityPercent: 79,
        SymbolQualityPercent: 100,
      },
      { Resource: 'tuner2' },
      { Resource: 'tuner3' },
    ])
    const page = await (await fetch(house.at('/tuners.html?page=tuner1'))).text()
    expect(page).toContain('<td>tuner1</td><td>SignalQualityPercent</td><td>79</td>')
    expect(page).not.toContain('tuner0')
  })
})

describe('XG2G_HDHR_SPLIT', () => {
  it('makes a device of each bouquet, with an id, a path and channels of its own', async () => {
    await start({ streams: ['mpeg2', 'h264-1080i', 'radio-mp2'] }, { XG2G_HDHR_SPLIT: 'bouquets' })
    const first = (await house.json('/discover.json')) as Record<string, string>
    const { channels } = (await (await fetch(apiAt('/api/v1/channels'))).json()) as {
      channels: { number: number; groups: string[] }[]
    }
    const bouquets = [...new Set(channels.map(({ groups }) => groups[0]))]
    expect(bouquets.length).toBeGreaterThan(1)
    expect(first.FriendlyName).toBe(`xg2g ${bouquets[0]!}`)
    const devices = bouquets.map((_, index) => identityOf(first.DeviceID!, index))
    const listed = await Promise.all(
      devices.map(async ({ id, path }) => {
        expect(await house.json(`${path}/discover.json`)).toMatchObject({
          DeviceID: id,
          BaseURL: house.at(path),
          LineupURL: house.at(`${path}/lineup.json`),
        })
        return (await house.json(`${path}/lineup.json`)) as LineupEntry[]
      }),
    )
    expect(listed.map((entries) => entries.map(({ GuideNumber }) => Number(GuideNumber)))).toEqual(
      bouquets.map((bouquet) =>
        channels.filter(({ groups }) => groups[0] === bouquet).map(({ number }) => number),
      ),
    )
    const { URL: url } = listed[1]![0]!
    expect((await watch(new URL(url).pathname)).status).toBe(200)
    expect((await ask(house.port, '/00000000/discover.json')).status).toBe(404)
  })
})

describe('a lineup of more than 480 channels', () => {
  it('is on two devices', async () => {
    await start({ streams: ['mpeg2', 'h264-1080i'], atLeast: 600 })
    expect(house.lineup).toHaveLength(480)
    const { DeviceID: id } = (await house.json('/discover.json')) as { DeviceID: string }
    const { id: second, path } = identityOf(id, 1)
    expect(await house.json(`${path}/discover.json`)).toMatchObject({
      DeviceID: second,
      FriendlyName: 'xg2g 2',
    })
    const rest = (await house.json(`${path}/lineup.json`)) as LineupEntry[]
    expect(rest.length).toBeGreaterThan(100)
    const numbers = [...house.lineup, ...rest].map(({ GuideNumber }) => GuideNumber)
    expect(new Set(numbers).size).toBe(numbers.length)
  }, 60_000)
})

describe('XG2G_HDHR_NETWORKS', () => {
  it('shuts out who is in none of them, on both ports', async () => {
    await start({ streams: ['mpeg2'] })
    house.settings.XG2G_HDHR_NETWORKS = '10.0.0.0/8'
    house.daemon.reload()
    for (const url of [house.at('/discover.json'), apiAt('/discover.json'), house.at('/auto/v1')]) {
      const answer = await fetch(url)
      expect(answer.status).toBe(403)
      expect(await answer.text()).toContain('127.0.0.1 is in none of the networks of XG2G_HDHR_NETWORKS')
    }
  })
})

describe('XG2G_HDHR_ENABLED', () => {
  it('switches the tuner off', async () => {
    const off = await open({ streams: ['mpeg2'] }, { XG2G_HDHR_ENABLED: 'false' })
    closers.push(() => off.close())
    expect(off.daemon.tunerPort).toBeUndefined()
    expect((await fetch(`http://127.0.0.1:${off.daemon.apiPort}/discover.json`)).status).toBe(404)
  })

  it('streams also where the proxy port is switched off', async () => {
    await start({ streams: ['mpeg2'] }, { XG2G_ENABLE_STREAM_PROXY: 'false' })
    expect(house.daemon.proxyPort).toBeUndefined()
    expect((await watch(house.pathOf('Nostalgie TV'))).status).toBe(200)
  })
})

describe('XG2G_HDHR_DEVICE_ID and XG2G_HDHR_FRIENDLY_NAME', () => {
  it('are what clients see', async () => {
    await start(
      { streams: ['mpeg2'] },
      { XG2G_HDHR_DEVICE_ID: '1038f5a6', XG2G_HDHR_FRIENDLY_NAME: 'Wohn & Co' },
    )
    expect(await house.json('/discover.json')).toMatchObject({
      DeviceID: '1038F5A6',
      FriendlyName: 'Wohn & Co',
    })
    expect(await (await fetch(house.at('/device.xml'))).text()).toContain('Wohn &amp; Co')
  })
})

describe('XG2G_HDHR_LISTEN', () => {
  it('is done without when it is taken and nobody has asked for it', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    closers.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const folder = folderOf()
    const env = { XG2G_UDS_PATH: 'off', XG2G_LISTEN: '127.0.0.1:0', XG2G_PROXY_LISTEN: '127.0.0.1:0' }
    const config = loadConfig({ env: { ...env, XG2G_OWI_BASE: 'http://127.0.0.1:1', XG2G_DATA: folder } })
    const hdhrListen = { host: '127.0.0.1', port }
    const daemon = await startDaemon({ ...config, hdhrListen }, { log: createLog('silent') })
    closers.push(() => daemon.close())
    expect(daemon.tunerPort).toBeUndefined()
    expect((await fetch(`http://127.0.0.1:${daemon.apiPort}/healthz`)).status).toBe(200)
  })

  it('stops the start when it was set and is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    closers.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const failing = open(
      { streams: ['mpeg2'] },
      { XG2G_HDHR_ENABLED: 'true', XG2G_HDHR_LISTEN: `127.0.0.1:${port}` },
    )
    await expect(failing).rejects.toThrow('EADDRINUSE')
  })
})

describe('a daemon that stops', () => {
  it('lets out what has come and ends the streams', async () => {
    await start({ streams: ['mpeg2'] })
    const { socket } = await watch(house.pathOf('Nostalgie TV'))
    const ended = once(socket, 'close')
    await house.close()
    closers.splice(0)
    await ended
  })
})
