// The pages about services: bouquets, their content, whether a service can be played, and where its stream is.
import { referenceKey } from '../channels.ts'
import {
  type Bouquet,
  isMarker,
  isRelayed,
  programNumber,
  resolveReference,
  type ServiceRow,
} from '../lineup.ts'
import type { Box, Page } from './box.ts'
import type { Answer, Visit } from './server.ts'
import { element, escapeHtml, type Json, textElement } from './style.ts'

export const bouquets: Page = {
  json: (visit, box) => ({ bouquets: listed(visit, box).map(({ ref, name }) => [ref, name]) }),
  xml: (visit, box) =>
    element('e2bouquetlist', ...listed(visit, box).map((row) => serviceElement('e2bouquet', row))),
}

export const getservices: Page = {
  json(visit, box) {
    const rows = contentOf(visit.query.get('sRef') ?? '', visit, box)
    if (box.style.hasShortServices) return { services: rows.map(shortRow) }
    const { services, pos } = numbered(rows, visit, box)
    return { result: true, processingtime: processingTime(box), pos, services }
  },
  xml(visit, box) {
    const rows = contentOf(visit.query.get('sRef') ?? '', visit, box)
    return element('e2servicelist', ...rows.map((row) => serviceElement('e2service', row, '\n')))
  },
}

export const getallservices: Page = {
  json(visit, box) {
    let pos = 0
    const services = allOf(visit, box).map(({ ref, name, rows }) => {
      const inner = numbered(rows, visit, box, pos)
      pos = inner.pos
      return { servicereference: ref, servicename: name, subservices: inner.services }
    })
    return { result: true, processingtime: processingTime(box), services }
  },
  xml(visit, box) {
    const rows = allOf(visit, box).map((bouquet) => {
      if (bouquet.rows.length === 0) return serviceElement('e2service', bouquet, '\n')
      const inner = element('e2servicelist', ...bouquet.rows.map((row) => serviceElement('e2service', row)))
      return element('e2bouquet', ...serviceFields(bouquet, '\n'), inner)
    })
    return element('e2servicelistrecursive', ...rows)
  },
}

export const serviceplayable: Page = {
  needs: ['sRef'],
  json: ({ query }, box) => ({
    result: true,
    service: playable(query.get('sRef') ?? '', box, query.get('sRefPlaying') ?? ''),
  }),
  xml({ query }, box) {
    const ref = query.get('sRef') ?? ''
    return element(
      'e2serviceplayable',
      textElement('e2servicereference', ref),
      textElement('e2isplayable', isPlayable(ref, box, query.get('sRefPlaying') ?? '')),
    )
  },
}

export const servicelistplayable: Page = {
  needs: ['sRef'],
  json: (visit, box) => ({
    result: true,
    services: contentOf(visit.query.get('sRef') ?? '', visit, box).map(({ ref }) => playable(ref, box)),
  }),
  xml(visit, box) {
    const rows = contentOf(visit.query.get('sRef') ?? '', visit, box)
    const elements = rows.map(({ ref }) =>
      element(
        'e2serviceplayable',
        textElement('e2servicereference', ref),
        textElement('e2isplayable', isPlayable(ref, box)),
      ),
    )
    return element('e2servicelistplayable', ...elements)
  },
}

/** The address of a stream. */
export function streamPlaylist({ query, host }: Visit, box: Box): Answer {
  const { style } = box
  const asked = unquote(query.get('ref') ?? '') // the box unquotes once more than HTTP does
  const ref = resolveReference(asked, box.channels)
  const isPhone = query.get('device') === 'phone'
  const name = query.get('name') ?? ''
  const programme = isPhone ? [] : [`#EXTVLCOPT:program=${programNumber(ref)}`]
  const lines = [
    '#EXTM3U ',
    '#EXTVLCOPT:http-reconnect=true ',
    `#EXTINF:-1,${name}`,
    ...programme,
    streamAddress(ref, host, box, isPhone),
  ]
  const type = style.dialect === 'A' ? 'application/x-mpegurl' : 'application/vnd.apple.mpegurl'
  return { type, body: Buffer.from(`${lines.join('\n')}\n`) }
}

