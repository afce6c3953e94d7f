// Clients of all manners. Each reads a stream as a player does and has it judged, or behaves badly, and leaves.
import { connect, type Socket } from 'node:net'
import type { Dice } from './dice.ts'
import { stamp, tempers, waits, type ChaosKind, type House } from './house.ts'
import { Judge } from './judge.ts'

export const habits = ['steady', 'slow', 'sleepy'] as const
export type Habit = (typeof habits)[number]
export const farewells = ['polite', 'abrupt', 'reset'] as const
export type Farewell = (typeof farewells)[number]

export interface GuestOptions {
  readonly kind: ChaosKind
  readonly query?: string
  readonly habit?: Habit
  readonly farewell?: Farewell
  readonly stayMs: number
}

const mostEvents = 40
const mostFaults = 2 // told of one guest
const keptBytes = 768 * 1024
const longestHeadBytes = 16 * 1024
const lookMs = 500
const longestGapMs = 15_000 // without anything but filling, where nothing is wrong
const troubledGapMs = 45_000 // where something was
const longestFarewellMs = 20_000
const mostDribble = 128 * 1024
// What a client may be told; anything else is a fault of ours.
const answers = [200, 502, 503, 504]

export class Guest {
  readonly id: string
  /** Resolves when the connection is gone. */
  readonly done: Promise<void>
  status = 0
  readonly #house: House
  readonly #options: Required<GuestOptions>
  readonly #dice: Dice
  readonly #socket: Socket
  readonly #judge: Judge
  readonly #events: string[] = []
  readonly #kept: Buffer[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #keptBytes = 0
  #head: Buffer | undefined = Buffer.alloc(0)
  #bytes = 0
  #bodyBytes = 0
  #sinceSleep = 0
  #nextSleep = 0
  #packetsSeen = 0
  #movedAt: number
  #isAsleep = false
  #isUndisturbed = true // read all along: what ends it is the stream's own end
  #isLeaving = false
  #leftAt = 0
  #faults = 0

