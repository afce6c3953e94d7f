// What a device answers besides streams: who it is, what it has, what its tuners do. The same on every port.
import { AppError } from '../base/errors.ts'
import type { Guide } from '../guide/guide.ts'
import { element } from '../guide/markup.ts'
import { formatPlaylist } from '../guide/playlist.ts'
import { describe } from './description.ts'
import type { Device, TunerState } from './device.ts'
import type { Host } from './host.ts'
import { formatXml, lineupOf, streamPathOf } from './lineup.ts'
import type { Registry } from './registry.ts'
import { Scan } from './scan.ts'

/** One question. */
export interface Visit {
  readonly method: string | undefined
  /** As `discover.json`. */
  readonly name: string
  readonly query: URLSearchParams
  readonly device: Device
  /** Where the client finds the first device, such as `http://192.168.1.5:5004`; no slash at the end. */
  readonly origin: string
}

export interface Page {
  readonly type: string
  readonly body: string
}

export interface PagesOptions {
  readonly host: Host
  readonly registry: Registry
  readonly guide: () => Guide | undefined
  /** What sound is sent; undefined where it passes as it is. */
  readonly audio: () => 'aac' | 'mp3' | undefined
  /** Where a client who finds us at this host name finds guide and logos; no slash at the end. */
  readonly guideUrl: (hostname: string) => string
}

