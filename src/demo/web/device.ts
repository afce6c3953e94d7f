// The pages about the box itself: what it is, what it is doing, its signal, power, timers, recordings, settings.
import { type Channel } from '../channels.ts'
import type { Box, Page } from './box.ts'
import { clock, currentRows } from './events.ts'
import { element, type Json, textElement } from './style.ts'

const model = {
  brand: 'xg2g',
  model: 'Demo 4K',
  boxtype: 'demo4k',
  machinebuild: 'demo4k',
  chipset: 'emulated',
}
const versions = { A: 'OWIF 1.3.5', B: 'OWIF 2.2.0' }
const bootedMs = Date.now()

export const about: Page = {
  json: (_visit, box) => ({ info: aboutInfo(box), service: currentService(box) }),
  xml(_visit, box) {
    const nims = box.tuners
      .list()
      .map(({ name }) => element('e2nim', textElement('name', name), textElement('type', tunerType)))
    const service = Object.entries(currentService(box)).map(([key, value]) =>
      textElement(`e2${key}`, scalar(value)),
    )
    return element(
      'e2abouts',
      element(
        'e2about',
        textElement('e2enigmaversion', '2026-01-01'),
        textElement('e2imageversion', 'demo'),
        textElement('e2webifversion', versions[box.style.dialect]),
        textElement('e2fpversion', null),
        textElement('e2model', model.model),
        element('e2tunerinfo', ...nims),
        ...service,
      ),
    )
  },
}

export const statusinfo: Page = {
  json: (_visit, box) => status(box),
  xml: (_visit, box) => flat('e2statusinfo', status(box)),
}

export const getcurrent: Page = {
  json(_visit, box) {
    const info = currentService(box)
    const [now, next] = box.tv === undefined ? [] : currentRows(box.tv, box)
    return { info, now: now ?? nothingOn(box), next: next ?? nothingOn(box) }
  },
  xml: (_visit, box) => element('e2currentserviceinformation', flat('e2service', currentService(box))),
}

export const tunersignal: Page = {
  json: (_visit, box) => ({ ...signal(box), inStandby: String(box.tv === undefined) }),
  xml(_visit, box) {
    const { snr, snr_db: snrDb, agc, ber } = signal(box)
    const fields = [
      textElement('e2snrdb', `${snrDb} dB`),
      textElement('e2snr', `${snr} %`),
      textElement('e2ber', ber),
      textElement('e2acg', `${agc} %`),
    ]
    return element('e2frontendstatus', ...fields)
  },
}

/** Read only: a new state is counted and not taken. */
export const powerstate: Page = {
  json: (_visit, box) => ({ result: true, instandby: box.tv === undefined }),
  xml: (_visit, box) => element('e2powerstate', textElement('e2instandby', box.tv === undefined)),
}

export const timerlist: Page = {
  json: () => ({ timers: [], result: true, locations: ['/media/hdd/movie/'] }),
  xml: () => element('e2timerlist'),
}

export const movielist: Page = {
  json: (visit) => ({
    movies: [],
    bookmarks: [],
    directory: visit.query.has('dirname') ? [] : '/media/hdd/movie/',
  }),
  xml: () => element('e2movielist'),
}

export const settings: Page = {
  json: (_visit, box) => ({ result: true, settings: settingRows(box) }),
  xml(_visit, box) {
    const rows = settingRows(box).map(([name, value]) =>
      element('e2setting', textElement('e2settingname', name), textElement('e2settingvalue', value)),
    )
    return element('e2settings', ...rows)
  },
}

const tunerType = 'Demo NIM (DVB-S2X)'

function aboutInfo(box: Box): Record<string, Json | undefined> {
  const { style } = box
  return {
    ...model,
    mem1: '906132 kB',
    mem2: '616396 kB',
    mem3: '616396 kB frei / 906132 kB insgesamt',
    uptime: uptime(),
    webifver: versions[style.dialect],
    imagedistro: 'demo',
    friendlyimagedistro: 'xg2g demo receiver',
    imagever: '1.0',
    oever: 'none',
    enigmaver: '2026-01-01',
    kernelver: '0.0.0',
    tuners: tunerRows(box),
    ifaces: [
      {
        name: 'eth0',
        mac: style.dialect === 'A' ? '00:00:00:00:00:00' : null,
        dhcp: true,
        ip: '127.0.0.1',
        mask: '255.0.0.0',
      },
    ],
    hdd: [],
    shares: [],
    transcoding: false,
    streams: style.dialect === 'B' ? streamRows(box) : undefined,
  }
}

/** `live` and `rec` are empty when idle; only dialect B has a text for streams. */
function tunerRows(box: Box): Json[] {
  return box.tuners.list().map(({ name, transponder, users }) => {
    const isTv = box.tv !== undefined && box.tv.transponder === transponder && users.includes(box.tv.name)
    const streams = users
      .filter((user) => user !== box.tv?.name)
      .map((user) => `${orbit(transponder ?? '')} / ${user}`)
    const live = isTv ? `${orbit(transponder)} / ${box.tv?.name}` : ''
    const row = { name, type: tunerType, live, rec: '' }
    return box.style.dialect === 'B' ? { ...row, stream: streams.join(', ') } : row
  })
}

function streamRows(box: Box): Json[] {
  const users = box.tuners.list().flatMap((tuner) => tuner.users)
  const streamed = users.filter((user) => user !== box.tv?.name)
  return streamed.map((name) => {
    const ref = box.channels.find((channel) => channel.name === name)?.ref ?? ''
    return { ref, name, eventname: '', ip: '127.0.0.1', type: 'S' }
  })
}

