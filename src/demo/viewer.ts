// One stream under way: paces a playback into a socket, lets the faults happen that were ordered for it,
// and holds back while the client does not read.
import type { Socket } from 'node:net'
import { damage, type Fault, scramble } from './faults.ts'
import { packetSize, wrapped, wrapTicks } from './signal/packet.ts'
import type { Loop } from './signal/loop.ts'
import type { Playback } from './signal/playback.ts'

export type Pace = 'realtime' | 'fast'

export interface ViewerOptions {
  readonly socket: Socket
  readonly playback: Playback
  readonly loop: Loop
  readonly faults: readonly Fault[]
  readonly pace: Pace
  /** 1 for the stream's own pace. */
  readonly speed: number
  /** How long the client may leave its socket full. */
  readonly writeTimeoutMs: number
  /** Programme time after which the stream ends. */
  readonly durationMs?: number
  readonly isTable: (pid: number) => boolean
  /** The client let its socket stay full for too long. */
  readonly onCutOff: () => void
}

interface Turn {
  readonly position: number
  readonly run: (nowMs: number) => void
}

const chunkPackets = 348 // about 64 KB
const chunksPerStep = 16

export class Viewer {
  private readonly options: ViewerOptions
  private readonly turns: Turn[] = []
  private readonly treat: Array<(bytes: Buffer) => Buffer> = []
  private readonly speed: number
  private isOpening = true
  private pausedUntil = -Infinity
  private skipsToLive = false
  private fullSince: number | undefined
  private origin: { ms: number; ticks: number }
  private readonly firstTicks: number
  private isEnding = false

  /** @param nowMs  unix time, which is also the position in the programme */
  constructor(options: ViewerOptions, nowMs: number) {
    this.options = options
    const { loop, playback, faults, durationMs } = options
    this.firstTicks = loop.ticksAt(playback.position)
    this.origin = { ms: nowMs, ticks: this.firstTicks }
    const slow = faults.find((fault) => fault.kind === 'slow')
    this.speed = options.speed * (slow?.factor ?? 1)
    for (const fault of faults) this.arrange(fault, nowMs)
    if (durationMs !== undefined) this.at(durationMs, () => this.end())
    this.turns.sort((a, b) => a.position - b.position)
    options.socket.on('drain', () => {
      this.fullSince = undefined
      if (options.pace === 'fast') this.step(nowUnixMs())
    })
  }

  /** Programme time that was sent. */
  get programmeMs(): number {
    return (this.options.loop.ticksAt(this.options.playback.position) - this.firstTicks) / 90
  }

  /** Did the receiver end it, and not the client? */
  get hasEnded(): boolean {
    return this.isEnding
  }

  /** Sends what is due. */
  step(nowMs: number): void {
    const { socket } = this.options
    if (this.isEnding || socket.destroyed) return
    if (this.fullSince !== undefined) {
      if (nowMs - this.fullSince > this.options.writeTimeoutMs) this.cutOff()
      return
    }
    if (nowMs < this.pausedUntil) return
    if (this.skipsToLive) this.skipToLive(nowMs)
    this.sendDue(nowMs)
  }

  private sendDue(nowMs: number): void {
    const { playback, pace } = this.options
    if (this.isOpening) this.write(playback.opening(), nowMs)
    this.isOpening = false
    const target = pace === 'fast' ? Infinity : this.target(nowMs)
    for (let chunk = 0; chunk < chunksPerStep; chunk++) {
      this.runTurns(nowMs)
      const isHeld = this.isEnding || this.fullSince !== undefined || nowMs < this.pausedUntil
      const until = Math.min(target, this.turns[0]?.position ?? Infinity, playback.position + chunkPackets)
      const count = until - playback.position
      if (isHeld || count <= 0) return
      const bytes = this.treat.reduce((treated, treatment) => treatment(treated), playback.next(count))
      this.write(bytes, nowMs)
    }
    // A fast stream whose client keeps up never sees 'drain': go on after the others had their turn.
    if (pace === 'fast' && this.fullSince === undefined) setImmediate(() => this.step(nowUnixMs()))
  }

  /** Ends the stream with a FIN. */
  end(): void {
    this.isEnding = true
    finish(this.options.socket)
  }

  private target(nowMs: number): number {
    return this.options.loop.packetAt(this.origin.ticks + (nowMs - this.origin.ms) * 90 * this.speed)
  }

  private write(bytes: Buffer, nowMs: number): void {
    if (bytes.length > 0 && !this.options.socket.write(bytes)) this.fullSince = nowMs
  }

  private cutOff(): void {
    this.isEnding = true
    this.options.onCutOff()
    this.options.socket.resetAndDestroy()
  }

  private runTurns(nowMs: number): void {
    for (let turn = this.turns[0]; turn !== undefined; turn = this.turns[0]) {
      if (turn.position > this.options.playback.position || nowMs < this.pausedUntil) return
      this.turns.shift()
      turn.run(nowMs)
    }
  }

  /** Something to happen after this much programme. */
  private at(programmeMs: number, run: (nowMs: number) => void): void {
    this.turns.push({ position: this.options.loop.packetAt(this.firstTicks + programmeMs * 90), run })
  }

  private pause(untilMs: number, isLost: boolean): void {
    this.pausedUntil = Math.max(this.pausedUntil, untilMs)
    this.skipsToLive ||= isLost
  }

  private skipToLive(nowMs: number): void {
    const { playback, loop, pace } = this.options
    this.skipsToLive = false
    const live = pace === 'fast' ? loop.packetAt(nowMs * 90) : this.target(nowMs)
    playback.position = Math.max(playback.position, live)
  }

  private arrange(fault: Fault, nowMs: number): void {
    const { playback, socket } = this.options
    switch (fault.kind) {
      case 'silence':
        return this.pause(nowMs + fault.ms, true)
      case 'stall':
        return this.at(fault.afterMs, (now) => this.pause(now + fault.ms, fault.isLost === true))
      case 'drop':
        return this.at(fault.afterMs, () => {
          if (fault.isHard !== true) return this.end()
          this.isEnding = true
          socket.resetAndDestroy()
        })
      case 'pmt':
        return this.at(fault.afterMs, () => playback.changePmt(fault.change))
      case 'jump':
        return this.at(fault.afterMs, () => playback.shift(fault.ms * 90))
      case 'wrap':
        return playback.shift(wrapTicks - wrapped(playback.ticks) - fault.afterMs * 90)
      case 'damage':
        return void this.treat.push(damage(fault))
      case 'scrambled':
        return this.scrambleFirst(fault.packets)
      case 'text':
        return void socket.write(fault.text)
      case 'slow':
      case 'refuse':
        return
      default:
        return fault satisfies never
    }
  }

  private scrambleFirst(packets: number): void {
    let left = packets
    this.treat.push((bytes) => {
      const hit = Math.min(left, bytes.length / packetSize)
      scramble(bytes.subarray(0, hit * packetSize), this.options.isTable)
      left -= hit
      return bytes
    })
  }
}

/** Sends what is left and closes, whether or not the client does. */
export function finish(socket: Socket, text = ''): void {
  socket.end(text, () => socket.destroy())
}

/** Unix time in milliseconds, with fractions. */
export function nowUnixMs(): number {
  return performance.timeOrigin + performance.now()
}
