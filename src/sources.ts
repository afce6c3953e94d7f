// Where the daemon's streams come from: receivers, their addresses and tuners, and what a path stands for.
import type { Config } from './base/config.ts'
import { maskCredentials, type Logger } from './base/log.ts'
import { channelKeyOf } from './guide/channel.ts'
import type { Guide } from './guide/guide.ts'
import { createFeeds, type Made } from './plant.ts'
import { StreamAddresses } from './receiver/address.ts'
import { Budget } from './receiver/budget.ts'
import { OpenWebIf } from './receiver/client.ts'
import { Occupancy } from './receiver/occupancy.ts'
import { formatReference, referenceKey, type Reference } from './receiver/reference.ts'
import { findReference, urlPlace } from './receiver/service.ts'
import { Reception } from './receiver/signal.ts'
import { Receivers } from './stream/receivers.ts'
import { fixedService, receivedService, type Service } from './stream/service.ts'
import { Tuners } from './stream/tuners.ts'
import type { Streams, Tools } from './tools.ts'

/** All that streams come from. Opens no connection. */
export function openStreams(config: Config, { engines, refusal }: Made, tools: Tools): Streams {
  const { parts, live, found, log } = tools
  const addresses = addressesOf(config, config.owiBase, log)
  const receivers = receiversOf(config, addresses, tools)
  if (receivers !== undefined) {
    found.receivers = receivers
    parts.defer(() => receivers.close())
  }
  const feeds = createFeeds(engines, live, tools)
  found.feeds = feeds
  return { feeds, find: (path) => findStream(path, addresses, tools), receivers, refusal }
}

// What a path of the proxy port stands for: a channel of the lineup, one that is published, or any service
// reference.
function findStream(
  path: string,
  addresses: StreamAddresses,
  { found: { guide, receivers }, published }: Tools,
): Service | undefined {
  const key = channelKeyOf(path)
  const channel = key === undefined ? undefined : guide?.channel(key)
  if (key !== undefined && (channel === undefined || channel.ref === '')) return published.find(key)
  if (channel?.url !== undefined) return urlService(channel.name, channel.url)
  const reference = findReference(channel?.ref ?? path)
  if (reference === undefined) return undefined
  const name = channel?.name ?? nameOf(reference, guide)
  return receivers === undefined
    ? fixedService({
        name,
        key: keyOf(reference),
        locate: () => addresses.resolve(reference),
        forget: () => addresses.forget(reference),
      })
    : receivedService({ name, key: keyOf(reference), reference, receivers })
}

// A channel of the lineup that lies elsewhere (IPTV).
function urlService(name: string, url: string): Service {
  const place = urlPlace(url)
  return fixedService({ name, key: url, locate: () => Promise.resolve(place), forget: () => undefined })
}

// As the request names it, else as the receiver does.
function nameOf(reference: Reference, guide: Guide | undefined): string {
  return reference.name || guide?.channel(formatReference(reference))?.name || referenceKey(reference)
}

function keyOf(reference: Reference): string {
  return reference.kind === 'service' ? referenceKey(reference) : formatReference(reference)
}

function addressesOf(
  { owiUser: user, owiPass: password, owiTimeoutMs: timeoutMs, owiBase: first, proxyTarget }: Config,
  owiBase: string | undefined,
  log: Logger,
): StreamAddresses {
  const target = owiBase === first ? proxyTarget : undefined
  return new StreamAddresses({ owiBase, user, password, proxyTarget: target, timeoutMs, log })
}

// Does the stream server that is set belong to another machine than the receiver's OpenWebIF?
function isElsewhere({ owiBase, proxyTarget }: Config): boolean {
  const host = (address: string | undefined) => URL.parse(address ?? '')?.hostname
  return proxyTarget !== undefined && host(proxyTarget) !== host(owiBase)
}

// A stream port alone, without OpenWebIF, cannot be asked for its tuners.
function receiversOf(
  config: Config,
  addresses: StreamAddresses,
  { live, found, log, metrics, budget }: Tools,
): Receivers | undefined {
  const { owiBase: first, owiFallback, owiUser: user, owiPass: password, owiTimeoutMs: timeoutMs } = config
  if (first === undefined || isElsewhere(config)) return undefined
  const tunersOf = (owiBase: string): Tuners => {
    const shared = owiBase === first ? budget : new Budget()
    const client = new OpenWebIf({ owiBase, user, password, timeoutMs, budget: shared, log, metrics })
    const source = new Occupancy(client)
    if (owiBase === first) found.reception = new Reception(client, source)
    return new Tuners({
      source,
      get limit() {
        return live.current.tuners
      },
      get reserved() {
        return live.current.tunersReserved
      },
      log,
      metrics,
    })
  }
  const bases = [first, ...owiFallback.filter((base) => base !== first)]
  return new Receivers(
    bases.map((owiBase) => ({
      name: maskCredentials(owiBase),
      addresses: owiBase === first ? addresses : addressesOf(config, owiBase, log),
      tuners: tunersOf(owiBase),
    })),
  )
}
