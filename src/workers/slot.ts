// One place for a worker thread: a Piscina with exactly one thread, so that it is known which streams
// a lost thread carried. A thread that dies or hangs is replaced together with its Piscina; nothing
// waits for the old one, which may never end.
import { Piscina } from 'piscina'
import { AppError } from '../base/errors.ts'
import { HeartbeatWatch, createHeartbeat } from './heartbeat.ts'
import type { Outcome, Task, ThreadData } from './message.ts'
import { readThread, type ReadThread } from './thread.ts'
import type { Work } from './work.ts'

/** How a thread was lost. */
export type LossReason = 'died' | 'exit' | 'memory' | 'hung'

/** A lost thread and what it carried. */
export interface Loss {
  readonly slot: Slot
  readonly reason: LossReason
  readonly cause: unknown
  readonly works: readonly Work[]
  /** id of the stream whose turn it was, 0 when none */
  readonly culprit: number
}

export interface SlotOptions {
  readonly taskFile: string
  readonly streams: number
  readonly hangMs: number
  readonly resourceLimits: {
    maxOldGenerationSizeMb?: number
    maxYoungGenerationSizeMb?: number
    stackSizeMb?: number
  }
  /** Default: what the system says. */
  readonly readThread?: ReadThread | undefined
  readonly onLoss: (loss: Loss) => void
  /** A thread is up, or known not to come up. */
  readonly onChange: () => void
}

const beatsPerHang = 10
const bootMs = 30_000 // a thread on a busy machine starts in well under a second
const retryMs = [1000, 2000, 5000, 15_000, 30_000] // between threads that do not even start

export class Slot {
  readonly index: number
  readonly works = new Set<Work>()
  /** Why this slot takes no streams; undefined while it does. */
  problem: AppError | undefined
  restarts = 0
  readonly #options: SlotOptions
  #piscina: Piscina
  #watch: HeartbeatWatch
  #retryTimer: NodeJS.Timeout | undefined
  #started: Promise<void>
  #isUp = false
  #isLost = false
  #failedBoots = 0
  #isClosed = false

  constructor(index: number, options: SlotOptions) {
    this.index = index
    this.#options = options
    ;({ piscina: this.#piscina, watch: this.#watch, started: this.#started } = this.#start())
  }

  /** The thread has loaded what it needs. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Resolves when the thread is up or it is known why not (see problem). */
  get started(): Promise<void> {
    return this.#started
  }

  get free(): number {
    return this.problem === undefined ? this.#options.streams - this.works.size : 0
  }

  /** Gives a stream to the thread; one that still starts takes it up as soon as it is there. */
  run(work: Work): void {
    this.works.add(work)
    const piscina = this.#piscina
    this.#ask(piscina, work.task()).then(
      (outcome) => {
        // The answer of a thread that is lost already: the stream runs elsewhere by now.
        if (piscina === this.#piscina && this.works.delete(work)) work.settle(outcome)
      },
      (cause: unknown) => this.#lose(piscina, cause),
    )
  }

  /** Looks whether the thread moves. To be called every hangMs / looksToHang. */
  look(): void {
    this.#watch.look(this.#isUp && this.works.size > 0)
    if (this.#watch.isHung()) this.#lose(this.#piscina, hung)
  }

  /** Ends the thread, whatever it does. Waits for its end, but not for ever. */
  async close(waitMs: number): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retryTimer)
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)))
    await Promise.race([this.#piscina.destroy(), limit])
    clearTimeout(timer)
  }

  #start() {
    const { taskFile, streams, hangMs, resourceLimits, readThread: read = readThread } = this.#options
    const heartbeat = createHeartbeat()
    const workerData: ThreadData = { heartbeat, beatMs: hangMs / beatsPerHang }
    const piscina = new Piscina({
      filename: taskFile,
      minThreads: 0, // the greeting starts the thread; a lost one is replaced by us, not by Piscina
      maxThreads: 1,
      concurrentTasksPerWorker: streams + 1, // the greeting beside a full load
      idleTimeout: Infinity,
      atomics: 'disabled', // else an idle thread's event loop stands still
      recordTiming: false,
      resourceLimits,
      workerData,
    })
    piscina.on('error', (cause) => this.#lose(piscina, cause))
    const watch = new HeartbeatWatch(heartbeat, { hangMs, read })
    return { piscina, watch, started: this.#greet(piscina) }
  }

  // Loads the addon in the thread, and shows that the thread starts at all.
  async #greet(piscina: Piscina): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(hung), bootMs)
    })
    try {
      const outcome = await Promise.race([this.#ask(piscina, { kind: 'hello' }), late])
      if (piscina !== this.#piscina) return
      this.#isUp = true
      this.#failedBoots = 0
      this.problem =
        outcome.kind === 'failed' ? new AppError(outcome.code, { ...outcome.details }) : undefined
    } catch (cause) {
      this.#lose(piscina, cause)
    } finally {
      clearTimeout(timer)
    }
    this.#options.onChange()
  }

  #ask(piscina: Piscina, task: Task): Promise<Outcome> {
    return piscina.run(task) as Promise<Outcome>
  }

  // Once for each thread: its other streams, and itself, tell of the same end.
  #lose(piscina: Piscina, cause: unknown): void {
    if (piscina !== this.#piscina || this.#isLost || this.#isClosed) return
    this.#isLost = true
    const loss: Loss = {
      slot: this,
      reason: reasonOf(cause),
      cause,
      works: [...this.works],
      culprit: this.#watch.current,
    }
    const wasUp = this.#isUp
    this.works.clear()
    this.#isUp = false
    void piscina.destroy()
    for (const work of loss.works) work.rescue()
    if (wasUp) this.#restart()
    else this.#retryLater(cause)
    this.#options.onLoss(loss)
  }

  #restart(): void {
    this.restarts++
    this.#isLost = false
    ;({ piscina: this.#piscina, watch: this.#watch, started: this.#started } = this.#start())
  }

  // A thread that does not start would not start the next moment either.
  #retryLater(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.problem = new AppError('NO_WORKER', { cause, reason })
    const wait = retryMs[Math.min(this.#failedBoots++, retryMs.length - 1)]
    this.#retryTimer = setTimeout(() => {
      this.problem = undefined
      this.#restart()
    }, wait).unref()
  }
}

const hung = new Error('The worker thread stopped responding')

function reasonOf(cause: unknown): LossReason {
  if (cause === hung) return 'hung'
  const { code, message } = cause as Partial<NodeJS.ErrnoException>
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'memory'
  return message?.startsWith('worker exited') ? 'exit' : 'died'
}
