// One stream of the pool, main's side: its rings, its end, and what it takes to give it to another
// thread when its own is lost.
import { AppError } from '../base/errors.ts'
import { eachDamage, errorsOf, type Damage } from './damage.ts'
import { MarkReader, createMarks } from './marks.ts'
import type { Outcome, RemuxTask } from './message.ts'
import type { Mark, Place, RemuxStats } from './native.ts'
import type { Profile } from './profile.ts'
import { RingReader, RingWriter, createRing } from './ring.ts'
import type { Work } from './work.ts'

/** A stream in the pool, as its owner sees it. */
export interface PoolStream {
  readonly label: string
  /** of a job, 1 .. mostWeight; undefined for a live stream */
  readonly weight: number | undefined
  readonly profile: Profile
  /** The source's bytes go in here; close() of it says that the source has ended. */
  readonly input: RingWriter
  /** The remuxed stream, whole packets. Closed by the worker after the last byte. */
  readonly output: RingReader
  /** Resolves at the end, cancelled or not. Rejects with an AppError: NO_STREAM, WORKER_DIED,
   *  WORKER_HUNG, ADDON_MISSING, INTERNAL. Safe to leave alone. */
  readonly done: Promise<RemuxReport>
  /** Access points since the last call, offsets in bytes of output. Read it along with the output:
   *  128 are kept, newer ones are dropped. */
  marks(): Mark[]
  /** Damage so far, renewed about once a second while the stream flows. */
  damage(): Damage
  /** Faults of the source so far. */
  errors(): number
  /** Cancels: both rings are closed, what is inside is thrown away. */
  close(): void
}

/** What became of a stream. */
export interface RemuxReport {
  /** of the input, taken by the remuxer */
  readonly bytesIn: number
  readonly bytesOut: number
  /** faults found in the source */
  readonly errors: number
  /** by the remuxer that was last in charge */
  readonly stats: RemuxStats
}

export interface JobOptions {
  readonly label: string
  readonly weight?: number | undefined
  /** Where the remuxer stood that this stream goes on after. */
  readonly place?: Readonly<Place> | undefined
  readonly inputBytes: number
  readonly outputBytes: number
}

/** Bytes and damage since the last look, for the metrics. */
export interface Progress {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly damage: Damage
}

export class Job implements PoolStream, Work {
  readonly id: number
  readonly label: string
  readonly weight: number | undefined
  readonly profile: Profile
  readonly input: RingWriter
  readonly output: RingReader
  readonly done: Promise<RemuxReport>
  readonly isMovable = true
  losses = 0
  readonly startedAt = performance.now()
  readonly #marks: MarkReader
  readonly #end = Promise.withResolvers<RemuxReport>()
  #isResumed: boolean
  #seen: Progress = { bytesIn: 0, bytesOut: 0, damage: eachDamage(() => 0) }

  constructor(id: number, profile: Profile, { label, weight, inputBytes, outputBytes, place }: JobOptions) {
    this.id = id
    this.label = label
    this.weight = weight
    this.profile = profile
    this.input = new RingWriter(createRing(inputBytes))
    this.output = new RingReader(createRing(outputBytes))
    this.#isResumed = place !== undefined
    if (place !== undefined) this.output.notes.set(place) // before a worker has it
    this.#marks = new MarkReader(createMarks())
    this.done = this.#end.promise
    this.done.catch(() => undefined) // nobody has to wait for the end
  }

  /** Not a job. */
  get isLive(): boolean {
    return this.weight === undefined
  }

  /** Bytes that the worker has taken. */
  get bytesIn(): number {
    return this.input.total - this.input.fill
  }

  /** Bytes that the worker has given. */
  get bytesOut(): number {
    return this.output.total + this.output.fill
  }

  marks(): Mark[] {
    return this.#marks.read()
  }

  damage(): Damage {
    return eachDamage((_, counter) => this.output.counter(counter))
  }

  errors(): number {
    return errorsOf(this.damage())
  }

  /** Bytes and faults so far. */
  account(): Pick<RemuxReport, 'bytesIn' | 'bytesOut' | 'errors'> {
    return { bytesIn: this.bytesIn, bytesOut: this.bytesOut, errors: this.errors() }
  }

  close(): void {
    this.output.close('cancel') // first: else the worker could take it for the input's end
    this.input.close('cancel')
  }

  task(): RemuxTask {
    return {
      kind: 'remux',
      id: this.id,
      profile: this.profile,
      input: this.input.memory,
      output: this.output.memory,
      marks: this.#marks.ring.memory,
      offset: this.bytesOut,
      isResumed: this.#isResumed,
      weight: this.weight,
    }
  }

  rescue(): void {
    this.input.move()
    this.output.move()
    this.#marks.ring.move()
    this.#isResumed = true
  }

  /** Bytes and damage since the last call. */
  progress(): Progress {
    const { bytesIn, bytesOut, damage } = this.#seen
    const now = { bytesIn: this.bytesIn, bytesOut: this.bytesOut, damage: this.damage() }
    this.#seen = now
    return {
      bytesIn: now.bytesIn - bytesIn,
      bytesOut: now.bytesOut - bytesOut,
      damage: eachDamage((kind) => (now.damage[kind] - damage[kind]) >>> 0), // the counters wrap
    }
  }

  settle(outcome: Outcome): void {
    switch (outcome.kind) {
      case 'done':
        this.#end.resolve({ ...this.account(), stats: outcome.stats })
        break
      case 'failed':
        this.fail(new AppError(outcome.code, { ...outcome.details, label: this.label }))
        break
      case 'ready':
      case 'packaged':
        this.fail(new AppError('INTERNAL', { reason: `A worker answered a stream with ${outcome.kind}` }))
        break
      default:
        outcome satisfies never
    }
  }

  fail(error: AppError): void {
    this.input.close('error')
    this.output.close('error')
    this.#end.reject(error)
  }
}
