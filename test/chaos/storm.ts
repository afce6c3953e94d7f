// What happens in a chaos run: who comes, what breaks, when. Drawn from the dice alone; the pauses are the load.
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../../src/demo/faults.ts'
import { pmtChanges } from '../../src/demo/signal/playback.ts'
import type { Dice } from './dice.ts'
import { farewells, glance, Guest, habits, pester } from './guest.ts'
import { kinds, kindsOf, type House } from './house.ts'
import { endings } from './worker.ts'

const queries = [
  '',
  '',
  '',
  '?audio=mp3',
  '?audio=copy',
  '?bitrate=96k',
  '?channels=1',
  '?tracks=one',
] as const
const mostGuests = 14
const crowdSize = 100
const restartGapMs = 12_000
const threadGapMs = 3000
const patience = 30_000

type Act = (dice: Dice) => void

export class Storm {
  readonly #house: House
  readonly #dice: Dice
  readonly #guests = new Set<Guest>()
  readonly #going = new Set<Promise<unknown>>() // all that comes to an end by itself
  #actors = 0
  #restartAt = 0
  #threadAt = 0
  /** Streams that were judged, and what they got. */
  streams = 0
  packets = 0
  most = { rss: 0, guests: 0 }

  constructor(house: House, dice: Dice) {
    this.#house = house
    this.#dice = dice
  }

  /** One of each kind, so that all that is loaded once is loaded and the memory is that of a house in use. */
  async warmUp(): Promise<void> {
    for (const [place, kind] of kinds.entries()) {
      const guest = this.#guest(this.#dice.fork(-1 - place), { kind, stayMs: 60_000 })
      await until(() => guest.packets > 500 || guest.isGone, patience)
      guest.leave('abrupt')
      await guest.done
    }
    this.#crowd(this.#dice.fork(-100))
    this.#house.endThread('exit', 0)
    await this.settle()
  }

