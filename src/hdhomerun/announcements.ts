// UDP 1900: announces the devices on each network of IPv4 and answers searches there (SSDP).
import type { RemoteInfo, Socket } from 'node:dgram'
import type { Logger } from '../base/log.ts'
import { closeDatagrams, joinGroup, openDatagrams, reply, type ResponderOptions } from './datagrams.ts'
import type { Device } from './device.ts'
import type { Outcome } from './gate.ts'
import type { Link } from './links.ts'
import type { Opened } from './renewal.ts'
import { alive, byebye, isSearch, maxAge, parseSearch, responsesTo, ssdpGroup } from './ssdp.ts'

interface Outlet {
  readonly link: Link
  readonly socket: Socket
}

const hops = 2
const mostWaiting = 256 // searches that wait for their answer
const againMs = (maxAge / 3) * 1000

/** Announces and answers from now on. */
export async function openAnnouncements(options: ResponderOptions): Promise<Opened> {
  const announcements = new Announcements(options)
  await announcements.open()
  return announcements
}

class Announcements implements Opened {
  readonly #options: ResponderOptions
  readonly #waiting = new Set<NodeJS.Timeout>()
  readonly #again: NodeJS.Timeout
  #outlets: readonly Outlet[] = []
  #receiver: Socket | undefined

  constructor(options: ResponderOptions) {
    this.#options = options
    this.#again = setInterval(() => void this.#say(alive), againMs).unref()
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
    await this.#say(alive)
  }

  async close(isLast: boolean): Promise<void> {
    clearInterval(this.#again)
    const receiver = this.#receiver
    this.#receiver = undefined
    if (receiver !== undefined) await closeDatagrams(receiver) // first: nobody is answered any more
    for (const timer of this.#waiting) clearTimeout(timer)
    if (isLast) await this.#say(byebye)
    await Promise.all(this.#outlets.map(({ socket }) => closeDatagrams(socket)))
  }

  // To the group, on each network.
  async #say(messages: (device: Device, address: string) => Buffer[]): Promise<void> {
    const { devices } = this.#options.host
    const sent = this.#outlets.flatMap((outlet) =>
      devices
        .flatMap((device) => messages(device, outlet.link.address))
        .map((text) => this.#send(outlet, text)),
    )
    await Promise.all(sent)
  }

  // What cannot be sent is said again later.
  #send({ link, socket }: Outlet, text: Buffer): Promise<void> {
    const { port, log } = this.#options
    return new Promise((resolve) =>
      socket.send(text, port, ssdpGroup, (err) => {
        if (err !== null) log.debug({ err, link }, 'announcement not sent')
        resolve()
      }),
    )
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
    this.#later(Math.random() * search.mostDelay * 1000, () => {
      for (const response of responses) if (this.#receiver) reply(this.#receiver, response, sender)
    })
    return 'answered'
  }

  #later(ms: number, step: () => void): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(timer)
      step()
    }, ms)
    this.#waiting.add(timer)
  }
}

// From our address on that network, to nowhere else. Undefined where that cannot be, which is logged.
async function openOutlet(link: Link, log: Logger): Promise<Outlet | undefined> {
  let socket: Socket | undefined
  try {
    socket = await openDatagrams({ family: 4, port: 0, address: link.address, log })
    socket.setMulticastInterface(link.address)
    socket.setMulticastTTL(hops)
    return { link, socket }
  } catch (err) {
    socket?.close()
    log.warn({ err, link }, 'devices are not announced on a network')
    return undefined
  }
}
