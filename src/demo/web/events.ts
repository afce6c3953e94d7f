// The guide pages, with the many ways in which boxes write an event, and those in which they say there is none.
import { type Channel, referenceKey } from '../channels.ts'
import type { GuideEvent } from '../guide.ts'
import { isMarker } from '../lineup.ts'
import type { Box, Page } from './box.ts'
import type { Visit } from './server.ts'
import { element, escapeHtml, type Json, textElement, type WebStyle } from './style.ts'

/** One event of a list, or what stands in its place. */
interface Row {
  readonly ref: string
  readonly name: string
  readonly event: GuideEvent | 'nulls' | 'not-available' | 'zero-dates'
}

type Finder = (visit: Visit, box: Box) => { rows: Row[]; isFound: boolean }

const daySec = 86_400
const bouquetDepthSec = { A: 2 * daySec, B: 7 * daySec }
const searchLimit = 128
// Made once: making one takes longer than the rest of an event.
const zone = { timeZone: 'Europe/Berlin' }
const clockFormat = new Intl.DateTimeFormat('de-DE', { hour: '2-digit', minute: '2-digit', ...zone })
const dateFormat = new Intl.DateTimeFormat('de-DE', {
  weekday: 'short',
  day: '2-digit',
  month: '2-digit',
  year: 'numeric',
  ...zone,
})

export const epgservice = page(['sRef'], ({ query }, box) => {
  const channel = box.find(query.get('sRef') ?? '')
  return {
    rows: channel === undefined ? [] : during(channel, query, box, serviceDepthSec(box)),
    isFound: true,
  }
})

export const epgbouquet = page(['bRef'], ({ query }, box) => {
  const depth = bouquetDepthSec[box.style.dialect]
  return ofBouquet(query, box, ({ channel }) =>
    channel === undefined ? [] : during(channel, query, box, depth),
  )
})

export const epgnow = page(['bRef'], ({ query }, box) =>
  ofBouquet(query, box, (service) => nowNext(service, box).slice(0, 1)),
)
export const epgnext = page(['bRef'], ({ query }, box) =>
  ofBouquet(query, box, (service) => nowNext(service, box).slice(1, 2)),
)
export const epgnownext = page(['bRef'], ({ query }, box) =>
  ofBouquet(query, box, (service) => nowNext(service, box)),
)

export const epgservicenow = page(['sRef'], ({ query }, box) => ({
  rows: ofService(query, box).slice(0, 1),
  isFound: true,
}))
export const epgservicenext = page(['sRef'], ({ query }, box) => ({
  rows: ofService(query, box).slice(1, 2),
  isFound: true,
}))

export const epgsearch = page([], ({ query }, box) => ({ rows: search(query, box), isFound: true }))

/** Other showings of the same programme: a bare list. */
export const epgsimilar: Page = {
  needs: ['sRef', 'eventid'],
  json(visit, box) {
    const [found] = search(visit.query, box)
    if (found === undefined || typeof found.event === 'string') return []
    const alike = search(new URLSearchParams({ search: found.event.title }), box)
    return alike.map((row) => jsonRow(row, visit, box))
  },
  xml: (visit, box) => eventList(search(visit.query, box), box),
}

/** What is on now and next on a channel, as getcurrent and statusinfo need it. */
export function currentRows(channel: Channel, box: Box): Array<Record<string, Json>> {
  const visit: Visit = { page: 'getcurrent', format: 'json', query: new URLSearchParams(), host: '' }
  return nowNext({ ref: channel.ref, name: channel.name, channel }, box).map((row) =>
    jsonRow(row, visit, box),
  )
}

export function eventList(rows: readonly Row[], box: Box): string {
  return element('e2eventlist', ...rows.map((row) => xmlRow(row, box)))
}

/** Hour and minute as the box shows them to people. */
export function clock(unixSec: number): string {
  return clockFormat.format(unixSec * 1000)
}

function page(needs: readonly string[], find: Finder): Page {
  return {
    needs,
    json(visit, box) {
      const { rows, isFound } = find(visit, box)
      return {
        events: rows.map((row) => jsonRow(row, visit, box)),
        result: box.style.isPython2 ? undefined : isFound,
      }
    },
    xml: (visit, box) => eventList(find(visit, box).rows, box),
  }
}

