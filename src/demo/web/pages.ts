// The web side put together: which page name leads where, who may see it, and the door for steering the demo.
import { type Channel, namesOf, referenceKey } from '../channels.ts'
import { type Fault, faultKinds, type Faults, parseFault } from '../faults.ts'
import { Guide } from '../guide.ts'
import type { Household } from '../household.ts'
import type { Ledger } from '../ledger.ts'
import { bouquetsOf, resolveReference } from '../lineup.ts'
import type { NowNext } from '../signal/playback.ts'
import type { EitEvent } from '../signal/tables.ts'
import type { Tuners } from '../tuners.ts'
import type { Box, Page } from './box.ts'
import * as device from './device.ts'
import * as events from './events.ts'
import { picon } from './picon.ts'
import type { Access, Answer, Visit, WebServerOptions } from './server.ts'
import * as services from './services.ts'
import * as status from './status.ts'
import { defaultStyle, formatJson, formatXml, type WebStyle } from './style.ts'

export type { WebStyle } from './style.ts'

export interface PagesOptions {
  readonly channels: readonly Channel[]
  readonly seed: number
  readonly style: Partial<WebStyle>
  readonly tuners: Tuners
  readonly ledger: Ledger
  readonly faults: Faults
  readonly household: Household
  readonly ports: { readonly stream: number; readonly relay: number }
  readonly hasRelay: boolean
  readonly guideDays: number
  readonly reboot: (ms: number) => void
}

const pages = new Map<string, Page>([
  ['bouquets', services.bouquets],
  ['getservices', services.getservices],
  ['getallservices', services.getallservices],
  ['serviceplayable', services.serviceplayable],
  ['servicelistplayable', services.servicelistplayable],
  ['epgservice', events.epgservice],
  ['epgbouquet', events.epgbouquet],
  ['epgmulti', events.epgbouquet],
  ['epgnow', events.epgnow],
  ['epgnext', events.epgnext],
  ['epgnownext', events.epgnownext],
  ['epgservicenow', events.epgservicenow],
  ['epgservicenext', events.epgservicenext],
  ['epgsearch', events.epgsearch],
  ['epgsimilar', events.epgsimilar],
  ['about', device.about],
  ['deviceinfo', device.deviceinfo],
  ['statusinfo', status.statusinfo],
  ['getcurrent', status.getcurrent],
  ['tunersignal', status.tunersignal],
  ['signal', status.tunersignal],
  ['powerstate', status.powerstate],
  ['getlocations', device.getlocations],
  ['gettags', device.gettags],
  ['timerlist', device.timerlist],
  ['movielist', device.movielist],
  ['settings', device.settings],
])

/** Pages that change what the box does: counted, answered, and without effect. */
const changes = ['zap', 'remotecontrol', 'vol', 'timeradd', 'timerdelete']
const rebootLimitMs = 600_000
const whitelistPath = '/etc/enigma2/whitelist_streamrelay'

export class Pages {
  private readonly options: PagesOptions
  private readonly style: WebStyle
  private readonly box: Box
  private readonly byKey: Map<string, Channel>

  constructor(options: PagesOptions) {
    this.options = options
    this.style = { ...defaultStyle, ...options.style }
    const { channels, tuners, household, ports, hasRelay, guideDays } = options
    this.byKey = new Map(channels.map((channel) => [referenceKey(channel.ref), channel]))
    this.box = {
      style: this.style,
      channels,
      guide: new Guide(options.seed),
      tuners,
      get tv() {
        return household.tv
      },
      get recordings() {
        return household.recordings
      },
      ports,
      hasRelay,
      guideDays,
      bouquets: () => bouquetsOf(channels, ports.stream),
      find: (ref) => this.byKey.get(referenceKey(this.resolve(ref))),
      now: () => Math.floor(Date.now() / 1000),
    }
  }

  /** The reference behind alternatives and relay entries. */
  resolve(ref: string): string {
    return resolveReference(ref, this.options.channels)
  }

  /** What the EIT of a channel says. */
  nowNext(channel: Channel): NowNext {
    return (unixSec) => {
      const [now, next] = this.box.guide.events(channel, unixSec, unixSec + 86_400)
      return [now && eitEvent(now), next && eitEvent(next)]
    }
  }

  /** May this Authorization header open a stream? */
  isStreamAllowed(authorization: string | undefined): boolean {
    return !this.style.hasStreamAuth || this.isKnown(authorization)
  }

  /** What the web server needs. */
  handlers(): Pick<WebServerOptions, 'access' | 'page' | 'file' | 'demo' | 'delayMs'> {
    return {
      delayMs: this.style.delayMs,
      access: (authorization) => this.access(authorization),
      page: (visit) => this.page(visit),
      file: (path, query) => this.file(path, query),
      demo: (method, path, body) => this.demo(method, path, body),
    }
  }