  async run(ms: number): Promise<void> {
    const end = performance.now() + ms
    while (performance.now() < end && this.#house.failures.length < 12) {
      const dice = this.#dice.fork(++this.#actors)
      this.#draw(dice)(dice)
      this.most = {
        rss: Math.max(this.most.rss, process.memoryUsage.rss()),
        guests: Math.max(this.most.guests, this.#guests.size),
      }
      await delay(this.#dice.whole(20, 700))
    }
  }

  /** All leave, nothing is broken any more; resolves when the last connection is gone. */
  async settle(): Promise<void> {
    this.#house.demo.faults.clear()
    for (const guest of this.#guests) guest.leave()
    while (this.#going.size > 0) await Promise.all(this.#going)
  }

  #draw(dice: Dice): Act {
    const acts: [share: number, act: Act][] = [
      [40, (own) => this.#visit(own)],
      [12, (own) => this.#breakConnection(own)],
      [10, (own) => this.#damage(own)],
      [8, (own) => this.#rubbish(own)],
      [12, (own) => this.#endThread(own)],
      [5, (own) => this.#endStream(own)],
      [4, (own) => this.#crowd(own)],
      [4, () => this.#house.demo.faults.clear()],
      [3, (own) => this.#restart(own)],
    ]
    let left = dice.whole(
      1,
      acts.reduce((all, [share]) => all + share, 0),
    )
    for (const [share, act] of acts) if ((left -= share) <= 0) return act
    return (own) => this.#visit(own)
  }

  #visit(dice: Dice): void {
    if (this.#guests.size >= mostGuests) return
    this.#guest(dice, {
      kind: dice.pick(kinds),
      query: dice.pick(queries),
      habit: dice.chance(0.6) ? 'steady' : dice.pick(habits),
      farewell: dice.pick(farewells),
      stayMs: dice.chance(0.3) ? dice.whole(0, 1500) : dice.whole(1500, 30_000),
    })
  }

  #guest(dice: Dice, options: ConstructorParameters<typeof Guest>[3]): Guest {
    const guest = new Guest(this.#house, `viewer ${++this.streams}`, dice, options)
    this.#guests.add(guest)
    const over = guest.done.then(() => {
      this.#guests.delete(guest)
      this.packets += guest.packets
    })
    this.#follow(over)
    return guest
  }

  // For the streams that are opened next: so it hits who comes, and the connections that are opened again.
  #breakConnection(dice: Dice): void {
    const kind = dice.pick(kindsOf('rough'))
    if (kind === undefined) return
    const afterMs = dice.whole(0, 6000)
    const faults: [Fault, ...Fault[]] = [
      { kind: 'drop', afterMs, isHard: dice.chance(0.5) },
      { kind: 'stall', afterMs, ms: dice.whole(300, 9000) },
      { kind: 'refuse' },
      { kind: 'silence', ms: dice.whole(100, 6000) },
      { kind: 'slow', factor: 0.5 },
      { kind: 'text', text: 'no free tuner', isAll: true },
    ]
    this.#fault(kind, dice.pick(faults), dice.whole(1, 3))
  }

  #damage(dice: Dice): void {
    const kind = dice.pick(kindsOf('damaged'))
    if (kind === undefined) return
    const afterMs = dice.whole(0, 6000)
    const share = dice.pick([0.0001, 0.001, 0.01, 0.2])
    const faults: [Fault, ...Fault[]] = [
      { kind: 'damage', seed: dice.whole(1, 1e6), bitErrors: share, losses: share, repeats: share },
      { kind: 'damage', seed: dice.whole(1, 1e6), losses: share },
      { kind: 'stall', afterMs, ms: dice.whole(300, 5000), isLost: true },
      { kind: 'jump', afterMs, ms: dice.whole(-60_000, 60_000) },
      { kind: 'wrap', afterMs },
      { kind: 'scrambled', packets: dice.whole(1, 5000) },
      { kind: 'pmt', afterMs, change: dice.pick(pmtChanges) ?? 'version' },
      { kind: 'drop', afterMs, isHard: dice.chance(0.5) },
    ]
    this.#fault(kind, dice.pick(faults), dice.whole(1, 2))
  }

  #fault(target: string, fault: Fault, times: number): void {
    this.#house.note(`${target} gets ${JSON.stringify(fault)}, ${times} times`, `fault ${fault.kind}`)
    this.#house.demo.faults.add(target, fault, times)
  }

  #rubbish(dice: Dice): void {
    const most = dice.whole(1, 8)
    this.#house.note(`${most} send rubbish`, 'rubbish')
    for (let count = 0; count < most; count++) {
      this.#follow(pester(this.#house, 'rubbish', dice, dice.whole(10, 6000)))
    }
  }

  // Not two at once: a stream that loses its thread three times goes to another engine, and little is left
  // to be judged.
  #endThread(dice: Dice): void {
    if (performance.now() < this.#threadAt) return
    this.#threadAt = performance.now() + threadGapMs
    this.#house.endThread(dice.pick(endings), dice.whole(0, 7))
  }

  #endStream(dice: Dice): void {
    const stream = dice.pick(this.#house.feeds.list())
    if (stream === undefined) return
    this.#house.note(`stream ${stream.id} of ${stream.channel} is ended`, 'ended')
    this.#house.feeds.end(stream.id)
  }

  #crowd(dice: Dice): void {
    const kind = dice.pick(kinds)
    this.#house.note(`${crowdSize} look at ${kind} and go`, 'crowd')
    for (let count = 0; count < crowdSize; count++)
      this.#follow(glance(this.#house, kind, dice.whole(0, 1500), dice.pick(farewells)))
  }

  #restart(dice: Dice): void {
    if (performance.now() < this.#restartAt) return
    this.#restartAt = performance.now() + restartGapMs
    this.#follow(this.#house.reboot(dice.whole(200, 5000)))
  }

  #follow(promise: Promise<unknown>): void {
    const over = promise.finally(() => this.#going.delete(over))
    this.#going.add(over)
  }
}

/** Looks until it is so. @returns whether it came to be */
export async function until(isSo: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms
  for (;;) {
    if (await isSo()) return true
    if (performance.now() >= end) return false
    await delay(50)
  }
}
