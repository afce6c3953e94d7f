// The server behind port 8001 (and, as a relay, 17999), with its manners: only GET, an answer before tuning,
// failure as text inside the body, a tuner held until the socket closes. A raw socket server, as in the box.
import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '../base/log.ts'
import { type Channel, namesOf, referenceKey } from './channels.ts'
import type { Fault, Faults } from './faults.ts'
import type { Ledger } from './ledger.ts'
import { listen, shut } from './listener.ts'
import type { Loop } from './signal/loop.ts'
import { type NowNext, Playback } from './signal/playback.ts'
import type { Tuners } from './tuners.ts'
import { finish, nowUnixMs, type Pace, Viewer } from './viewer.ts'

export interface StreamServerOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** A relay drops connections on HEAD and begins after a silence. */
  readonly isRelay: boolean
  readonly pace: Pace
  /** How often due packets are sent. */
  readonly stepMs: number
  readonly tuneMs: number
  readonly writeTimeoutMs: number
  readonly log: Logger
  readonly ledger: Ledger
  readonly tuners: Tuners
  readonly faults: Faults
  readonly find: (ref: string) => Station | undefined
  /** Is this value of an Authorization header good enough? */
  readonly isAllowed: (authorization: string | undefined) => boolean
}

/** What can be streamed. */
export interface Station {
  readonly channel: Channel
  /** 1 for the stream's own pace. */
  readonly speed: number
  readonly loop: () => Promise<Loop>
  readonly nowNext: NowNext | undefined
}

const readBytes = 512 // the box reads its request in pieces of this size
const requestLimitBytes = 8192
const requestTimeoutMs = 20_000
const serverName = 'streamserver'
const refusal = 'HTTP/1.0 400 Bad Request\r\n\r\n'
const unauthorised = `HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="${serverName}"\r\n\r\n`
const acceptance = `HTTP/1.0 200 OK\r\nConnection: Close\r\nContent-Type: video/mpeg\r\nServer: ${serverName}\r\n\r\n`

export class StreamServer {
  private readonly options: StreamServerOptions
  private readonly viewers = new Map<Socket, Viewer>()
  private readonly sockets = new Set<Socket>()
  private server: Server | undefined
  private beat: NodeJS.Timeout | undefined
  private port: number

  constructor(options: StreamServerOptions) {
    this.options = options
    this.port = options.port
  }

  /** @returns the port */
  async open(): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.accept(socket))
    this.port = await listen(server, this.port, this.options.host)
    this.server = server
    return this.port
  }

  /** Drops every connection; `open` takes the same port again. Idempotent. */
  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server === undefined) return
    await shut(server, () => this.sockets.forEach((socket) => socket.resetAndDestroy()))
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    socket.on('error', () => undefined) // a client that resets; 'close' follows
    socket.on('end', () => socket.destroy()) // the box sees a FIN as the end of interest
    socket.setTimeout(requestTimeoutMs, () => socket.destroy())
    let received = Buffer.alloc(0)
    const collect = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk])
      const newline = received.indexOf(0x0a)
      if (newline < 0 && received.length < requestLimitBytes) return
      socket.off('data', collect).resume()
      socket.setTimeout(0)
      const seen = received.subarray(0, Math.ceil((newline + 1) / readBytes) * readBytes)
      this.answer(socket, seen.toString('latin1'))
    }
    socket.on('data', collect)
  }

  private answer(socket: Socket, request: string): void {
    const { ledger, isRelay, isAllowed } = this.options
    const [line = ''] = request.split(/\r?\n/)
    const [method = '', target = ''] = line.split(' ')
    if (method !== 'GET' || !target.startsWith('/')) {
      ledger.odd(method)
      if (isRelay && method === 'HEAD') socket.destroy()
      else finish(socket, refusal)
      return
    }
    const authorization = /^Authorization: (Basic .*)$/m.exec(request)?.[1]?.trim()
    if (!isAllowed(authorization)) {
      ledger.unauthorised()
      finish(socket, unauthorised)
      return
    }
    const [path = '', ...query] = unquote(target.slice(1)).split('?')
    const durationSec = Number(/(?:^|&)duration=(\d+)/.exec(query.join('&'))?.[1] ?? NaN)
    socket.write(acceptance)
    this.tune(socket, path, Number.isNaN(durationSec) ? undefined : durationSec * 1000).catch(
      (error: unknown) => {
        this.options.log.error({ err: error }, 'demo stream failed')
        socket.destroy()
      },
    )
  }

  /** Tunes after the 200 was sent: all that can go wrong now is said inside the body. */
  private async tune(socket: Socket, ref: string, durationMs: number | undefined): Promise<void> {
    const { ledger, tuners, find, log } = this.options
    ledger.asked(referenceKey(ref))
    const station = find(ref)
    const faults = station === undefined ? [] : this.faultsOf(station.channel)
    const isRefused = faults.some(({ kind }) => kind === 'refuse')
    const lease =
      station === undefined || isRefused
        ? undefined
        : tuners.lease(station.channel.transponder, station.channel.name)
    if (station === undefined || lease === undefined) {
      ledger.refused()
      log.debug({ ref, isKnown: station !== undefined }, 'demo stream refused')
      finish(socket, refusal)
      return
    }
    ledger.opened()
    const text = faults.find((fault) => fault.kind === 'text' && fault.isAll === true)
    socket.once('close', () => {
      const viewer = this.viewers.get(socket)
      const isLeft = this.server !== undefined && text === undefined && viewer?.hasEnded !== true
      lease.release()
      ledger.closed(viewer?.programmeMs ?? 0, isLeft)
      this.leave(socket)
    })
    if (text?.kind === 'text') {
      finish(socket, text.text)
      return
    }
    const loop = await station.loop()
    if (socket.destroyed) return
    this.join(socket, this.viewerOf(socket, { station, loop, faults, durationMs }))
  }

  private viewerOf(
    socket: Socket,
    o: { station: Station; loop: Loop; faults: readonly Fault[]; durationMs: number | undefined },
  ): Viewer {
    const { pace, writeTimeoutMs, tuneMs, ledger } = this.options
    const { channel, speed, nowNext } = o.station
    const { kind, programme } = channel
    const nowMs = nowUnixMs()
    const playback = new Playback(
      o.loop,
      o.loop.packetAt(nowMs * 90),
      kind === 'file' ? {} : { programme, nowNext },
    )
    const tuning: Fault[] = tuneMs > 0 ? [{ kind: 'silence', ms: tuneMs }] : []
    return new Viewer(
      {
        socket,
        playback,
        loop: o.loop,
        faults: [...tuning, ...o.faults],
        pace,
        speed,
        writeTimeoutMs,
        durationMs: o.durationMs,
        isTable: (pid) => pid < 0x20 || pid === 0x1fff || pid === programme.pmtPid,
        onCutOff: () => ledger.cutOff(),
      },
      nowMs,
    )
  }

  private faultsOf(channel: Channel): Fault[] {
    return this.options.faults.take(namesOf(channel))
  }

  private join(socket: Socket, viewer: Viewer): void {
    this.viewers.set(socket, viewer)
    this.beat ??= setInterval(() => this.step(), this.options.stepMs)
    viewer.step(nowUnixMs())
  }

  private leave(socket: Socket): void {
    this.viewers.delete(socket)
    if (this.viewers.size > 0) return
    clearInterval(this.beat)
    this.beat = undefined
  }

  private step(): void {
    const nowMs = nowUnixMs()
    for (const viewer of this.viewers.values()) viewer.step(nowMs)
  }
}

function unquote(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
