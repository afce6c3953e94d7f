// The virtual HDHomeRun devices as a whole: what is kept of them, their port, and what other ports show of it.
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../base/config.ts'
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { formatListen, type Listen } from '../base/units.ts'
import type { Guide } from '../guide/guide.ts'
import type { Reception } from '../receiver/signal.ts'
import type { Feeds } from '../stream/feeds.ts'
import type { Receivers } from '../stream/receivers.ts'
import type { Service } from '../stream/service.ts'
import type { Profile } from '../workers/profile.ts'
import { Access } from './access.ts'
import { startDiscovery } from './discovery.ts'
import { Host } from './host.ts'
import type { Interfaces } from './links.ts'
import { Pages, type Page, type Visit } from './pages.ts'
import { DevicePort } from './port.ts'
import { Registry } from './registry.ts'

export interface VirtualTunerOptions {
  /** The configuration in effect. */
  readonly config: () => Config
  /** Where it is kept who the devices are. */
  readonly folder: string
  readonly feeds: Feeds
  /** The channel with a number. */
  readonly find: (number: string) => Service | undefined
  readonly profile: () => Profile
  /** Why sound cannot be changed. */
  readonly refusal?: AppError | undefined
  readonly guide: () => Guide | undefined
  readonly receivers: Receivers | undefined
  readonly reception: Reception | undefined
  /** Where a client who finds us at this host name finds guide and logos; no slash at the end. */
  readonly guideUrl: (hostname: string) => string
  readonly log: Logger
  readonly metrics: Metrics
}

/** A question that came in at another port. */
export type Question = Pick<Visit, 'name' | 'query'> & {
  readonly method: string
  readonly hostname: string
  /** The client's. */
  readonly address: string | undefined
}

export class VirtualTuner {
  readonly host: Host
  readonly access: Access
  readonly #options: VirtualTunerOptions
  readonly #pages: Pages
  readonly #port: DevicePort
  #listensAt = 0
  #discovery: { close(): Promise<void> } | undefined

  /** Opens the port and lets clients find it; undefined where it is switched off, or was not asked for and cannot be had.
   *  @throws what the system says against it */
  static async open(options: VirtualTunerOptions): Promise<VirtualTuner | undefined> {
    const { hdhrEnabled, hdhrListen, given } = options.config()
    if (!hdhrEnabled) return undefined
    const tuner = new VirtualTuner(options)
    try {
      tuner.#listensAt = (await tuner.#port.listen(hdhrListen)).port
    } catch (error) {
      if (given.includes('hdhrEnabled') || given.includes('hdhrListen')) throw error
      const reason = error instanceof Error ? error.message : String(error)
      const advice = 'XG2G_HDHR_LISTEN names another port, XG2G_HDHR_ENABLED=false none'
      options.log.warn({ listen: formatListen(hdhrListen), reason, advice }, 'no HDHomeRun tuner')
      return undefined
    }
    void tuner.host.look()
    await tuner.#makeKnown()
    return tuner
  }

  private constructor(options: VirtualTunerOptions) {
    const { config, folder, feeds, guide, receivers, reception, guideUrl, log } = options
    const { profile, find, refusal, metrics } = options
    this.#options = options
    const registry = Registry.open(join(folder, 'hdhomerun.json'), log)
    const port = () => this.#listensAt
    this.host = new Host({ settings: config, registry, feeds, guide, receivers, reception, port, log })
    this.access = new Access(() => config().hdhrNetworks)
    const audio = () => (config().enableAudioTranscoding ? config().audioCodec : undefined)
    this.#pages = new Pages({ host: this.host, registry, guide, audio, guideUrl })
    this.#port = new DevicePort({
      host: this.host,
      pages: this.#pages,
      access: this.access,
      feeds,
      find,
      profile,
      refusal,
      origin: () => config().hdhrBaseUrl,
      log,
      metrics,
    })
  }

  /** Where it listens. */
  get port(): number {
    return this.#listensAt
  }

  /** The page of the first device for those who look for it at another port: it leads to this one.
   *  @throws FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, NOT_READY */
  async answer({ method, name, query, hostname, address }: Question): Promise<Page> {
    this.access.admit(address)
    const device = this.host.find(undefined)
    if (device === undefined) throw new AppError('NOT_FOUND', { what: 'The device' })
    const origin = this.#options.config().hdhrBaseUrl ?? `http://${hostname}:${this.#listensAt}`
    return this.#pages.answer({ method, name, query, device, origin })
  }

  /** Says goodbye, takes no more requests; what has come is let out. */
  async close(): Promise<void> {
    await this.#discovery?.close()
    await this.#port.close()
  }

  async #makeKnown(): Promise<void> {
    const { config, log, metrics } = this.#options
    const { hdhrDiscovery, hdhrListen } = config()
    if (!hdhrDiscovery) return
    this.#discovery = await startDiscovery({
      host: this.host,
      isAllowed: (address) => this.access.allows(address),
      interfaces: () => interfacesAt(hdhrListen),
      log,
      metrics,
    })
  }
}

// The networks on which what listens there can be reached.
function interfacesAt({ host }: Listen): ReturnType<Interfaces> {
  const all = networkInterfaces()
  if (host === undefined || host === '::') return all
  const isOurs = ({ address, family }: NetworkInterfaceInfo) =>
    address === host || (host === '0.0.0.0' && family === 'IPv4')
  return Object.fromEntries(
    Object.entries(all).map(([name, addresses = []]) => [name, addresses.filter(isOurs)]),
  )
}
