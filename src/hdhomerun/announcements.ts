// UDP 1900: announces the devices on each network of IPv4 and answers searches there (SSDP).
import type { RemoteInfo, Socket } from 'node:dgram'
import type { Logger } from '../base/log.ts'
import { closeDatagrams, joinGroup, openDatagrams, reply } from './datagrams.ts'
import type { Device, DeviceHost } from './device.ts'
import type { Count, Gate, Outcome } from './gate.ts'
import type { Link, Links } from './links.ts'
import type { Opened } from './renewal.ts'
import { alive, byebye, isSearch, maxAge, parseSearch, responsesTo, ssdpGroup } from './ssdp.ts'

export interface AnnouncementsOptions {
  readonly host: DeviceHost
  readonly gate: Gate
  readonly links: Links
  readonly port: number
  /** Where to listen for searches. Default everywhere. */
  readonly address?: string
  readonly log: Logger
  readonly count: Count
}

interface Outlet {
  readonly link: Link
  readonly socket: Socket
}

const hops = 2
const mostWaiting = 256 // searches that wait for their answer
const againMs = (maxAge / 3) * 1000

/** Announces and answers from now on. */
export async function openAnnouncements(options: AnnouncementsOptions): Promise<Opened> {
  const announcements = new Announcements(options)
  await announcements.open()
  return announcements
}

class Announcements implements Opened {
  readonly #options: AnnouncementsOptions
  readonly #waiting = new Set<NodeJS.Timeout>()
  readonly #again: NodeJS.Timeout
  #outlets: readonly Outlet[] = []
  #receiver: Socket | undefined

  constructor(options: AnnouncementsOptions) {
    this.#options = options
    this.#again = setInterval(() => void this.#announce(), againMs).unref()
  }

  async open(): Promise<void> {
    const { links, port, address, log } = this.#options
    try {
      const onDatagram = (datagram: Buffer, sender: RemoteInfo) => this.#receive(datagram, sender)
      this.#receiver = await openDatagrams({ family: 4, port, address, log, onDatagram })
      joinGroup(this.#receiver, ssdpGroup, links.of(4), log)
    } catch (err) {
      log.warn({ err, port }, 'searches by SSDP are not answered: UDP port not opened')
    }
    const outlets = await Promise.all(links.of(4).map((link) => openOutlet(link, log)))
    this.#outlets = outlets.filter((outlet) => outlet !== undefined)
    await this.#announce()
  }

  async close(isLast: boolean): Promise<void> {
    clearInterval(this.#again)
    for (const timer of this.#waiting) clearTimeout(timer)
    if (isLast) await this.#send(byebye)
    const sockets = this.#outlets.map(({ socket }) => socket)
    if (this.#receiver !== undefined) sockets.push(this.#receiver)
    await Promise.all(sockets.map(closeDatagrams))
  }

  #announce(): Promise<void> {
    return this.#send(alive)
  }

  // To the group, on each network. What cannot be sent is said again later.
  async #send(messages: (device: Device, address: string) => Buffer[]): Promise<void> {
    const { host, port, log } = this.#options
    const sent = this.#outlets.flatMap(({ link, socket }) =>
      host.devices
        .flatMap((device) => messages(device, link.address))
        .map((text) =>
          sendTo(socket, text, port).catch((err: unknown) =>
            log.debug({ err, link }, 'announcement not sent'),
          ),
        ),
    )
    await Promise.all(sent)
  }

  #receive(datagram: Buffer, sender: RemoteInfo): void {
    if (isSearch(datagram)) this.#options.count(this.#answer(datagram, sender))
  }

  // After a while of chance, since everybody else answers too.
  #answer(datagram: Buffer, sender: RemoteInfo): Outcome {
    const search = parseSearch(datagram)
    if (search === undefined) return 'ignored'
    const { host, gate } = this.#options
    const admitted = gate.admit(sender.address)
    if (typeof admitted === 'string') return admitted
    const responses = responsesTo(search, host.devices, admitted.address)
    if (responses.length === 0) return 'ignored'
    if (this.#waiting.size >= mostWaiting) return 'limited'
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer)
        for (const response of responses) if (this.#receiver) reply(this.#receiver, response, sender)
      },
      Math.random() * search.mostDelay * 1000,
    )
    this.#waiting.add(timer)
    return 'answered'
  }
}

// From our address on that network, to nowhere else. Undefined where that cannot be, which is logged.
async function openOutlet(link: Link, log: Logger): Promise<Outlet | undefined> {
  try {
    const socket = await openDatagrams({ family: 4, port: 0, address: link.address, log })
    socket.setMulticastInterface(link.address)
    socket.setMulticastTTL(hops)
    return { link, socket }
  } catch (err) {
    log.warn({ err, link }, 'devices are not announced on a network')
    return undefined
  }
}

function sendTo(socket: Socket, text: Buffer, port: number): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.send(text, port, ssdpGroup, (error) => (error === null ? resolve() : reject(error))),
  )
}