interface Listed {
  readonly ref: string
  readonly name: string
  /** Undefined for markers and for what is no channel of ours. */
  readonly channel: Channel | undefined
}

function ofBouquet(
  query: URLSearchParams,
  box: Box,
  rowsOf: (service: Listed) => Row[],
): { rows: Row[]; isFound: boolean } {
  const ref = (query.get('bRef') ?? '').trim()
  const bouquet = box.bouquets().find((candidate) => candidate.ref === ref)
  const services = (bouquet?.rows ?? []).map((row) => ({
    ...row,
    channel: isMarker(row.ref) ? undefined : box.find(row.ref),
  }))
  return { rows: services.flatMap(rowsOf), isFound: bouquet !== undefined }
}

function ofService(query: URLSearchParams, box: Box): Row[] {
  const channel = box.find(query.get('sRef') ?? '')
  return channel === undefined ? [] : nowNext({ ref: channel.ref, name: channel.name, channel }, box)
}

/** A channel's events from `time` on. A timestamp as `endTime`, which is a span in minutes, gives nothing. */
function during(channel: Channel, query: URLSearchParams, box: Box, depth: number): Row[] {
  const absence = box.guide.absence(channel)
  if (absence !== undefined)
    return absence === 'empty' ? [] : [{ ref: channel.ref, name: channel.name, event: absence }]
  const from = whole(query.get('time'), -1)
  const begin = from > 0 ? from : box.now()
  const spanMin = whole(query.get('endTime'), -1)
  if (spanMin > 1e6) return []
  const end = spanMin > 0 ? begin + spanMin * 60 : begin + depth
  const events = box.guide.events(channel, begin, Math.min(end, box.now() + serviceDepthSec(box)))
  const rows = events.map((event) => ({ ref: channel.ref, name: channel.name, event }))
  if (!box.guide.isRepeated(channel)) return rows
  return rows.flatMap((row) => [row, { ...row, ref: row.ref.toLowerCase() }])
}

function serviceDepthSec({ guideDays }: Box): number {
  return guideDays * daySec
}

/** Rows of a service now and next: one each for markers too, as boxes do it. */
export function nowNext({ ref, name, channel }: Listed, box: Box): Row[] {
  const nothing: Row = { ref, name, event: 'nulls' }
  if (channel === undefined) return [nothing, nothing]
  const absence = box.guide.absence(channel)
  if (absence === 'empty') return []
  if (absence !== undefined) return [absence, absence].map((event) => ({ ref, name, event }))
  const now = box.now()
  const events = box.guide.events(channel, now, now + 86_400).slice(0, 2)
  return events.map((event) => ({ ref, name, event }))
}

function search(query: URLSearchParams, box: Box): Row[] {
  const text = (query.get('search') ?? '').toLowerCase()
  const id = whole(query.get('eventid'), -1)
  const ref = query.get('sRef')
  const now = box.now()
  const where = ref === null ? box.channels : box.channels.filter((channel) => channel === box.find(ref))
  const matches = ({ event }: { event: GuideEvent }): boolean =>
    id >= 0 ? event.id === id : text !== '' && event.title.toLowerCase().includes(text)
  return where
    .flatMap((channel) =>
      box.guide
        .events(channel, now, now + serviceDepthSec(box))
        .map((event) => ({ ref: channel.ref, name: channel.name, event })),
    )
    .filter(matches)
    .slice(0, searchLimit)
}

