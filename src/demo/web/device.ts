// The pages about the box itself: what it is made of, its tuners, timers, recordings and settings.
import type { Purpose, TunerUse } from '../tuners.ts'
import type { Box, Page } from './box.ts'
import { currentService, scalar } from './status.ts'
import { element, type Json, textElement } from './style.ts'

const model = {
  brand: 'xg2g',
  model: 'Demo 4K',
  boxtype: 'demo4k',
  machinebuild: 'demo4k',
  chipset: 'emulated',
}
const versions = { A: 'OWIF 1.3.5', B: 'OWIF 2.2.0' }
const recordings = '/media/hdd/movie/'
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

/** The shorter `about` that older clients ask for. */
export const deviceinfo: Page = {
  json: (_visit, box) => aboutInfo(box),
  xml(_visit, box) {
    const frontends = box.tuners
      .list()
      .map(({ name }) =>
        element('e2frontend', textElement('e2name', name), textElement('e2model', tunerType)),
      )
    return element(
      'e2deviceinfo',
      textElement('e2enigmaversion', '2026-01-01'),
      textElement('e2imageversion', '1.0'),
      textElement('e2distroversion', 'demo'),
      textElement('e2webifversion', versions[box.style.dialect]),
      textElement('e2devicename', model.model),
      element('e2frontends', ...frontends),
      element('e2network'),
      element('e2hdds'),
    )
  },
}

export const getlocations: Page = {
  json: () => ({ locations: [recordings], default: recordings }),
  xml: () => element('e2locations', textElement('e2location', recordings)),
}

export const gettags: Page = {
  json: () => ({ tags: [] }),
  xml: () => element('e2tags'),
}

export const timerlist: Page = {
  json: (_visit, box) => ({ timers: timerRows(box), result: true, locations: [recordings] }),
  xml(_visit, box) {
    const rows = timerRows(box).map((timer) =>
      element(
        'e2timer',
        ...Object.entries(timer).map(([key, value]) =>
          textElement(`e2${timerElements[key] ?? key}`, scalar(value)),
        ),
      ),
    )
    return element('e2timerlist', ...rows)
  },
}

export const movielist: Page = {
  json: (visit) => ({
    movies: [],
    bookmarks: [],
    directory: visit.query.has('dirname') ? [] : recordings,
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

const timerElements: Record<string, string> = {
  serviceref: 'servicereference',
  begin: 'timebegin',
  end: 'timeend',
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

/** The texts are empty when idle. Only dialect B has one for streams; A takes them for recordings, and
 *  names one only if it is the only one. */
function tunerRows(box: Box): Json[] {
  const rows = box.tuners.uses()
  const streamed = rows.flatMap(({ uses }) => namesOf(uses, 'stream'))
  return rows.map(({ name, transponder, uses }) => {
    const place = orbit(transponder)
    const [tv] = namesOf(uses, 'tv')
    const recorded = namesOf(uses, 'recording')
    const streams = namesOf(uses, 'stream')
    const live = tv === undefined ? '' : `${place} / ${tv}`
    const rec = recorded.length === 0 ? '' : `${place} / ${recorded.join(', ')}`
    const row = { name, type: tunerType, live, rec }
    if (box.style.dialect === 'B')
      return { ...row, stream: streams.map((label) => `${place} / ${label}`).join(', ') }
    const isStream = rec === '' && streams.length > 0
    return isStream ? { ...row, rec: `${place} / ${streamed.length === 1 ? streams[0] : ''}` } : row
  })
}

function streamRows(box: Box): Json[] {
  const streamed = box.tuners.uses().flatMap(({ uses }) => namesOf(uses, 'stream'))
  return streamed.map((name) => {
    const ref = box.channels.find((channel) => channel.name === name)?.ref ?? ''
    return { ref, name, eventname: '', ip: '127.0.0.1', type: 'S' }
  })
}

function namesOf(uses: readonly TunerUse[], purpose: Purpose): string[] {
  return uses.filter((use) => use.purpose === purpose).map(({ label }) => label)
}

/** The recordings that run: as timers in state 2, begun a minute ago. */
function timerRows(box: Box): Array<Record<string, Json>> {
  const begin = box.now() - 60
  return box.recordings.map(({ ref, name }) => ({
    serviceref: ref,
    servicename: name,
    name,
    begin,
    end: begin + 3600,
    duration: 3600,
    state: 2,
    disabled: 0,
    justplay: 0,
    repeated: 0,
  }))
}

/** Where a transponder's namespace says it is. */
function orbit(transponder: string | undefined): string {
  const namespace = transponder?.split(':')[2] ?? ''
  if (namespace.startsWith('EEEE')) return 'DVB-T2'
  if (namespace.startsWith('FFFF')) return 'DVB-C'
  return '19.2° E'
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
