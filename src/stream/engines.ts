// All engines in the order of preference: remote, native, ffmpeg, passthrough. Each stream goes to the first that can
// take it; one that fails too often is left alone for a while. Goes back by itself.
import { type AppError, type ErrorCode, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { StreamOptions } from '../workers/pool.ts'
import type { Profile } from '../workers/profile.ts'
import { type Attempt, Breaker, type BreakerOptions, type BreakerState } from './breaker.ts'
import type { Engine, EngineName, EngineStream } from './engine.ts'

export interface EnginesOptions {
  readonly log?: Logger | undefined
  readonly metrics?: Metrics | undefined
  readonly breaker?: Omit<BreakerOptions, 'now' | 'onChange'>
  /** A stream that has given something and has run for so long shows that its engine works. Default 5 s. */
  readonly provenMs?: number
  /** Monotonic, in ms. */
  readonly now?: () => number
  /** Calls back once after so many ms. @returns what takes it back */
  readonly later?: (ms: number, call: () => void) => () => void
}

export interface PlacingOptions extends StreamOptions {
  /** The engine that this stream has had until it failed: only those behind it are tried. */
  readonly after?: Engine | undefined
  /** It shall not end because the next house is full. Default: it has had an engine. */
  readonly isOnAir?: boolean | undefined
}

/** A stream and whose it is. */
export interface Opened {
  readonly engine: Engine
  readonly stream: EngineStream
}

// What an engine is to blame for. All else is the source's, the client's or the load's.
const faults: readonly ErrorCode[] = [
  'WORKER_DIED',
  'WORKER_HUNG',
  'ADDON_MISSING',
  'NO_WORKER',
  'FFMPEG_FAILED',
  'FFMPEG_MISSING',
  'TRANSCODER_FAILED',
  'INTERNAL',
]

/** Is this the engine's fault, so that another engine could do better? */
export function isEngineFault(error: unknown): boolean {
  return faults.includes(toAppError(error).code)
}

/** Can a stream that has ended with this go on with another engine? Also where a full house said so late. */
export function isEngineTrouble(error: unknown): boolean {
  return isEngineFault(error) || toAppError(error).code === 'POOL_FULL'
}

const defaultProvenMs = 5000
const stateNumbers: Record<BreakerState, number> = { closed: 0, 'half-open': 1, open: 2 }

interface Guarded {
  readonly engine: Engine
  readonly breaker: Breaker
}

export class Engines {
  /** The preferred one, whatever its state. */
  readonly first: Engine
  readonly #list: readonly Guarded[]
  readonly #options: EnginesOptions
  readonly #blamed = new WeakSet<AppError>()

  /** @param list  the first preferred; the last takes what no other does */
  constructor(list: readonly Engine[], options: EnginesOptions = {}) {
    const [first] = list
    if (first === undefined) throw new TypeError('Expected at least one engine for list but received none')
    this.first = first
    this.#options = options
    this.#list = list.map((engine) => ({ engine, breaker: this.#breakerFor(engine) }))
  }

  /** Each engine's name and state, in order. */
  states(): { name: EngineName; state: BreakerState }[] {
    return this.#list.map(({ engine: { name, problem }, breaker }) => ({
      name,
      state: problem === undefined ? breaker.state : 'open',
    }))
  }

  /** The engine to fall to for a stream whose engine has failed; undefined after the last. */
  next(engine: Engine): Engine | undefined {
    return this.#list[this.#placeOf(engine) + 1]?.engine
  }

  /** Begins a stream with the first engine that can. How it ends is followed here: nobody has to report it.
   *  @throws POOL_FULL, SHUTTING_DOWN, of the first engine that answers: a full house is no fault
   *  @throws what the last engine said, if none can */
  open(profile: Profile, { after, isOnAir = after !== undefined, ...options }: PlacingOptions = {}): Opened {
    const start = after === undefined ? 0 : this.#placeOf(after) + 1
    const from = after ?? this.first
    const { label = 'stream' } = options
    let problem: AppError | undefined
    for (const [place, { engine, breaker }] of this.#list.entries()) {
      if (place < start) continue
      const isLast = place === this.#list.length - 1
      problem = engine.problem ?? problem
      if (engine.problem !== undefined && !isLast) continue
      const attempt = breaker.enter()
      if (attempt === undefined && !isLast) continue
      try {
        const stream = engine.open(profile, { ...options, label })
        if (attempt !== undefined) void this.#follow(engine, stream, attempt)
        if (engine !== from) this.#note(from, engine, label, problem)
        return { engine, stream }
      } catch (thrown) {
        problem = toAppError(thrown)
        if (isEngineFault(problem)) attempt?.failed()
        else attempt?.left()
        const isRefusal = !isEngineFault(problem) && !(problem.code === 'POOL_FULL' && isOnAir)
        if (isRefusal || isLast) throw problem
      }
    }
    throw problem ?? toAppError(new Error(`There is no engine after ${from.name}`))
  }

  async #follow(engine: Engine, stream: EngineStream, attempt: Attempt): Promise<void> {
    const { provenMs = defaultProvenMs, later = timeout, log } = this.#options
    const hasGiven = () => stream.output.total + stream.output.fill > 0
    const prove = () => {
      if (hasGiven()) attempt.succeeded()
      else takeBack = later(provenMs, prove)
    }
    let takeBack = later(provenMs, prove)
    try {
      const { bytesOut } = await stream.done
      if (bytesOut > 0) attempt.succeeded()
      else attempt.left()
    } catch (err) {
      const error = toAppError(err)
      // A process that dies with all that it carries has failed once.
      const isNews = isEngineFault(error) && !this.#blamed.has(error)
      this.#blamed.add(error)
      if (isNews) {
        log?.warn({ engine: engine.name, err }, 'engine failed')
        attempt.failed()
      } else attempt.left()
    }
    takeBack()
  }

  #breakerFor({ name }: Engine): Breaker {
    const { metrics, log, now, breaker } = this.#options
    metrics?.engineState.set(name, stateNumbers.closed)
    return new Breaker({
      ...breaker,
      ...(now === undefined ? {} : { now }),
      onChange: (state, before) => {
        metrics?.engineState.set(name, stateNumbers[state])
        const told = { engine: name, state, before }
        if (state === 'open') log?.error(told, 'engine switched off for a while')
        else log?.info(told, state === 'closed' ? 'engine in use again' : 'engine tried again')
      },
    })
  }

  #note(from: Engine, to: Engine, label: string, err: AppError | undefined): void {
    const { metrics, log } = this.#options
    metrics?.fallbacks.inc(from.name, to.name)
    log?.warn({ label, from: from.name, to: to.name, err }, 'stream falls to another engine')
  }

  #placeOf(engine: Engine): number {
    const place = this.#list.findIndex((each) => each.engine === engine)
    if (place < 0) throw new TypeError(`Expected an engine of the list but received ${engine.name}`)
    return place
  }
}

function timeout(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms).unref()
  return () => clearTimeout(timer)
}