function jsonRow({ ref, name, event }: Row, { page: asked }: Visit, box: Box): Record<string, Json> {
  const { style } = box
  const sname = escapeHtml(name, style)
  const now = asked === 'epgsearch' ? null : timestampNow(asked, box)
  if (event === 'nulls') {
    const nothing = {
      id: null,
      begin_timestamp: null,
      duration_sec: null,
      title: null,
      shortdesc: null,
      longdesc: null,
    }
    return { ...nothing, sref: ref, sname, now_timestamp: null }
  }
  if (typeof event === 'string') {
    const none = { id: null, begin_timestamp: 0, duration_sec: 0, title: 'N/A', shortdesc: '', longdesc: '' }
    const dates: Record<string, Json> =
      event === 'zero-dates' ? { date: 0, begin: 0, end: 0, duration: 0 } : {}
    return { ...none, ...dates, sref: ref, sname, now_timestamp: 0, remaining: 0, genre: '', genreid: 0 }
  }
  const row: Record<string, Json> = {
    id: event.id,
    begin_timestamp: event.begin,
    duration_sec: event.durationSec,
    title: escapeHtml(withoutMarks(event.title), style),
    shortdesc: escapeHtml(description(event.short, style), style),
    longdesc: event.long === null ? null : escapeHtml(description(event.long, style), style),
    sref: ref,
    sname,
    now_timestamp: now,
  }
  if (asked === 'epgservice') addLocal(row, { ref, event }, box)
  else if (asked !== 'epgbouquet' && asked !== 'epgmulti')
    row.remaining = event.begin + event.durationSec - box.now()
  if (!style.isPython2 && event.genre !== undefined) {
    row.genre = event.genre.name
    row.genreid = event.genre.id
  }
  return row
}

/** What epgservice adds: times for people, and on old images how far the event has come. */
function addLocal(
  row: Record<string, Json>,
  { ref, event }: { ref: string; event: GuideEvent },
  box: Box,
): void {
  const end = event.begin + event.durationSec
  row.date = dateFormat.format(event.begin * 1000).replace(',', '')
  row.begin = clock(event.begin)
  row.end = clock(end)
  row.duration = Math.round(event.durationSec / 60)
  if (!box.style.isPython2) return
  row.picon = `/picon/${referenceKey(ref).replaceAll(':', '_')}.png`
  row.tleft = Math.round((end - Math.max(box.now(), event.begin)) / 60)
  row.progress = Math.round(((box.now() - event.begin) * 100) / event.durationSec)
}

/** Newer images of dialect A leave it 0 in epgservice. */
function timestampNow(asked: string, box: Box): number {
  return asked === 'epgservice' && box.style.dialect === 'A' && !box.style.isPython2 ? 0 : box.now()
}

function xmlRow({ ref, name, event }: Row, box: Box): string {
  if (typeof event === 'string') {
    const fields = [
      'e2eventid',
      'e2eventstart',
      'e2eventduration',
      'e2eventcurrenttime',
      'e2eventtitle',
      'e2eventdescription',
    ]
    const none = [...fields, 'e2eventdescriptionextended'].map((field) => textElement(field, null))
    return element(
      'e2event',
      ...none,
      textElement('e2eventservicereference', ref),
      textElement('e2eventservicename', name),
    )
  }
  const genre =
    event.genre === undefined
      ? []
      : [`<e2eventgenre id="${event.genre.id}">${event.genre.name}</e2eventgenre>`]
  return element(
    'e2event',
    textElement('e2eventid', event.id),
    textElement('e2eventstart', event.begin),
    textElement('e2eventduration', event.durationSec),
    textElement('e2eventcurrenttime', box.now()),
    textElement('e2eventtitle', withoutBreaks(event.title)),
    textElement('e2eventdescription', withoutBreaks(event.short)),
    textElement('e2eventdescriptionextended', event.long === null ? '' : withoutBreaks(event.long)),
    textElement('e2eventservicereference', ref),
    textElement('e2eventservicename', name),
    ...genre,
  )
}

/** Emphasis on and off leave a title; other controls stay in it. */
function withoutMarks(text: string): string {
  return text.replace(/[\u0086\u0087]/g, '')
}

function description(text: string, style: WebStyle): string {
  return style.isPython2 ? text : withoutMarks(text).replaceAll('\u008a', '\n')
}

/** XML loses the controls of DVB, so that lines run together; those of ASCII stay and break the document. */
function withoutBreaks(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, '')
}

/** What is no number is ignored. */
function whole(text: string | null, otherwise: number): number {
  return text !== null && /^-?\d+$/.test(text) ? Number(text) : otherwise
}