/** Where a transponder's namespace says it is. */
function orbit(transponder: string | undefined): string {
  const namespace = transponder?.split(':')[2] ?? ''
  if (namespace.startsWith('EEEE')) return 'DVB-T2'
  if (namespace.startsWith('FFFF')) return 'DVB-C'
  return '19.2° E'
}

function currentService(box: Box): Record<string, Json> {
  const { tv } = box
  if (tv === undefined) {
    const numbers = {
      width: 0,
      height: 0,
      apid: 0,
      vpid: 0,
      pcrpid: 0,
      pmtpid: 0,
      txtpid: 'N/A',
      tsid: 0,
      onid: 0,
      sid: 0,
    }
    return {
      result: false,
      name: '',
      namespace: '',
      aspect: 0,
      provider: '',
      ...numbers,
      ref: '',
      iswidescreen: false,
    }
  }
  const { programme } = tv
  return {
    result: true,
    name: tv.name,
    namespace: parseInt(tv.transponder.split(':')[2] ?? '0', 16),
    aspect: 3,
    provider: programme.provider,
    width: tv.isRadio ? 0 : 1920,
    height: tv.isRadio ? 0 : 1080,
    apid: programme.audio[0]?.pid ?? 'N/A',
    vpid: programme.video?.pid ?? 'N/A',
    pcrpid: programme.pcrPid,
    pmtpid: programme.pmtPid,
    txtpid: programme.teletextPid ?? 'N/A',
    tsid: programme.transportId,
    onid: programme.networkId,
    sid: programme.serviceId,
    ref: encodeURIComponent(tv.ref),
    iswidescreen: true,
  }
}

/** In standby old images show whatever lies in memory. */
function nothingOn(box: Box): Json {
  const garbage = box.style.isPython2
  return {
    id: garbage ? null : 0,
    begin_timestamp: 0,
    duration_sec: 0,
    title: garbage ? 'N/A' : '',
    shortdesc: '',
    longdesc: '',
    sref: garbage ? '-1:3261684:0:31CD08:A08B451C:2C832500:B53A8B40:0:0:1C52F4:' : '',
    sname: garbage ? '&lt;n/a&gt;' : '',
    now_timestamp: 0,
    remaining: 0,
  }
}

/** Booleans as strings, but for two of them; in standby most of it is missing. */
function status(box: Box): Record<string, Json> {
  const isStreaming = box.tuners.list().some(({ users }) => users.some((user) => user !== box.tv?.name))
  const common = {
    volume: 50,
    transcoding: false,
    currservice_filename: '',
    isRecording: 'false',
    isStreaming: String(isStreaming),
  }
  if (box.tv === undefined) {
    const none = {
      currservice_id: -1,
      currservice_name: 'N/A',
      currservice_begin: '',
      currservice_end: '',
      currservice_description: '',
    }
    return { ...common, muted: true, ...none, currservice_fulldescription: 'N/A', inStandby: 'true' }
  }
  return { ...common, muted: false, ...currentEvent(box.tv, box), inStandby: 'false' }
}

function currentEvent(tv: Channel, box: Box): Record<string, Json> {
  const [now] = currentRows(tv, box)
  const begin = Number(now?.begin_timestamp ?? 0)
  const end = begin + Number(now?.duration_sec ?? 0)
  return {
    currservice_id: now?.id ?? -1,
    currservice_name: now?.title ?? 'N/A',
    currservice_serviceref: tv.ref,
    currservice_station: tv.name,
    currservice_begin: clock(begin),
    currservice_begin_timestamp: begin,
    currservice_end: clock(end),
    currservice_end_timestamp: end,
    currservice_description: now?.shortdesc ?? '',
    currservice_fulldescription: `${plain(now?.title)}\n${clock(begin)} - ${clock(end)}\n\n${plain(now?.longdesc)}`,
  }
}

/** Empty strings without a service. */
function signal(box: Box): {
  tunertype: string
  tunernumber: number | string
  snr: number | string
  snr_db: number | string
  agc: number | string
  ber: number | string
} {
  if (box.tv === undefined) return { tunertype: '', tunernumber: '', snr: '', snr_db: '', agc: '', ber: '' }
  return { tunertype: 'DVB-S', tunernumber: 0, snr: 79, snr_db: 12.4, agc: 71, ber: 0 }
}

function settingRows(box: Box): Array<[string, string]> {
  const rows: Array<[string, string]> = [
    ['config.OpenWebif.auth', box.style.auth === 'basic' ? 'True' : 'False'],
    ['config.OpenWebif.auth_for_streaming', box.style.hasStreamAuth ? 'True' : 'False'],
    ['config.OpenWebif.streamport', String(box.ports.stream)],
  ]
  if (box.style.dialect === 'B')
    rows.push(['whitelist_streamrelay', box.hasRelay ? '/etc/enigma2/whitelist_streamrelay' : ''])
  return rows
}

function uptime(): string {
  const minutes = Math.floor((Date.now() - bootedMs) / 60_000)
  return `${Math.floor(minutes / 1440)}d ${Math.floor(minutes / 60) % 24}:${String(minutes % 60).padStart(2, '0')}`
}

function flat(name: string, values: Record<string, Json>): string {
  const prefix = name === 'e2service' ? 'e2' : ''
  return element(
    name,
    ...Object.entries(values).map(([key, value]) => textElement(`${prefix}${key}`, scalar(value))),
  )
}

function plain(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function scalar(value: Json | undefined): string | number | boolean | null {
  return typeof value === 'object' || value === undefined ? null : value
}
