// A client that sends one packet to port 65001 on the host where it runs, and prints the base URL in
// the first reply. Parameters: address, packet as hex, interface to send from (IPv6). Ends after 2 s at most.
import { createSocket } from 'node:dgram'
import { frameOf } from '../../src/hdhomerun/frame.ts'
import { decodeTags, tags, valueOf } from '../../src/hdhomerun/tag.ts'

const [address = '', packet = '', device] = process.argv.slice(2)
const isIpv6 = address.includes(':')
const socket = createSocket(isIpv6 ? 'udp6' : 'udp4')
socket.on('message', (reply) => {
  const url = valueOf(decodeTags(frameOf(reply)?.payload ?? reply) ?? [], tags.baseUrl)
  process.stdout.write(`${url?.toString() ?? 'no URL'}\n`)
  socket.close()
  clearTimeout(limit)
})
const limit = setTimeout(() => socket.close(), 2000)
socket.bind(0, () => {
  if (isIpv6) socket.setMulticastInterface(`::%${device ?? ''}`)
  else socket.setBroadcast(true)
  socket.send(Buffer.from(packet, 'hex'), 65001, isIpv6 ? `${address}%${device ?? ''}` : address)
})
