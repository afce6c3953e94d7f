// A client of the demo receiver's ports that does just what a test tells it, down to the bytes.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type DemoOptions, type DemoReceiver, startDemoReceiver } from '../../src/demo/receiver.ts'

/** Where the tests keep generated streams: made once per checkout. */
export const dataDir = 'var'
/** For hooks that may have to generate them first. */
export const generationMs = 400_000

/** A demo receiver on ports of the system's choice. */
export function demo(options: Partial<DemoOptions>): Promise<DemoReceiver> {
  return startDemoReceiver({
    webPort: 0,
    streamPort: 0,
    dataDir,
    pace: 'fast',
    web: { delayMs: 0 },
    ...options,
  })
}

export interface Recording {
  /** Up to the blank line. */
  readonly head: string
  readonly body: Buffer
  /** Did the receiver end it? */
  readonly hasEnded: boolean
}

/** Sends a request as it is and reads until there are `bytes` of body, or the end.
 *  @param seen  called with the body's length at each arrival */
export async function exchange(
  url: string,
  request: string,
  bytes = Infinity,
  seen?: (length: number) => void,
): Promise<Recording> {
  const { hostname, port } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  socket.write(request)
  const parts: Buffer[] = []
  let length = 0
  let hasEnded = true
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk)
    length += chunk.length
    seen?.(length)
    if (length < bytes + 150) return
    hasEnded = false
    socket.destroy()
  })
  await new Promise((resolve) => socket.once('close', resolve)) // also after an error
  const all = Buffer.concat(parts)
  const blank = all.indexOf('\r\n\r\n')
  const head = all.subarray(0, blank < 0 ? all.length : blank).toString('latin1')
  return { head, body: blank < 0 ? Buffer.alloc(0) : all.subarray(blank + 4), hasEnded }
}

/** Watches a service until there are `bytes` of it. */
export function watch(url: string, ref: string, bytes?: number): Promise<Recording> {
  return exchange(url, `GET /${ref} HTTP/1.0\r\n\r\n`, bytes)
}

/** The whole packets of a recording. */
export function packetsOf({ body }: Recording): Buffer {
  return body.subarray(0, body.length - (body.length % 188))
}

/** A stream that is left open until the test says otherwise. */
export async function holdOpen(url: string, ref: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(`GET /${ref} HTTP/1.0\r\n\r\n`)
  let length = 0
  socket.on('data', (chunk: Buffer) => (length += chunk.length))
  while (length < 1000) await once(socket, 'data')
  return socket
}

/** Ends a stream and waits until it is gone. */
export async function hangUp(socket: Socket): Promise<void> {
  socket.destroy()
  await hungUp(socket)
}

/** Waits until the other side has ended a stream. */
export async function hungUp(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}
