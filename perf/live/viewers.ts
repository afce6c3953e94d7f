// Many viewers in a process of their own: they read, count and look at the sync bytes.
// viewers.ts PORT COUNT CHANNELS FIRST; each line on standard input is answered with what was seen so far, as JSON.
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

const [, , port = '', count = '', channels = '', first = ''] = process.argv
const packetBytes = 188
const headEnd = '\r\n\r\n'
const startGapMs = 40 // they do not all press the button at once

/** What all viewers have seen. */
export interface Sight {
  readonly bytes: readonly number[]
  readonly syncErrors: number
  readonly ended: number
}

const bytes: number[] = []
let syncErrors = 0
let ended = 0

for (let viewer = 0; viewer < Number(count); viewer++) setTimeout(() => view(viewer), viewer * startGapMs)

createInterface(process.stdin)
  .on('line', () => console.log(JSON.stringify({ bytes, syncErrors, ended } satisfies Sight)))
  .on('close', () => process.exit())

function view(viewer: number): void {
  bytes[viewer] = 0
  let head = ''
  const buffer = Buffer.allocUnsafeSlow(256 * 1024)
  const socket = connect({
    port: Number(port),
    host: '127.0.0.1',
    onread: {
      buffer,
      callback: (length) => {
        const piece = buffer.subarray(0, length)
        if (head.includes(headEnd)) {
          look(viewer, piece)
        } else {
          const before = head.length
          head += piece.toString('latin1')
          const end = head.indexOf(headEnd)
          if (end >= 0) look(viewer, piece.subarray(end + headEnd.length - before))
        }
        return true
      },
    },
  })
  // Ten fields, as a service reference has; the channels take turns.
  const service = (Number(first) + (viewer % Number(channels)) + 1).toString(16)
  socket.write(`GET /1:0:19:${service}:1:1:C00000:0:0:0: HTTP/1.0\r\n\r\n`)
  socket.on('error', () => undefined)
  socket.once('close', () => ended++)
}

function look(viewer: number, piece: Buffer): void {
  const before = bytes[viewer] ?? 0
  for (let at = (packetBytes - (before % packetBytes)) % packetBytes; at < piece.length; at += packetBytes) {
    if (piece[at] !== 0x47) syncErrors++
  }
  bytes[viewer] = before + piece.length
}
