// UDP sockets that share their port with other programs of this machine, listen to groups, and answer.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Logger } from '../base/log.ts'
import type { DeviceHost } from './device.ts'
import type { Count, Gate } from './gate.ts'
import type { Link, Links } from './links.ts'

/** What answers datagrams with what it knows of the devices. */
export interface ResponderOptions {
  readonly host: DeviceHost
  readonly gate: Gate
  readonly links: Links
  readonly port: number
  /** Where to listen. Default everywhere. */
  readonly address?: string
  readonly log: Logger
  readonly count: Count
}

export type Receive = (datagram: Buffer, sender: RemoteInfo) => void

export interface DatagramsOptions {
  readonly family: 4 | 6
  readonly port: number
  /** Where to listen. Default everywhere. */
  readonly address?: string | undefined
  readonly log: Logger
  readonly onDatagram?: Receive
}

const mostUnsentBytes = 256 * 1024 // beyond it answers are dropped, as the network drops them

/** Opens a socket. @throws what the system says, such as EADDRINUSE */
export async function openDatagrams(options: DatagramsOptions): Promise<Socket> {
  const { family, port, address, log, onDatagram } = options
  const socket =
    family === 4
      ? createSocket({ type: 'udp4', reuseAddr: true })
      : createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true })
  if (onDatagram !== undefined) socket.on('message', onDatagram)
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  socket.once('error', reject).bind({ port, address }, () => resolve(undefined))
  try {
    await promise
  } catch (error) {
    socket.close()
    throw error
  }
  socket.off('error', reject).on('error', (err) => log.warn({ err, port }, 'datagrams lost'))
  return socket
}

/** Listens to a group on each of these networks. One that cannot is reported, the others are listened to. */
export function joinGroup(socket: Socket, group: string, links: readonly Link[], log: Logger): void {
  for (const link of links) {
    try {
      socket.addMembership(group, link.family === 4 ? link.address : `::%${link.name}`)
    } catch (err) {
      log.warn({ err, group, link }, 'discovery does not listen on a network')
    }
  }
}

/** Sends to who asked. What cannot be sent is dropped: they ask again. */
export function reply(socket: Socket, datagram: Buffer, { port, address }: RemoteInfo): void {
  if (port === 0 || socket.getSendQueueSize() > mostUnsentBytes) return
  socket.send(datagram, port, address, () => undefined)
}

/** Resolves when the socket is closed. */
export function closeDatagrams(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()))
}
