// The virtual devices of this daemon: which there are, what each has in its lineup, and what the tuners do
// that all of them share. Everything is looked at when it is asked for.
import type { Config } from '../base/config.ts'
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Channel, Guide } from '../guide/guide.ts'
import type { Reception } from '../receiver/signal.ts'
import type { Feeds, WatchedService } from '../stream/feeds.ts'
import type { Receivers } from '../stream/receivers.ts'
import type { Device, DeviceHost, TunerState } from './device.ts'
import { divide, mostChannels, type Division, type Part, type Split } from './division.ts'
import { firmware, identityOf, model } from './identity.ts'
import { Rack, transponderOfKey } from './rack.ts'
import type { Registry } from './registry.ts'

export type HostSettings = Pick<
  Config,
  'hdhrDeviceId' | 'hdhrFriendlyName' | 'hdhrTuners' | 'hdhrSplit' | 'tuners' | 'tunersReserved'
>

export interface HostOptions {
  /** Those in effect. */
  readonly settings: () => HostSettings
  readonly registry: Registry
  readonly feeds: Pick<Feeds, 'watched'>
  /** Undefined while the daemon starts. */
  readonly guide: () => Guide | undefined
  /** Undefined where nobody can be asked for tuners. */
  readonly receivers: Pick<Receivers, 'list' | 'look'> | undefined
  readonly reception: Reception | undefined
  /** Where the devices are served. */
  readonly port: () => number
  readonly log?: Logger | undefined
}

const noChannels: readonly Channel[] = []
const usualTuners = 2 // where no receiver has ever told its own

export class Host implements DeviceHost {
  readonly rack: Rack
  readonly #options: HostOptions
  #divided: { channels: readonly Channel[]; split: Split; division: Division } | undefined
  #isCrowded = false

  constructor(options: HostOptions) {
    this.#options = options
    this.rack = new Rack({
      feeds: options.feeds,
      count: () => this.#count(),
      isLimit: () => options.settings().hdhrTuners !== 'auto',
    })
  }

  get devices(): readonly Device[] {
    return this.#parts().map((part) => this.#device(part))
  }

  /** The device at a base path, its id; the first one where it has none. */
  find(id: string | undefined): Device | undefined {
    const { devices } = this
    return id === undefined ? devices[0] : devices.find((device) => device.id === id.toUpperCase())
  }

  /** @throws NOT_READY before there is a lineup */
  lineup({ id }: Device): readonly Channel[] {
    this.checkReady()
    return this.#parts().find((part) => this.#device(part).id === id)?.channels ?? []
  }

  /** @throws NOT_READY before there is a lineup */
  checkReady(): void {
    const missing = this.#options.guide()?.isReady() ?? ['the guide']
    if (missing.length > 0) throw new AppError('NOT_READY', { what: 'The lineup', missing })
  }

  /** The same for all devices: they share them. */
  tuners(): readonly TunerState[] {
    return this.rack
      .list()
      .map(({ index, service }) =>
        service === undefined ? { index } : { index, ...this.#playing(service), ...this.#signal(service) },
      )
  }

  /** Asks the receivers what has not been asked lately. Fails never. */
  async look(): Promise<void> {
    const { receivers, reception, registry, log } = this.#options
    await Promise.all([receivers?.look(), reception?.look()])
    const { tuners: told } = registry.kept
    const tuners = this.#count()
    if (told === tuners) return
    registry.keep({ tuners })
    const advice = 'delete the device in Plex and add it again: clients remember how many it had'
    if (told !== undefined) log?.warn({ told, tuners, advice }, 'number of HDHomeRun tuners changed')
  }

  // What we may have at most at the same time, of all receivers.
  #count(): number {
    const { hdhrTuners, tuners, tunersReserved } = this.#options.settings()
    if (hdhrTuners !== 'auto') return hdhrTuners
    const limit = tuners === 'auto' ? Infinity : tuners
    const totals = this.#options.receivers?.list().map((receiver) => receiver.tuners.total) ?? [undefined]
    if (totals.includes(undefined)) return this.#options.registry.kept.tuners ?? usualTuners
    const usable = totals.map((total = 0) => Math.max(0, Math.min(limit, total - tunersReserved)))
    return usable.reduce((all, some) => all + some, 0)
  }

  #device({ index, name }: Part): Device {
    const { registry, settings, port } = this.#options
    const { hdhrDeviceId, hdhrFriendlyName } = settings()
    return {
      ...identityOf(hdhrDeviceId ?? registry.kept.id, index),
      name: name === undefined ? hdhrFriendlyName : `${hdhrFriendlyName} ${name}`,
      model,
      firmware,
      tuners: this.#count(),
      port: port(),
    }
  }

  #parts(): readonly Part[] {
    const channels = this.#options.guide()?.channels() ?? noChannels
    const { hdhrSplit: split } = this.#options.settings()
    if (this.#divided?.channels !== channels || this.#divided.split !== split) {
      this.#divided = { channels, split, division: this.#divide(channels, split) }
    }
    return this.#divided.division.parts
  }

  #divide(channels: readonly Channel[], split: Split): Division {
    const { registry, log } = this.#options
    const division = divide(channels, split, registry.kept)
    const { bouquets, channels: places } = division.places
    const isNew = (now: object, before: object) => Object.keys(now).length > Object.keys(before).length
    const moved = Object.entries(places).some(([id, index]) => registry.kept.channels[id] !== index)
    if (moved || isNew(bouquets, registry.kept.bouquets)) registry.keep({ bouquets, channels: places })
    const largest = Math.max(...division.parts.map((part) => part.channels.length))
    const isCrowded = largest > mostChannels
    if (isCrowded && !this.#isCrowded)
      log?.warn(
        { channels: largest, most: mostChannels },
        'more channels on one HDHomeRun device than clients show',
      )
    this.#isCrowded = isCrowded
    return division
  }

  #playing({ name, key, clients, bitrate }: WatchedService): Omit<TunerState, 'index'> {
    const guide = this.#options.guide()
    const known = guide?.channel(key) ?? guide?.channels().find((channel) => channel.name === name)
    const [target] = clients
    return {
      channel: { number: String(known?.number ?? ''), name },
      ...(target !== undefined && target !== '' && { target }),
      bitrate,
    }
  }

  // Receivers tell of the living room's tuner alone, which may be one of ours.
  #signal({ key }: WatchedService): Omit<TunerState, 'index'> {
    const received = this.#options.reception?.current
    return received !== undefined && received.transponder === transponderOfKey(key) ? received.signal : {}
  }
}
