// One viewer in this process: asks for a stream and hands on what comes, without the head of the answer.
import { connect } from 'node:net'

export interface Visit {
  /** When it asked, ms. */
  readonly askedAt: number
  /** Resolves when the answer is over, by whomever. */
  readonly over: Promise<void>
  readonly leave: () => void
}

/** @param path  without its slash
 *  @param take  hears the bytes of the body when they come */
export function visit(port: number, path: string, take: (bytes: Uint8Array) => void): Visit {
  const askedAt = performance.now()
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let head: Buffer | undefined = Buffer.alloc(0)
  socket.on('data', (piece: Buffer) => {
    if (head === undefined) return take(piece)
    head = Buffer.concat([head, piece])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    const body = head.subarray(end + 4)
    head = undefined
    if (body.length > 0) take(body)
  })
  socket.on('error', () => undefined)
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(`GET /${path} HTTP/1.0\r\n\r\n`)
  return { askedAt, over, leave: () => socket.destroy() }
}
