// UDP 65001: tells clients that broadcast, or ask us, which devices are here and where.
import type { RemoteInfo, Socket } from 'node:dgram'
import { closeDatagrams, joinGroup, openDatagrams, reply, type ResponderOptions } from './datagrams.ts'
import type { Outcome } from './gate.ts'
import { parseInquiry, repliesTo } from './inquiry.ts'
import type { Opened } from './renewal.ts'

const groups6 = ['ff02::176', 'ff05::176'] // of this link, of this site

/** Answers from now on, over IPv4 and, where there is a network of it, IPv6. */
export async function openInquiries(options: ResponderOptions): Promise<Opened> {
  const families = ([4, 6] as const).filter((family) => family === 4 || options.links.of(6).length > 0)
  const opened = await Promise.all(families.map((family) => openFamily(family, options)))
  const sockets = opened.filter((socket) => socket !== undefined)
  return {
    async close() {
      await Promise.all(sockets.map(closeDatagrams))
    },
  }
}

/** The socket of one family; undefined where it cannot be had, which is logged. */
export async function openFamily(
  family: 4 | 6,
  { links, port, address, log, ...answering }: ResponderOptions,
): Promise<Socket | undefined> {
  try {
    const socket = await openDatagrams({
      family,
      port,
      address,
      log,
      onDatagram: (datagram, sender) => answering.count(answer(socket, datagram, sender, answering)),
    })
    if (family === 6) for (const group of groups6) joinGroup(socket, group, links.of(6), log)
    return socket
  } catch (err) {
    log.warn({ err, family, port }, 'clients do not find us by HDHomeRun discovery: UDP port not opened')
    return undefined
  }
}

function answer(
  socket: Socket,
  datagram: Buffer,
  sender: RemoteInfo,
  { host, gate }: Pick<ResponderOptions, 'host' | 'gate'>,
): Outcome {
  const inquiry = parseInquiry(datagram)
  if (inquiry === undefined) return 'ignored'
  const admitted = gate.admit(sender.address)
  if (typeof admitted === 'string') return admitted
  const replies = repliesTo(inquiry, host.devices, admitted.address)
  for (const packet of replies) reply(socket, packet, sender)
  return replies.length === 0 ? 'ignored' : 'answered'
}
