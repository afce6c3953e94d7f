// Opening and closing of a server's port, the same for the web side and the streams.
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** Listens. @returns the port, which the system chose for 0 */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port // a TCP server that listens has one
}

/** Stops listening and waits until the last connection is gone, which `drop` hastens. */
export async function shut(server: Server, drop: () => void): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  drop()
  await closed
}
