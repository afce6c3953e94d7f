// When to ask the receiver by itself: channels often, the guide seldom, again soon after trouble. One timer.
import type { RefreshKind } from './guide.ts'

export interface ScheduleOptions {
  /** Between two looks at the bouquets. Default 45 min. */
  channelsEveryMs?: number
  /** Between two passes through the guide. Default 6 h. */
  guideEveryMs?: number
  /** After the first failure; doubles up to 15 min. Default 30 s. */
  retryMs?: number
  /** 0 .. 1; Math.random unless given. */
  random?: () => number
}

/** When which part was complete the last time, unix ms; 0 if never. */
export interface Completed {
  readonly channelsAt: number
  readonly guideAt: number
  /** Have channels come whose programmes were never asked for? */
  readonly hasNews: boolean
}

const longestRetryMs = 15 * 60_000
const jitter = 0.1 // so that several daemons do not ask in step

export class Schedule {
  readonly #options: Required<ScheduleOptions>
  readonly #start: (kind: RefreshKind) => void
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #nextAt: Date | undefined
  #isFirst = true
  #isClosed = false

  constructor(options: ScheduleOptions, start: (kind: RefreshKind) => void) {
    this.#options = {
      channelsEveryMs: 45 * 60_000,
      guideEveryMs: 6 * 3_600_000,
      retryMs: 30_000,
      random: Math.random,
      ...options,
    }
    this.#start = start
  }

  get nextAt(): Date | undefined {
    return this.#nextAt
  }

  /** Programmes older than this are asked for again in a pass: half a period, so that a pass that was
   *  interrupted goes on where it stopped. */
  get staleMs(): number {
    return this.#options.guideEveryMs / 2
  }

  /** Plans the next refresh. The first look at the bouquets is at once. */
  plan(completed: Completed): void {
    if (this.#isClosed) return
    const { kind, atMs } = this.#next(completed, Date.now())
    const waitMs = Math.max(0, atMs - Date.now())
    this.#nextAt = new Date(atMs)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#start(kind), waitMs).unref()
  }

  /** How the last refresh went: after a failure the next comes sooner. */
  ended(isComplete: boolean): void {
    this.#isFirst = false
    this.#failures = isComplete ? 0 : this.#failures + 1
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #next({ channelsAt, guideAt, hasNews }: Completed, nowMs: number): { kind: RefreshKind; atMs: number } {
    const { channelsEveryMs, guideEveryMs } = this.#options
    const planned = (at: number, everyMs: number): number => Math.max(nowMs, at + this.#spread(everyMs))
    const channelsDue = this.#isFirst ? nowMs : planned(channelsAt, channelsEveryMs)
    const guideDue = hasNews ? nowMs : planned(guideAt, guideEveryMs)
    if (this.#failures > 0) {
      const atMs = nowMs + this.#retryMs()
      return { kind: guideDue <= atMs ? 'all' : 'channels', atMs }
    }
    if (guideDue < channelsDue) return { kind: 'guide', atMs: guideDue }
    return { kind: guideDue === channelsDue ? 'all' : 'channels', atMs: channelsDue }
  }

  #retryMs(): number {
    return Math.min(
      longestRetryMs,
      this.#spread(this.#options.retryMs * 2 ** Math.min(this.#failures - 1, 10)),
    )
  }

  #spread(ms: number): number {
    return ms * (1 + jitter * (2 * this.#options.random() - 1))
  }
}
