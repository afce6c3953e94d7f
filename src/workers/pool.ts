// The worker pool: admission, the emptiest slot for each stream, and new places for the streams of a
// thread that is lost. Runs on the main thread and never looks at a byte.
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { childOf, traceFields, transcodeFields, type TraceContext } from '../base/trace.ts'
import { damageKinds } from './damage.ts'
import { looksToHang } from './heartbeat.ts'
import { Job, type PoolStream } from './job.ts'
import type { Place } from './native.ts'
import { Package } from './package.ts'
import type { PackageOptions, Packaging } from './packaging.ts'
import type { Profile } from './profile.ts'
import { mostWeight } from './schedule.ts'
import { Slot, type Loss, type LossReason, type SlotOptions } from './slot.ts'
import type { ReadThread } from './thread.ts'
import type { Work } from './work.ts'

export type { PoolStream, RemuxReport } from './job.ts'

export interface PoolOptions {
  /** threads; default one less than the machine has cores */
  workers?: number
  /** default 128 */
  streamsPerWorker?: number
  log?: Logger
  metrics?: Metrics
  /** A thread that does not move for so long while it has streams is replaced, ten times as long where it only
   *  waits for a core. Default 600: with what it takes to go on elsewhere, viewers wait less than a second. */
  hangMs?: number
  /** longest that close() waits for streams and threads; default 3000 */
  closeMs?: number
  /** each stream's ring to the worker, a power of two; default 512 KiB, 0.4 s of 10 Mbit/s */
  inputBytes?: number
  /** each stream's ring from the worker, a power of two; default 256 KiB: main empties it every 10 ms */
  outputBytes?: number
  /** of each thread's JavaScript heap; the codecs' memory is not in it */
  resourceLimits?: SlotOptions['resourceLimits']
  /** how a thread stands that does not move; default: what the system says */
  readThread?: ReadThread
  /** the file that the threads run; default remux.ts beside this file */
  taskFile?: string
}

type FilledOptions = PoolOptions & Required<Omit<PoolOptions, 'log' | 'metrics' | 'readThread'>>

/** How a stream is to be carried. */
export interface StreamOptions {
  /** for logs */
  readonly label?: string | undefined
  /** Makes it a job: live streams go first, jobs share what is left by weight, 1 .. mostWeight. */
  readonly weight?: number | undefined
  /** The span that it is part of. */
  readonly trace?: TraceContext | undefined
  /** Where the remuxer stood that it goes on after: a player has been reading that one's stream. */
  readonly place?: Readonly<Place> | undefined
}

export interface PoolStats {
  readonly workers: number
  readonly capacity: number
  /** remuxed and packaged, jobs included */
  readonly streams: number
  readonly jobs: number
  /** cut for HLS */
  readonly packages: number
  readonly refused: number
  readonly restarts: number
  readonly failures: Readonly<Record<LossReason, number>>
  readonly perWorker: readonly { isUp: boolean; streams: number; restarts: number; problem: string }[]
}

const mostLosses = 2 // threads that a stream may lose; with the next one it fails
const liveShare = 1 / 8 // of the places, that no job takes

const defaults: FilledOptions = {
  workers: Math.max(1, availableParallelism() - 1),
  streamsPerWorker: 128,
  hangMs: 600,
  closeMs: 3000,
  inputBytes: 512 * 1024,
  outputBytes: 256 * 1024,
  resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 },
  taskFile: resolve(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'remux.ts' : 'remux.js'),
}

export class Pool {
  readonly #options: FilledOptions
  readonly #slots: Slot[]
  readonly #jobs = new Set<Job>()
  readonly #packages = new Set<Package>()
  readonly #failures: Record<LossReason, number> = { died: 0, exit: 0, memory: 0, hung: 0 }
  #watch: NodeJS.Timeout | undefined
  #lastId = 0
  #refused = 0
  #restartsReported = 0
  #isClosed = false

