// The pages about what the box is doing: what is on, its signal, power and status.
import type { Channel } from '../channels.ts'
import type { Box, Page } from './box.ts'
import { clock, currentRows, eventList, nowNext } from './events.ts'
import { element, type Json, textElement } from './style.ts'

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
  xml(_visit, box) {
    const { tv } = box
    const [now, next] =
      tv === undefined ? [[], []] : nowNext({ ref: tv.ref, name: tv.name, channel: tv }, box)
    const list = eventList([now, next].flat(), box)
    return element('e2currentserviceinformation', flat('e2service', currentService(box)), list)
  },
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

/** What the living room watches, as about and getcurrent tell it. */
export function currentService(box: Box): Record<string, Json> {
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
  const isStreaming = box.tuners.uses().some(({ uses }) => uses.some(({ purpose }) => purpose === 'stream'))
  const common = {
    volume: 50,
    transcoding: false,
    currservice_filename: '',
    isRecording: String(box.recordings.length > 0),
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

/** What fits between two tags. */
export function scalar(value: Json | undefined): string | number | boolean | null {
  return typeof value === 'object' || value === undefined ? null : value
}