  constructor(house: House, id: string, dice: Dice, options: GuestOptions) {
    this.id = id
    this.#house = house
    this.#dice = dice
    this.#options = { query: '', habit: 'steady', farewell: 'abrupt', ...options }
    this.#movedAt = house.now
    const { kind, query, habit, stayMs, farewell } = this.#options
    this.#judge = new Judge({
      strictness: house.strictness(kind),
      onFault: (what) => this.#fail(what),
      now: () => house.now,
    })
    this.#note(`asks for ${kind}${query}, ${habit}, ${stayMs} ms, ${farewell}`)
    this.#socket = connect(house.port, '127.0.0.1')
    this.#socket.write(`GET ${house.path(kind, query)} HTTP/1.1\r\nHost: x\r\n\r\n`)
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#note(error.code ?? error.message))
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#socket.on('end', () => this.#ended())
    const stopListening = house.onEasier(kind, () => this.#soften())
    const look = setInterval(() => this.#look(), lookMs)
    this.#after(stayMs, () => this.leave())
    this.done = new Promise((resolve) => {
      this.#socket.once('close', () => {
        clearInterval(look)
        for (const timer of this.#timers) clearTimeout(timer)
        stopListening()
        resolve()
      })
    })
  }

  /** Bytes of the stream so far. */
  get bytes(): number {
    return this.#bodyBytes
  }

  /** Packets that are no filling. */
  get packets(): number {
    return this.#judge.packets
  }

  get isGone(): boolean {
    return this.#socket.destroyed
  }

  leave(how = this.#options.farewell): void {
    if (this.#isLeaving || this.#socket.destroyed) return
    this.#note(`leaves, ${how}`)
    this.#isLeaving = true
    this.#leftAt = this.#house.now
    this.#isAsleep = false
    this.#socket.resume()
    if (how === 'polite') this.#socket.end()
    else if (how === 'reset') this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    if (this.#isLeaving) return
    this.#bytes += bytes.length
    const body = this.#head === undefined ? bytes : this.#readHead(this.#head, bytes)
    if (body === undefined || this.status !== 200) return
    this.#bodyBytes += body.length
    this.#keep(body)
    this.#judge.take(body)
    if (this.#judge.packets > this.#packetsSeen) this.#movedAt = this.#house.now
    this.#packetsSeen = this.#judge.packets
    this.#rest(body.length)
  }

  #readHead(before: Buffer, bytes: Buffer): Buffer | undefined {
    const all = Buffer.concat([before, bytes])
    const end = all.indexOf('\r\n\r\n')
    if (end < 0) {
      if (all.length > longestHeadBytes) this.#fail('an endless head')
      this.#head = all
      return undefined
    }
    this.#head = undefined
    this.status = Number(all.toString('latin1', 9, 12))
    this.#note(
      `is told ${this.status}${this.status === 200 ? '' : ` ${all.toString('utf8', end + 4).trim()}`}`,
    )
    if (!answers.includes(this.status)) this.#fail(`was told ${all.toString('utf8', 0, 1024)}`)
    this.#soften()
    return all.subarray(end + 4)
  }

  // Less is asked of a stream whose source's packets pass untouched; never more again.
  #soften(): void {
    const { kind } = this.#options
    const strictness = this.#house.strictness(kind)
    if (strictness === this.#judge.strictness || strictness === 'all') return
    if (this.#judge.strictness === 'nothing') return
    this.#judge.strictness = strictness
    this.#note(`is judged by ${strictness} now`)
  }

  // Pauses that its habit makes.
  #rest(bytes: number): void {
    const { habit } = this.#options
    this.#sinceSleep += bytes
    if (habit === 'steady' || this.#sinceSleep < this.#nextSleep) return
    this.#sinceSleep = 0
    this.#nextSleep = this.#dice.whole(mostDribble / 4, habit === 'slow' ? mostDribble : 16 * mostDribble)
    const ms = habit === 'slow' ? this.#dice.whole(50, 900) : this.#dice.whole(500, 12_000)
    if (habit === 'sleepy') this.#note(`does not read for ${ms} ms`)
    this.#isUndisturbed = false
    this.#isAsleep = true
    this.#socket.pause()
    this.#after(ms, () => {
      this.#isAsleep = false
      this.#movedAt = this.#house.now
      this.#socket.resume()
    })
  }

  #ended(): void {
    if (this.#isLeaving) return
    this.#note(`is at the end after ${this.#bodyBytes} bytes`)
    if (this.status === 200 && this.#isUndisturbed) this.#judge.end()
    else if (this.#bytes === 0 && this.#isUndisturbed) this.#fail('the connection ended without an answer')
  }

  #look(): void {
    const now = this.#house.now
    if (this.#isLeaving) {
      if (now - this.#leftAt < longestFarewellMs) return
      this.#fail(`said good-bye ${longestFarewellMs} ms ago and is still connected`)
      this.#socket.destroy()
      return
    }
    if (this.#isAsleep) return
    const isQuiet = tempers[this.#options.kind] === 'calm' && now > this.#house.troubledUntil
    const since = isQuiet ? Math.max(this.#movedAt, this.#house.troubledUntil) : this.#movedAt
    const mostMs = isQuiet ? longestGapMs : troubledGapMs
    if (now - since < mostMs) return
    this.#fail(`got nothing for ${Math.round(now - since)} ms`)
    this.leave('abrupt')
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
    while (this.#keptBytes > keptBytes) this.#keptBytes -= this.#kept.shift()?.length ?? 0
  }

  #note(text: string): void {
    this.#events.push(`${stamp(this.#house.now)} ${this.id}: ${text}`)
    if (this.#events.length > mostEvents) this.#events.shift()
  }

  // One fault often brings others along.
  #fail(what: string): void {
    if (++this.#faults > mostFaults) return
    const { kind, query, habit } = this.#options
    this.#note(`FAULT ${what}`)
    this.#note(`its channel: ${this.#house.standing(kind)}`)
    const who = `${this.id} (${kind}${query}, ${habit}, byte ${this.#bodyBytes})`
    this.#house.fail(who, what, this.#events, Buffer.concat(this.#kept))
  }

  #after(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      call()
    }, ms)
    this.#timers.add(timer)
  }
}

/** What is no request for a stream, or a broken one. */
export function rubbish(house: House, dice: Dice): Buffer {
  const path = house.path(dice.pick(['mpeg2', 'latm']))
  const request = (line: string, more = '') => Buffer.from(`${line} HTTP/1.1\r\nHost: x\r\n${more}\r\n`)
  const kinds: [() => Buffer, ...(() => Buffer)[]] = [
    () => dice.bytes(dice.whole(1, 4000)),
    () => Buffer.from('GET '),
    () => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n`), // and nothing more
    () => request(`GET ${path}`, `X: ${'y'.repeat(20_000)}\r\n`),
    () => request(`GET /${'1:'.repeat(3000)}`),
    () => request(`GET ${path}?audio=noise&bitrate=-1`),
    () => request(`GET ${path}?bitrate=${'9'.repeat(400)}`),
    () => request(`GET /%00%ff${path}`),
    () => request(`POST ${path}`, 'Content-Length: 100000\r\n'),
    () => request(`POST ${path}`, 'Transfer-Encoding: chunked\r\n\r\nzz\r\n'),
    () => request(`DELETE ${path}`),
    () => request(`HEAD ${path}`),
    () => request('GET /1:0:1:FFFF:FFFF:1:C00000:0:0:0:'),
    () => Buffer.concat([request(`HEAD ${path}`), request(`GET ${path}`), request(`GET ${path}`)]),
    () => Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...dice.bytes(200)]),
    () => Buffer.alloc(dice.whole(1, 9000)),
    () => Buffer.alloc(0),
  ]
  return dice.pick(kinds)()
}

const longestRubbishMs = 30_000
const fine = /^HTTP\/1\.1 (2\d\d|4\d\d|431|502|503|504) /

/** Sends rubbish, sees that the answer is none of a server in trouble, and goes after a while at the latest.
 *  Resolves when the connection is gone. */
export function pester(house: House, id: string, dice: Dice, stayMs: number): Promise<void> {
  const sent = rubbish(house, dice)
  let head = ''
  const told = `${sent.length} bytes beginning ${JSON.stringify(sent.toString('latin1', 0, 80))}`
  const socket = connect(house.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    if (head.length < 64) head += bytes.toString('latin1', 0, 64)
  })
  socket.write(sent)
  const begun = house.now
  const timer = setTimeout(() => (dice.chance(0.5) ? socket.destroy() : socket.end()), stayMs)
  const watch = setInterval(() => {
    if (house.now - begun < stayMs + longestRubbishMs) return
    house.fail(id, `is still connected ${longestRubbishMs} ms after ${told} and a good-bye`)
    socket.destroy()
  }, lookMs)
  return new Promise((resolve) => {
    socket.once('close', () => {
      clearTimeout(timer)
      clearInterval(watch)
      if (head.length >= 13 && !fine.test(head)) house.fail(id, `was told ${head} after ${told}`)
      resolve()
    })
  })
}

/** Connects, asks and goes, within a moment. Resolves when the connection is gone. */
export function glance(house: House, kind: ChaosKind, stayMs: number, farewell: Farewell): Promise<void> {
  const socket = connect(house.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`GET ${house.path(kind)} HTTP/1.1\r\nHost: x\r\n\r\n`)
  socket.resume()
  const begun = house.now
  const timer = setTimeout(() => {
    if (farewell === 'polite') socket.end()
    else if (farewell === 'reset') socket.resetAndDestroy()
    else socket.destroy()
  }, stayMs)
  const watch = setInterval(() => {
    if (house.now - begun < stayMs + longestRubbishMs) return
    house.fail('glance', `is still connected ${longestRubbishMs} ms after its good-bye, ${farewell}`)
    socket.destroy()
  }, lookMs)
  return new Promise((resolve) => {
    socket.once('close', () => {
      clearTimeout(timer)
      clearInterval(watch)
      resolve()
    })
  })
}

/** How long all waits of a client that has left may take together. */
export const calmDownMs = 4 * (waits.startMs + waits.hangMs)
