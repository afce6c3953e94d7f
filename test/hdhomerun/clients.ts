// What tests of discovery share: everything on 127.0.0.1, counted, closed again, and clients that ask.
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { createLog } from '../../src/base/log.ts'
import type { Count, Outcome } from '../../src/hdhomerun/gate.ts'
import { Limiter } from '../../src/hdhomerun/limiter.ts'
import { Links } from '../../src/hdhomerun/links.ts'

const plenty = { burst: 1e9, perSecond: 1e9 }

/** Lets as many requests through as come. */
export function limitless(): Limiter {
  return new Limiter({ sender: plenty, total: plenty })
}

export const silent = createLog('silent')

/** The networks of a machine that has these addresses, `127.0.0.1/8`. */
export function linksOf(...cidrs: string[]): Links {
  const info = cidrs.map((cidr) => ({ address: cidr.split('/')[0], cidr, mac: '' }) as NetworkInterfaceInfo)
  return new Links({ read: () => ({ lo: info }), pollMs: 60_000 })
}

/** Counts what became of requests. */
export function tally(): { count: Count; counts: Record<Outcome, number> } {
  const counts = { answered: 0, ignored: 0, refused: 0, limited: 0 }
  return { counts, count: (outcome) => counts[outcome]++ }
}

/** A client's socket, and all that has come to it. */
export async function listener(): Promise<{ socket: Datagrams; received: Buffer[]; port: number }> {
  const socket = createSocket('udp4')
  const received: Buffer[] = []
  socket.on('message', (datagram) => received.push(datagram))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { socket, received, port: socket.address().port }
}

export async function connected(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  await once(socket, 'connect')
  return socket
}

/** All that comes until the connection is over, however it ends. */
export function everything(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part)).on('error', () => undefined)
  return new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(parts))))
}

/** What comes next on a connection. */
export async function next(socket: Socket): Promise<Buffer> {
  const [part] = (await once(socket, 'data')) as [Buffer]
  return part
}
