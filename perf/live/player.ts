// A stream server for many viewers, a process of its own: player.ts FILE BYTES_PER_MS. Prints its port.
// Each viewer gets the stream from a PAT near its beginning on, in real time, as a receiver sends it;
// the bytes lie ready, so that it costs little. GET /lag tells how far it could not send in time, GET /count
// how many viewers there have been.
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { pids } from '../input.ts'
import { starts } from './stream.ts'

const [, , path = '', rate = ''] = process.argv
const bytesPerMs = Number(rate)
const bytes = readFileSync(path)
const tickMs = 10
const head = 'HTTP/1.0 200 OK\r\nContent-Type: video/mpeg\r\nConnection: close\r\n\r\n'
const beginnings = starts(bytes.subarray(0, bytes.length / 5), pids.video).tables
const mostLagMs = 2000 // further behind, nothing more is sent: the viewer has lost

interface Viewer {
  readonly startedAt: number
  readonly from: number
  sent: number
}

const viewers = new Map<Socket, Viewer>()
let count = 0

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined)
  socket.once('close', () => viewers.delete(socket))
  socket.once('data', (request) => {
    if (request.toString('latin1').startsWith('GET /lag')) {
      socket.end(`${head}${Math.round(worstLagMs())}`)
      return
    }
    if (request.toString('latin1').startsWith('GET /count')) {
      socket.end(`${head}${count}`)
      return
    }
    socket.write(head)
    const from = beginnings[(count++ * 7) % beginnings.length] ?? 0
    viewers.set(socket, { startedAt: performance.now(), from, sent: 0 })
  })
})

setInterval(() => {
  for (const [socket, viewer] of viewers) send(socket, viewer)
}, tickMs)

function send(socket: Socket, viewer: Viewer): void {
  if (lagMs(socket) > mostLagMs) return
  let due = Math.floor((performance.now() - viewer.startedAt) * bytesPerMs) - viewer.sent
  while (due > 0) {
    const at = (viewer.from + viewer.sent) % bytes.length
    const piece = bytes.subarray(at, at + due)
    socket.write(piece)
    viewer.sent += piece.length
    due -= piece.length
  }
}

function lagMs(socket: Socket): number {
  return socket.writableLength / bytesPerMs
}

function worstLagMs(): number {
  return Math.max(0, ...[...viewers.keys()].map(lagMs))
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' ? address?.port : address)
})
