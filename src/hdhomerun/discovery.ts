// How clients find the devices and ask about them: HDHomeRun discovery and control on port 65001, SSDP. Main
// thread. A port that cannot be had is reported, and the others serve all the same.
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { openAnnouncements } from './announcements.ts'
import { Control } from './control.ts'
import type { DeviceHost } from './device.ts'
import { Gate, type Count } from './gate.ts'
import { openInquiries } from './inquiries.ts'
import { Limiter } from './limiter.ts'
import { Links, type Interfaces } from './links.ts'
import { Renewal } from './renewal.ts'

export interface DiscoveryOptions {
  readonly host: DeviceHost
  /** Who may know of the devices. */
  readonly isAllowed: (address: string) => boolean
  /** The networks to be found on. Default all. */
  readonly interfaces?: Interfaces
  /** Of HDHomeRun discovery and control. Default 65001, the only one that clients know. */
  readonly port?: number
  /** Default 1900, likewise. */
  readonly ssdpPort?: number
  readonly log: Logger
  readonly metrics?: Pick<Metrics, 'discoveryRequests'>
  /** How often it is looked for other networks, ms. Default 5000. */
  readonly pollMs?: number
}

/** Requests by one sender and by all. A client asks a few times a second at most. */
const inquiryRate = { sender: { burst: 20, perSecond: 10 }, total: { burst: 200, perSecond: 200 } }
const controlRate = { sender: { burst: 200, perSecond: 100 }, total: { burst: 1000, perSecond: 500 } }

/** Makes the devices known from now on. close() says that they go. */
export async function startDiscovery(options: DiscoveryOptions): Promise<{ close(): Promise<void> }> {
  const { host, isAllowed, port = 65001, ssdpPort = 1900, log, metrics, pollMs = 5000 } = options
  const links = new Links({ read: options.interfaces, pollMs })
  const countFor =
    (protocol: 'discover' | 'control' | 'ssdp'): Count =>
    (outcome) =>
      metrics?.discoveryRequests.inc(protocol, outcome)
  const gate = () => new Gate({ links, isAllowed, limiter: new Limiter(inquiryRate) })
  const [inquiryGate, searchGate] = [gate(), gate()]
  const control = new Control({
    host,
    isAllowed,
    limiter: new Limiter(controlRate),
    log,
    count: countFor('control'),
  })
  const inquiries = new Renewal(
    links,
    () => openInquiries({ host, gate: inquiryGate, links, port, log, count: countFor('discover') }),
    log,
  )
  const announcements = new Renewal(
    links,
    () => openAnnouncements({ host, gate: searchGate, links, port: ssdpPort, log, count: countFor('ssdp') }),
    log,
  )
  const listening = control.listen(port).catch((err: unknown) => {
    log.warn({ err, port }, 'clients cannot ask devices what they are: TCP port not opened')
  })
  await Promise.all([listening, inquiries.renew(), announcements.renew()])
  log.info({ devices: host.devices.map(({ id }) => id), port, ssdpPort }, 'devices made known')
  return {
    async close() {
      links.close()
      await Promise.all([control.close(), inquiries.close(), announcements.close()])
    },
  }
}
