// A transcoder behind a Unix socket: a line of JSON, then frames both ways; then the next line. Main thread.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { AppError } from '../base/errors.ts'
import { formatTraceparent } from '../base/trace.ts'
import { mostTextBytes, parseRefusal } from './frames.ts'
import { refused, until, type Door, type DoorOptions, type Line, type RemoteJob } from './line.ts'

const brace = '{'.charCodeAt(0)
const lineFeed = '\n'.charCodeAt(0)

export class UnixDoor implements Door {
  readonly #path: string
  readonly #options: DoorOptions
  readonly #sockets = new Set<Socket>()
  readonly #idle: Kept[] = []
  #isClosed = false

  constructor(path: string, options: DoorOptions) {
    this.#path = path
    this.#options = options
  }

  async open({ profile, label, weight, trace }: RemoteJob, signal: AbortSignal): Promise<Line> {
    const traceparent = formatTraceparent(trace)
    const request = `${JSON.stringify({ mode: 'transform', framed: true, ...profile, traceparent, label, weight })}\n`
    for (;;) {
      const kept = this.#idle.pop()
      const socket = kept?.take() ?? this.#connect()
      try {
        return await until(
          signal,
          (reason) => socket.destroy(reason),
          () => this.#begin(socket, request),
        )
      } catch (error) {
        socket.destroy()
        // One that was kept may have been closed meanwhile: nothing is lost, another one is taken.
        if (kept === undefined || error instanceof AppError || signal.aborted) throw error
      }
    }
  }

  async probe(signal: AbortSignal): Promise<void> {
    const socket = this.#connect()
    try {
      const answer = await until(
        signal,
        (reason) => socket.destroy(reason),
        async () => {
          await once(socket, 'connect')
          socket.write('{"mode":"status"}\n')
          return await readLine(socket)
        },
      )
      const refusal = parseRefusal(answer)
      if (refusal !== undefined) throw refused(refusal)
      if (!answer.startsWith('{')) throw new Error('it does not answer in JSON')
    } finally {
      socket.destroy()
    }
  }

  close(): void {
    this.#isClosed = true
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect(): Socket {
    const socket = connect({ path: this.#path })
    this.#sockets.add(socket)
    socket.on('error', () => undefined) // whoever reads is told
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  async #begin(socket: Socket, request: string): Promise<Line> {
    if (socket.connecting) await once(socket, 'connect')
    socket.write(request)
    const first = await readSome(socket)
    if (first === undefined) throw new Error('it closed the connection')
    socket.unshift(first)
    if (first[0] === brace) {
      const refusal = parseRefusal(await readLine(socket))
      throw refused(refusal ?? { code: 'nothing', message: 'but answers a line that is no refusal' })
    }
    return {
      source: socket,
      sink: socket,
      free: () => this.#keep(socket),
      drop: (reason) => void socket.destroy(reason),
    }
  }

  #keep(socket: Socket): void {
    const { mostIdle, idleMs } = this.#options
    if (this.#isClosed || socket.destroyed || this.#idle.length >= mostIdle) return void socket.destroy()
    const kept = new Kept(socket, idleMs)
    this.#idle.push(kept)
    socket.once('close', () => {
      const place = this.#idle.indexOf(kept)
      if (place >= 0) this.#idle.splice(place, 1)
    })
  }
}

/** A connection that waits for its next stream. Keeps no process alive; what comes on it ends it. */
class Kept {
  readonly #socket: Socket
  readonly #end = () => void this.#socket.destroy()

  constructor(socket: Socket, idleMs: number) {
    this.#socket = socket
    socket.setTimeout(idleMs).once('timeout', this.#end)
    socket.on('data', this.#end).unref() // reads, too: sees that the other side closes
  }

  take(): Socket {
    this.#socket.off('data', this.#end).off('timeout', this.#end).pause()
    return this.#socket.setTimeout(0).ref()
  }
}

/** What comes next; undefined at the end. */
async function readSome(socket: Socket): Promise<Buffer | undefined> {
  const pieces = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const piece of pieces) return piece
  return undefined
}

/** A line, as far as it comes, without what is behind it. */
async function readLine(socket: Socket): Promise<string> {
  let text = Buffer.alloc(0)
  while (text.length < mostTextBytes && !text.includes(lineFeed)) {
    const piece = await readSome(socket)
    if (piece === undefined) break
    text = Buffer.concat([text, piece])
  }
  return text.toString().split('\n', 1)[0] ?? ''
}
