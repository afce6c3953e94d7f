// HTTP clients of the proxy port for the tests here: raw sockets, so that nothing reads or closes by itself.
import { connect, type Socket } from 'node:net'

/** What came back on a connection, complete. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Sends a request and reads until the other side closes. */
export async function ask(
  port: number,
  path: string,
  method = 'GET',
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const socket = viewer(port, path, method, headers)
  const pieces: Buffer[] = []
  for await (const piece of socket as AsyncIterable<Buffer>) pieces.push(piece)
  return parse(Buffer.concat(pieces))
}

/** A connection with the request sent. */
export function viewer(
  port: number,
  path: string,
  method = 'GET',
  headers: Readonly<Record<string, string>> = {},
): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const lines = Object.entries({ Host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  return socket
}

/** Reads until there are `least` bytes or the connection ends. */
export async function read(socket: Socket, least: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  const done = Promise.withResolvers<undefined>()
  const take = (piece: Buffer) => {
    pieces.push(piece)
    if ((bytes += piece.length) >= least) end()
  }
  const end = () => {
    socket.pause().off('data', take).off('close', end)
    done.resolve(undefined)
  }
  if (socket.closed) end()
  socket.on('data', take).on('close', end).resume()
  await done.promise
  return Buffer.concat(pieces)
}

export function parse(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  return { status: Number(statusLine.split(' ')[1]), headers, body: bytes.subarray(end + 4) }
}
