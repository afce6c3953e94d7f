// A program that has one stream made: it writes and reads at once, as fast as the other side lets it.
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import type { Writable } from 'node:stream'

const pieceBytes = 256 * 1024

/** What one call took. */
export interface Call {
  /** From the connecting to the last byte, ms. */
  readonly ms: number
  readonly bytesOut: number
}

type Take = (piece: Uint8Array) => void

/** Through a job socket, without a word before the stream.
 *  @param take  hears what comes out; the bytes change afterwards */
export async function callSocket(
  path: string,
  bytes: Uint8Array,
  take: Take = () => undefined,
): Promise<Call> {
  const startedAt = performance.now()
  let bytesOut = 0
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  const callback = (length: number) => {
    bytesOut += length
    take(buffer.subarray(0, length))
    return true
  }
  const socket = connect({ path, allowHalfOpen: true, onread: { buffer, callback } })
  const over = once(socket, 'end')
  await Promise.all([over, give(socket, bytes)])
  socket.destroy()
  return { ms: performance.now() - startedAt, bytesOut }
}

/** By POST /audio-remux. */
export async function callPost(port: number, bytes: Uint8Array, take: Take = () => undefined): Promise<Call> {
  const startedAt = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const headers = { 'Content-Type': 'video/mp2t', 'Content-Length': bytes.length }
  const call = request({ host: '127.0.0.1', port, path: '/audio-remux', method: 'POST', headers })
  call.once('error', reject).once('response', (response) => {
    if (response.statusCode !== 200) return reject(new Error(`/audio-remux answered ${response.statusCode}`))
    let bytesOut = 0
    response
      .on('data', (piece: Buffer) => {
        bytesOut += piece.length
        take(piece)
      })
      .once('end', () => resolve(bytesOut))
      .once('error', reject)
  })
  const [bytesOut] = await Promise.all([promise, give(call, bytes)])
  return { ms: performance.now() - startedAt, bytesOut }
}

async function give(sink: Writable, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    if (!sink.write(bytes.subarray(at, at + pieceBytes))) await once(sink, 'drain')
  sink.end()
}