  private access(authorization: string | undefined): Access {
    if (this.style.auth === 'forbidden') return 'forbidden'
    return this.style.auth === 'off' || this.isKnown(authorization) ? 'granted' : 'unauthorised'
  }

  private isKnown(authorization: string | undefined): boolean {
    const [, encoded = ''] = /^Basic\s+(\S+)$/.exec(authorization ?? '') ?? []
    const login = Buffer.from(encoded, 'base64').toString()
    const { user, password, sessionId } = this.style
    return login === `${user}:${password}` || (sessionId !== undefined && login === `-sid:${sessionId}`)
  }

  private page(visit: Visit): Answer | undefined {
    if (visit.page === 'streamm3u') return services.streamPlaylist(visit, this.box)
    const newState = visit.query.get('newstate') ?? ''
    if (changes.includes(visit.page) || (visit.page === 'powerstate' && newState !== ''))
      this.options.ledger.zap()
    if (changes.includes(visit.page)) return formatJson({ result: true, message: 'Demo' }, this.style)
    const page = pages.get(visit.page)
    if (page === undefined || this.style.absent.includes(visit.page)) return undefined
    const missing = (page.needs ?? []).find((name) => (visit.query.get(name) ?? '') === '')
    if (missing !== undefined) return this.refusal(visit, missing)
    return visit.format === 'json'
      ? formatJson(page.json(visit, this.box), this.style)
      : formatXml(page.xml(visit, this.box))
  }

  /** A missing parameter is a 200 that says no; on the XML side the box breaks. */
  private refusal({ format }: Visit, name: string): Answer {
    const message = `Fehlender Parameter: ${name}`
    if (format === 'json') return formatJson({ result: false, message }, this.style)
    return { status: 500, type: 'text/html', body: Buffer.from(`<html><body>${message}</body></html>`) }
  }

  private file(path: string, query: URLSearchParams): Answer | undefined {
    if (path === '/file' && query.get('file') === whitelistPath && this.options.hasRelay) {
      return { type: 'text/plain', body: Buffer.from(services.relayWhitelist(this.box)) }
    }
    if (path === '/images/default_picon.png') return { type: 'image/png', body: picon('') }
    const key = /^\/picon\/([0-9A-Fa-f_]+)\.png$/.exec(path)?.[1]?.toUpperCase().replaceAll('_', ':')
    const channel = this.byKey.get(key ?? '')
    if (channel !== undefined && channel.kind !== 'absent-audio')
      return { type: 'image/png', body: picon(channel.name) }
    return path === '/'
      ? { type: 'text/html', body: Buffer.from('<html><title>Open Webif</title></html>') }
      : undefined
  }

  /** `/demo/faults`: GET lists them, POST adds one ({target, times, kind, ...}), DELETE clears.
   *  `/demo/reboot`: POST {ms}. `/demo/requests`: the counts. */
  private demo(method: string, path: string, body: string): Answer | undefined {
    const { channels, faults, ledger, reboot } = this.options
    if (path === '/demo/requests') return plainJson(ledger.read())
    if (path === '/demo/reboot' && method === 'POST') {
      const { ms } = fieldsOf(body)
      if (typeof ms !== 'number' || !(ms >= 0 && ms <= rebootLimitMs)) return expects('JSON with ms')
      return { ...plainJson({ ms }), after: () => reboot(ms) }
    }
    if (path !== '/demo/faults') return undefined
    if (method === 'DELETE') faults.clear()
    if (method === 'POST') {
      const order = parseOrder(body)
      if (order === undefined)
        return expects(`JSON with target, times, kind (${faultKinds.join(', ')}) and its numbers`)
      const { target } = order
      if (target !== '*' && !channels.some((channel) => namesOf(channel).includes(target)))
        return expects(`the kind, name or reference of a channel, or *, for target but received "${target}"`)
      faults.add(target, order.fault, order.times)
    }
    return plainJson(faults.list())
  }
}

function parseOrder(body: string): { target: string; fault: Fault; times: number | undefined } | undefined {
  const { target = '*', times, ...rest } = fieldsOf(body)
  const fault = parseFault(rest)
  if (fault === undefined || typeof target !== 'string') return undefined
  return { target, fault, times: typeof times === 'number' ? times : undefined }
}

function fieldsOf(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function expects(what: string): Answer {
  return { status: 400, type: 'text/plain', body: Buffer.from(`Expected ${what}\n`) }
}

function plainJson(value: unknown): Answer {
  return { type: 'application/json', body: Buffer.from(`${JSON.stringify(value, null, 2)}\n`) }
}

function eitEvent(event: {
  id: number | null
  begin: number
  durationSec: number
  title: string
  short: string
}): EitEvent {
  return {
    id: event.id ?? event.begin & 0xffff,
    begin: event.begin,
    durationSec: event.durationSec,
    title: event.title,
    text: event.short,
  }
}