  /** Starts the threads; ready() tells when they are up. */
  constructor(options: PoolOptions = {}) {
    this.#options = { ...defaults, ...withoutUndefined(options) }
    const { workers, streamsPerWorker: streams } = this.#options
    const { taskFile, hangMs, resourceLimits, readThread } = this.#options
    const onLoss = (loss: Loss) => this.#onLoss(loss)
    const onChange = () => this.#report()
    this.#slots = Array.from(
      { length: workers },
      (_, index) =>
        new Slot(index, { taskFile, streams, hangMs, resourceLimits, readThread, onLoss, onChange }),
    )
    this.#report()
  }

  /** Resolves when each thread is up or is known not to come up: see problem. */
  async ready(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.started))
  }

  /** Why no stream can be opened: ADDON_MISSING or NO_WORKER; undefined while one slot works. */
  get problem(): AppError | undefined {
    const problems = this.#slots.map((slot) => slot.problem)
    return problems.every((problem) => problem !== undefined) ? problems[0] : undefined
  }

  /** Starts a stream. A job is refused while there still are places for live streams.
   *  @throws POOL_FULL, ADDON_MISSING, NO_WORKER or SHUTTING_DOWN */
  open(profile: Profile, { label = 'stream', weight, trace, place }: StreamOptions = {}): PoolStream {
    checkWeight(weight)
    const slot = this.#admit(weight)
    if (weight !== undefined && this.#countJobs() >= this.#mostJobs) throw this.#refuse(weight)
    const { inputBytes, outputBytes } = this.#options
    const job = new Job(this.#nextId(), profile, { label, weight, inputBytes, outputBytes, place })
    this.#jobs.add(job)
    slot.run(job)
    void this.#follow(job, childOf(trace))
    this.#begun()
    return job
  }

  /** Cuts a remuxed stream for HLS. @throws POOL_FULL, ADDON_MISSING, NO_WORKER or SHUTTING_DOWN */
  package(options: PackageOptions): Packaging {
    const slot = this.#admit()
    const work = new Package(this.#nextId(), options)
    this.#packages.add(work)
    slot.run(work)
    const forget = () => {
      this.#packages.delete(work)
      this.#ended()
    }
    work.done.then(forget, forget)
    this.#begun()
    return work
  }

  stats(): PoolStats {
    return {
      workers: this.#slots.length,
      capacity: this.#capacity,
      streams: this.#works.length,
      jobs: this.#countJobs(),
      packages: this.#packages.size,
      refused: this.#refused,
      restarts: this.#restarts,
      failures: { ...this.#failures },
      perWorker: this.#slots.map(({ isUp, works, restarts, problem }) => ({
        isUp,
        streams: works.size,
        restarts,
        problem: problem?.message ?? '',
      })),
    }
  }

  /** Cancels the streams that are left and ends the threads. */
  async close(): Promise<void> {
    this.#isClosed = true
    const { closeMs } = this.#options
    for (const work of this.#works) work.close()
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, closeMs)))
    await Promise.race([Promise.allSettled(this.#works.map(({ done }) => done)), limit])
    clearTimeout(timer)
    await Promise.all(this.#slots.map((slot) => slot.close(closeMs)))
    for (const work of this.#works) work.fail(new AppError('SHUTTING_DOWN'))
    clearInterval(this.#watch)
    this.#report()
  }

  get #works(): Work[] {
    return [...this.#jobs, ...this.#packages]
  }

  get #restarts(): number {
    return this.#slots.reduce((all, slot) => all + slot.restarts, 0)
  }

  get #capacity(): number {
    return this.#slots.length * this.#options.streamsPerWorker
  }

  // The slot for what comes next.
  #admit(weight?: number): Slot {
    if (this.#isClosed) throw new AppError('SHUTTING_DOWN')
    const slot = this.#emptiest()
    if (slot === undefined) throw this.problem ?? this.#refuse(weight)
    return slot
  }

  #begun(): void {
    this.#report()
    this.#watch ??= setInterval(() => this.#look(), this.#options.hangMs / looksToHang)
  }

  #ended(): void {
    if (this.#works.length === 0) {
      clearInterval(this.#watch)
      this.#watch = undefined
    }
    this.#report()
  }

  #emptiest(slots = this.#slots): Slot | undefined {
    const best = slots.reduce((best, slot) => (slot.free > best.free ? slot : best))
    return best.free > 0 ? best : undefined
  }

  // Of the places on threads that work. A pool of one place has none to keep.
  get #mostJobs(): number {
    const working = this.#slots.filter(({ problem }) => problem === undefined)
    const places = working.length * this.#options.streamsPerWorker
    return places < 2 ? places : places - Math.ceil(places * liveShare)
  }

  #countJobs(): number {
    return [...this.#jobs].filter(({ isLive }) => !isLive).length
  }

  #refuse(weight: number | undefined): AppError {
    const kind = weight === undefined ? 'live' : 'job'
    this.#refused++
    this.#options.metrics?.poolRefused.inc(kind)
    const [capacity, what] = kind === 'live' ? [this.#capacity, 'streams'] : [this.#mostJobs, 'jobs']
    return new AppError('POOL_FULL', { capacity, what, streams: this.#works.length })
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % (2 ** 31 - 1)) + 1
    return this.#lastId
  }

  async #follow(job: Job, span: TraceContext): Promise<void> {
    const { log, metrics } = this.#options
    const traced = traceFields(span)
    try {
      const { bytesIn, bytesOut, errors, stats } = await job.done
      const ratio = bytesIn === 0 ? 0 : bytesOut / bytesIn
      log?.info(
        {
          label: job.label,
          bytes_input: bytesIn,
          bytes_output: bytesOut,
          errors,
          compression_ratio: Number(ratio.toFixed(4)),
          program: stats.program,
          ...traced,
        },
        'remuxing stream completed',
      )
    } catch (err) {
      log?.warn({ label: job.label, err, ...traced }, 'remuxing stream failed')
    }
    log?.info(
      { label: job.label, ...transcodeFields(job.profile.audio, job.account()), ...traced },
      'transcode.native',
    )
    this.#account(job)
    metrics?.remuxSeconds.observe((performance.now() - job.startedAt) / 1000)
    this.#jobs.delete(job)
    this.#ended()
  }

  #look(): void {
    for (const slot of this.#slots) slot.look()
    for (const job of this.#jobs) this.#account(job)
    this.#report()
  }

  // The streams go on in other threads, from where their rings are. When it is known whose turn it was,
  // the loss counts against that stream alone: its neighbours shall not pay for it.
  #onLoss({ slot, reason, cause, works, culprit }: Loss): void {
    const { log, metrics } = this.#options
    this.#failures[reason]++
    metrics?.workerFailures.inc(reason)
    log?.error({ worker: slot.index, reason, streams: works.length, err: cause }, 'worker lost')
    const isKnown = works.some(({ id }) => id === culprit)
    // Live streams first: who comes later may have to wait for the new thread.
    for (const work of [...works].sort((one, other) => Number(other.isLive) - Number(one.isLive))) {
      const isSuspect = !isKnown || work.id === culprit
      if (isSuspect) work.losses++
      this.#replace(work, reason, cause, isSuspect)
    }
    this.#report()
  }

  // A thread that starts takes a moment, so who is innocent goes to one that runs. A suspect does not: it
  // could take the others' thread along.
  #replace(work: Work, reason: LossReason, cause: unknown, isSuspect: boolean): void {
    const running = isSuspect ? [] : this.#slots.filter((slot) => slot.isUp && slot.free > 0)
    const slot = this.#emptiest(running.length > 0 ? running : this.#slots)
    if (!work.isMovable || work.losses > mostLosses || slot === undefined) {
      const code = reason === 'hung' ? 'WORKER_HUNG' : 'WORKER_DIED'
      work.fail(new AppError(code, { cause, why: reason, losses: work.losses, label: work.label }))
      return
    }
    slot.run(work)
    this.#options.log?.warn({ label: work.label, worker: slot.index, losses: work.losses }, 'stream moved')
  }

  #account(job: Job): void {
    const { metrics } = this.#options
    if (metrics === undefined) return
    const { bytesIn, bytesOut, damage } = job.progress()
    metrics.remuxBytes.inc('in', bytesIn)
    metrics.remuxBytes.inc('out', bytesOut)
    for (const kind of damageKinds) if (damage[kind] > 0) metrics.remuxDamage.inc(kind, damage[kind])
  }

  #report(): void {
    const { metrics } = this.#options
    metrics?.poolWorkers.set(this.#slots.filter((slot) => slot.isUp).length)
    metrics?.poolCapacity.set(this.#capacity)
    metrics?.poolStreams.set(this.#works.length)
    metrics?.poolJobs.set(this.#countJobs())
    metrics?.remuxesActive.set(this.#jobs.size)
    metrics?.workerRestarts.inc(this.#restarts - this.#restartsReported)
    this.#restartsReported = this.#restarts
  }
}

function checkWeight(weight: number | undefined): void {
  if (weight === undefined || (Number.isInteger(weight) && weight >= 1 && weight <= mostWeight)) return
  throw new TypeError(`Expected a whole number from 1 to ${mostWeight} for weight but received ${weight}`)
}

// `{ ...defaults, workers: undefined }` would lose the default.
function withoutUndefined(options: PoolOptions): PoolOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