/** Of every page: clients of other origins may read it, nobody keeps it. */
export const pageHeaders = { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-cache' }

const xml = 'application/xml; charset=utf-8'
const nothing: Page = { type: 'text/plain; charset=utf-8', body: '' }

export class Pages {
  readonly #options: PagesOptions
  readonly #scan: Scan
  readonly #pages: Readonly<Record<string, (visit: Visit) => Page | Promise<Page>>>

  constructor(options: PagesOptions) {
    this.#options = options
    this.#scan = new Scan(() => this.#refresh())
    const description = ({ device, origin }: Visit) => ({
      type: xml,
      body: describe(device, baseOf(device, origin)),
    })
    this.#pages = {
      'discover.json': (visit) => this.#discover(visit),
      'lineup.json': (visit) => json(this.#lineup(visit)),
      'lineup.xml': (visit) => ({ type: xml, body: formatXml(this.#lineup(visit)) }),
      'lineup.m3u': (visit) => this.#playlist(visit),
      'lineup_status.json': (visit) => this.#scanning(visit),
      'status.json': async () => json((await this.#tuners()).map(statusOf)),
      'tuners.html': async ({ query }) => tunersPage(await this.#tuners(), query.get('page')),
      'device.xml': description,
      capability: description,
    }
  }

  /** The names of all pages. */
  get names(): string[] {
    return [...Object.keys(this.#pages), 'lineup.post']
  }

  /** @throws NOT_FOUND, METHOD_NOT_ALLOWED, NOT_READY, BAD_REQUEST */
  async answer(visit: Visit): Promise<Page> {
    const { method, name } = visit
    if (!this.names.includes(name)) throw new AppError('NOT_FOUND')
    if (method === 'POST' && /^lineup\.(?:post|json)$/.test(name)) return this.#take(visit)
    const page = this.#pages[name]
    if (page === undefined || (method !== 'GET' && method !== 'HEAD'))
      throw new AppError('METHOD_NOT_ALLOWED', { method })
    return page(visit)
  }

  async #discover({ device: { id }, origin }: Visit): Promise<Page> {
    const { host } = this.#options
    await host.look()
    const device = host.find(id)
    if (device === undefined) throw new AppError('NOT_FOUND', { what: 'The device' })
    const base = baseOf(device, origin)
    return json({
      FriendlyName: device.name,
      Manufacturer: 'Silicondust',
      ModelNumber: device.model,
      FirmwareName: 'hdhomerun5_dvbt',
      FirmwareVersion: device.firmware,
      DeviceID: device.id,
      DeviceAuth: device.auth,
      TunerCount: device.tuners,
      BaseURL: base,
      LineupURL: `${base}/lineup.json`,
      DiscoverURL: `${base}/discover.json`,
    })
  }

  #lineup({ device, origin }: Visit) {
    const { host, registry, audio } = this.#options
    return lineupOf(host.lineup(device), {
      base: baseOf(device, origin),
      audio: audio(),
      favourites: new Set(registry.kept.favourites),
    })
  }

  // As the playlist of the API port, with the device's own streams.
  #playlist({ device, origin }: Visit): Page {
    const { host, guideUrl } = this.#options
    const baseUrl = guideUrl(new URL(origin).hostname)
    const channels = host
      .lineup(device)
      .map((channel) => ({ ...channel, url: undefined, path: streamPathOf(channel) }))
    const streamBaseUrl = baseOf(device, origin)
    const body = formatPlaylist(channels, { baseUrl, streamBaseUrl, xmltvUrl: `${baseUrl}/xmltv.xml` })
    return { type: 'audio/x-mpegurl; charset=utf-8', body }
  }

  #scanning({ device }: Visit): Page {
    const progress = this.#scan.look()
    if (progress === undefined)
      return json({ ScanInProgress: 0, ScanPossible: 1, Source: 'Cable', SourceList: ['Cable'] })
    const found = Math.round((this.#options.host.lineup(device).length * progress) / 100)
    return json({ ScanInProgress: 1, Progress: progress, Found: found })
  }

  async #tuners(): Promise<readonly TunerState[]> {
    const { host } = this.#options
    await host.look()
    return host.tuners()
  }

  // What a client orders: a search, or a mark on a channel.
  #take({ query, device }: Visit): Page {
    const scan = query.get('scan')
    if (scan === 'start') this.#scan.start()
    else if (scan === 'abort') this.#scan.abort()
    const mark = /^([+ x-])(\d{1,9})$/.exec(query.get('favorite') ?? '') // a plus arrives as a blank
    if (mark !== null) this.#mark(device, mark[2] ?? '', mark[1] === '+' || mark[1] === ' ')
    return nothing
  }

  #mark(device: Device, number: string, isFavourite: boolean): void {
    const { host, registry } = this.#options
    const channel = host.lineup(device).find((each) => String(each.number) === number)
    if (channel === undefined) throw new AppError('NOT_FOUND', { what: `Channel ${number}` })
    const others = registry.kept.favourites.filter((id) => id !== channel.id)
    registry.keep({ favourites: isFavourite ? [...others, channel.id] : others })
  }

  #refresh(): void {
    const guide = this.#options.guide()
    if (guide?.status().refresh.isRunning === false) guide.refresh('channels')
  }
}

/** Where a device is for a client who finds the first one at `origin`. */
function baseOf({ path }: Device, origin: string): string {
  return origin + path
}

function json(value: unknown): Page {
  return { type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` }
}

function statusOf({ index, channel, target, bitrate, strength, quality, symbols }: TunerState): object {
  return {
    Resource: `tuner${index}`,
    ...(channel && { VctNumber: channel.number, VctName: channel.name }),
    ...(target !== undefined && { TargetIP: target }),
    ...(bitrate !== undefined && { NetworkRate: bitrate }),
    ...(strength !== undefined && { SignalStrengthPercent: strength }),
    ...(quality !== undefined && { SignalQualityPercent: quality }),
    ...(symbols !== undefined && { SymbolQualityPercent: symbols }),
  }
}

/** @param only  as `tuner0` */
function tunersPage(tuners: readonly TunerState[], only: string | null): Page {
  const shown = tuners.filter(({ index }) => only === null || only === `tuner${index}`)
  const rows = shown.flatMap((tuner) => {
    const { Resource: name = '', ...fields } = statusOf(tuner) as Record<string, string | number>
    const known = Object.entries(fields).length === 0 ? { Status: 'none' } : fields
    return Object.entries(known).map(([field, value]) =>
      [name, field, value].map((text) => element('td', String(text))),
    )
  })
  const table = rows.map((cells) => `<tr>${cells.join('')}</tr>\n`).join('')
  const body = `<!DOCTYPE html>\n<html lang="en"><title>Tuners</title><table>\n${table}</table></html>\n`
  return { type: 'text/html; charset=utf-8', body }
}