function streamAddress(ref: string, host: string, box: Box, isPhone: boolean): string {
  const own = /^\d+:(?:[^:]*:){9}(https?:\/\/.*)$/i.exec(ref)?.[1]
  if (own !== undefined) return own
  const { style, ports } = box
  const channel = box.find(ref)
  const isByRelay = style.dialect === 'B' && box.hasRelay && channel !== undefined && isRelayed(channel)
  if (isByRelay) return `http://${host}:${ports.relay}/${ref}`
  const login =
    style.sessionId === undefined ? `${style.user}:${style.password}@` : `-sid:${style.sessionId}@`
  const size = isPhone ? '?bitrate=1500000?width=1280?height=720?aspectratio=2?interlaced=0' : ''
  return `http://${style.auth === 'basic' ? login : ''}${host}:${ports.stream}/${ref}${size}`
}

/** `/etc/enigma2/whitelist_streamrelay`. */
export function relayWhitelist(box: Box): string {
  const refs = box.channels.filter(isRelayed).map(({ ref, name }) => `${ref} # ${name}`)
  return ['# one service a line', ...refs, ''].join('\n')
}

function playable(ref: string, box: Box, playing = ''): Json {
  return { servicereference: ref, isplayable: isPlayable(ref, box, playing) }
}

/** @param playing  a service that would be left for it; '' for none */
function isPlayable(ref: string, box: Box, playing = ''): boolean {
  const channel = box.find(ref)
  return channel !== undefined && box.tuners.fits(channel.transponder, box.find(playing)?.transponder)
}

function listed({ query }: Visit, box: Box): Bouquet[] {
  return box.bouquets().filter(({ isRadio }) => isRadio === (query.get('stype') === 'radio'))
}

/** Any value of `type` means radio in dialect A. */
function allOf({ query }: Visit, box: Box): Bouquet[] {
  const type = query.get('type')
  const wantsRadio = box.style.dialect === 'A' ? type !== null : type === 'radio'
  return box.bouquets().filter(({ isRadio }) => isRadio === wantsRadio)
}

/** The rows of a bouquet; the bouquets themselves without a reference; nothing for an unknown one. */
function contentOf(ref: string, visit: Visit, box: Box): readonly ServiceRow[] {
  if (ref === '') return listed(visit, box)
  if (ref.startsWith('1:134:')) return box.channels.slice(0, 1)
  return box.bouquets().find((bouquet) => bouquet.ref === ref.trim())?.rows ?? []
}

/** Hidden markers are left out unless asked for. */
function numbered(
  rows: readonly ServiceRow[],
  { query, page }: Visit,
  box: Box,
  from = 0,
): { services: Array<Record<string, Json>>; pos: number } {
  let pos = from
  const isHidden = (ref: string): boolean => (Number(ref.split(':')[1]) & 512) !== 0
  const shown = rows.filter(({ ref }) => query.get('hidden') === '1' || !isHidden(ref))
  const services = shown.map(({ ref, name }) => {
    const isCounted = !isMarker(ref)
    if (isCounted) pos++
    const row: Record<string, Json> = {
      pos: isCounted ? pos : 0,
      servicename: page === 'getallservices' ? name : escapeHtml(name, box.style),
      servicereference: ref,
      program: programNumber(ref),
    }
    if (query.has('picon'))
      row.picon = isCounted ? `/picon/${referenceKey(ref).replaceAll(':', '_')}.png` : false
    if (query.has('provider')) row.provider = box.find(ref)?.programme.provider ?? ''
    if (box.style.dialect === 'B') row.startpos = isCounted ? pos : 0
    return row
  })
  return { services, pos }
}

function shortRow({ ref, name }: ServiceRow): Json {
  return { servicereference: ref, servicename: name }
}

/** Old images do not tell. */
function processingTime(box: Box): string | undefined {
  return box.style.isPython2 ? undefined : '0:00:00.001651'
}

/** @param edge  some images put the reference on a line of its own */
function serviceElement(name: string, row: ServiceRow, edge = ''): string {
  return element(name, ...serviceFields(row, edge))
}

function serviceFields({ ref, name }: ServiceRow, edge: string): string[] {
  return [textElement('e2servicereference', `${edge}${ref}${edge}`), textElement('e2servicename', name)]
}

function unquote(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
