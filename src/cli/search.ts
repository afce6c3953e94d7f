// A program of its own for `xg2g discover`: asks the local networks who is there (SSDP) and prints the address
// of each that answers, one a line. A process apart, since ssdp-js throws from its callbacks where a network
// does not let it, and believes what strangers send; nothing but the sender's address is taken from them.
import { createRequire } from 'node:module'
import type { Socket } from 'node:dgram'

interface Ssdp {
  readonly _socket: Socket
  search(target: string): void
  on(event: 'response', listener: (headers: unknown, sender: { address: string }) => void): void
}

const seconds = Number(process.argv[2] ?? 4)
const Ssdp = createRequire(import.meta.url)('ssdp-js/ssdp.js') as new (port: number) => Ssdp

const ssdp = new Ssdp(0)
ssdp._socket.on('error', () => process.exit(0))
ssdp.on('response', (_, { address }) => process.stdout.write(`${address}\n`))
ssdp.search('upnp:rootdevice')
ssdp.search('ssdp:all')
setTimeout(() => process.exit(0), seconds * 1000)
