// One stream's way through a worker thread: ring in -> remuxer -> ring out. Many lanes share the event
// loop of the thread, so a lane never blocks, and yields after a budget. That of a job asks for each turn.
import { AppError } from '../base/errors.ts'
import { damageKinds, damageOf, eachDamage, type Damage } from './damage.ts'
import type { Heartbeat } from './heartbeat.ts'
import { MarkWriter } from './marks.ts'
import type { RemuxTask } from './message.ts'
import {
  PLACE_OPEN,
  PLACE_TIME,
  mostPushBytes,
  patientSettleMs,
  type Place,
  type Publish,
  type Remuxer,
  type RemuxerOptions,
  type RemuxStats,
} from './native.ts'
import type { Profile } from './profile.ts'
import { RingReader, RingWriter, type CloseReason } from './ring.ts'
import type { Share } from './schedule.ts'
import { Slice } from './slice.ts'
import { addStats } from './stats.ts'

/** Input that one lane works on before the others get their turn, at most. */
export const turnBytes = 262_144

const packetBytes = 188
const statsEveryMs = 1000 // stats() costs more than a push: the live counters follow at this pace

/** What a lane needs of a remuxer; tests put a simpler one in. */
export type LaneRemuxer = Pick<Remuxer, 'push' | 'pull' | 'flush' | 'marks' | 'stats' | 'place' | 'close'>
export type MakeRemuxer = (profile: Profile, options: RemuxerOptions) => LaneRemuxer

/** What the lane waits for: bytes in, room out, the others' turn, or nothing more. */
type Next = 'input' | 'room' | 'others' | 'end'

export class Lane {
  readonly #id: number
  readonly #profile: Profile
  readonly #make: MakeRemuxer
  readonly #offset: number
  readonly #isResumed: boolean
  readonly #isLive: boolean
  readonly #input: RingReader
  readonly #output: RingWriter
  readonly #marks: MarkWriter
  readonly #place: Place // in the output ring: it outlives this thread
  #remuxer: LaneRemuxer
  #past: RemuxStats | undefined // of the remuxers before this one
  // Where the output ring's end is nearer than a packet, the packets come through here.
  readonly #bridge = new Uint8Array(16 * packetBytes)
  #hasMore = false // output waits inside the remuxer
  #isFlushed = false
  #released = 0 // of the bytes that are being pushed
  #turnInput = 0
  #slice: Slice | undefined // of a job
  #counted: Damage = eachDamage(() => 0)
  #countedAt = performance.now()

  /** Throws what the making of the remuxer throws; the rings are closed then. */
  constructor(task: RemuxTask, make: MakeRemuxer) {
    this.#id = task.id
    this.#profile = task.profile
    this.#make = make
    this.#offset = task.offset
    this.#isResumed = task.isResumed
    this.#isLive = task.weight === undefined
    this.#input = new RingReader(task.input)
    this.#output = new RingWriter(task.output)
    this.#marks = new MarkWriter(task.marks, task.offset)
    this.#place = this.#output.notes
    if (!task.isResumed) this.#place[PLACE_TIME] = -1
    try {
      this.#remuxer = this.#begin(task.isResumed)
    } catch (error) {
      this.#closeRings('error')
      throw error
    }
  }

  /** Carries the stream to its end: the input's, drained, or at once when the output is closed.
   *  Closes the rings and the remuxer. Throws NO_STREAM when a whole input gave nothing.
   *  @param share  a job's part of the thread; live streams have none, and wait for nobody */
  async run(heartbeat: Heartbeat, share?: Share): Promise<RemuxStats> {
    let reason: CloseReason = 'error'
    try {
      const stats = await this.#carry(heartbeat, share)
      reason = 'end'
      return stats
    } finally {
      this.#closeRings(reason)
      this.#remuxer.close()
    }
  }

  async #carry(heartbeat: Heartbeat, share: Share | undefined): Promise<RemuxStats> {
    if (share !== undefined) this.#slice = new Slice()
    const turn = () => heartbeat.turn(this.#id, () => this.#turn())
    const isOver = () => this.#output.isClosed
    for (;;) {
      const next = share === undefined ? turn() : await share.turn(turn, isOver)
      switch (next) {
        case 'input':
          await this.#input.whenReadable()
          break
        case 'room':
          await this.#output.whenWritable(packetBytes)
          break
        case 'others':
          if (share === undefined) await new Promise(setImmediate)
          break
        case 'end':
          return this.#finish()
        default:
          next satisfies never
      }
    }
  }

  #begin(resumed: boolean): LaneRemuxer {
    const settle = this.#isLive ? {} : { settleMs: patientSettleMs }
    return this.#make(this.#profile, { resumed, place: this.#place, ...settle })
  }

  #closeRings(reason: CloseReason): void {
    this.#input.close(reason)
    this.#output.close(reason)
  }

  // Works until something is missing. The budget counts on over waits that were none: when bytes are
  // always there, the awaits above never leave the microtasks, and timers and others would starve.
  #turn(): Next {
    this.#slice?.begin()
    for (;;) {
      if (this.#output.isClosed) return 'end'
      if (this.#output.free < packetBytes) return 'room'
      if (this.#hasMore) {
        this.#fill((window) => this.#remuxer.pull(window))
        continue
      }
      if (this.#isFlushed) {
        if (this.#input.splice !== 0) return 'end'
        this.#join()
        continue
      }
      if (this.#turnInput >= turnBytes || this.#slice?.isOver === true) {
        this.#turnInput = 0
        return 'others'
      }
      const bytes = this.#input.readable(this.#slice?.pieceBytes ?? mostPushBytes)
      if (bytes.length > 0) this.#push(bytes)
      else if (this.#input.splice === 0 || this.#input.isDrained) this.#flush()
      else return 'input'
    }
  }

  #push(bytes: Uint8Array): void {
    this.#released = 0
    this.#fill((window, publish) => this.#remuxer.push(bytes, window, publish))
    this.#release(bytes.length) // the remuxer has what it needs: it keeps no borrowed bytes
    this.#turnInput += bytes.length
    this.#slice?.note(bytes.length)
    if (performance.now() - this.#countedAt >= statsEveryMs) this.#count(this.#remuxer.stats())
  }

  #flush(): void {
    this.#remuxer.flush()
    this.#isFlushed = true
    this.#hasMore = true
  }

  // All of the source so far has been sent; what comes now is of another one. The place says how it
  // goes on, also to another thread when this one is lost here.
  #join(): void {
    const stats = this.#remuxer.stats()
    this.#count(stats)
    this.#past = addStats(this.#past, stats)
    this.#counted = eachDamage(() => 0)
    this.#remuxer.close()
    const offset = this.#offset + this.#output.total
    if (offset > 0) this.#place[PLACE_OPEN] = 1
    this.#input.join()
    this.#remuxer = this.#begin(offset > 0)
    this.#marks.rebase(offset)
    if (offset > 0) this.#marks.write({ offset: 0, pts: -1, pcr: -1, kind: 'cut' })
    this.#isFlushed = false
  }

  // Lets the remuxer write into the ring, in place, and publishes it. Where somebody waits for a live stream,
  // what passes does not wait for sound that is worked on; its input is released with it, so that a thread
  // that goes on after this one does not send it again.
  #fill(produce: (window: Uint8Array, publish?: Publish) => number): void {
    const before = this.#output.total
    const inPlace = this.#output.writable()
    const isDirect = inPlace.length >= packetBytes
    const window = isDirect ? inPlace : this.#bridge.subarray(0, this.#output.free)
    const publish: Publish = (length, taken) => {
      this.#publish(length)
      this.#release(taken)
    }
    const isUrgent = isDirect && this.#isLive && this.#output.isAwaited
    const rest = produce(window, isUrgent ? publish : undefined)
    if (isDirect) this.#publish(rest)
    else {
      this.#tell()
      this.#output.write(window.subarray(0, rest))
    }
    const length = this.#output.total - before
    this.#hasMore = length > 0 && window.length - length < packetBytes
  }

  #release(taken: number): void {
    this.#input.release(taken - this.#released)
    this.#released = taken
  }

  #publish(length: number): void {
    this.#tell()
    this.#output.commit(length)
  }

  // Before the bytes.
  #tell(): void {
    for (const mark of this.#remuxer.marks()) this.#marks.write(mark)
    this.#remuxer.place(this.#place)
  }

  #count(stats: RemuxStats): void {
    const damage = damageOf(stats)
    for (const [counter, kind] of damageKinds.entries()) {
      // A track that goes takes its counts along: the sums can fall.
      this.#output.count(counter, Math.max(0, damage[kind] - this.#counted[kind]))
    }
    this.#counted = damage
    this.#countedAt = performance.now()
  }

  #finish(): RemuxStats {
    const last = this.#remuxer.stats()
    this.#count(last)
    const stats = addStats(this.#past, last)
    const isCancelled = this.#output.isClosed // by its reader: we have not done it yet
    if (this.#output.total === 0 && !isCancelled && !this.#isResumed) {
      throw new AppError('NO_STREAM', { found: stats.problem || 'no data' })
    }
    return stats
  }
}
