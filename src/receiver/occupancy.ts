// How many tuners a receiver has and what it uses them for, as far as it tells. Asked when somebody waits
// for a tuner, so it answers soon: with what was known before, where the box is slow.
import type { OpenWebIf } from './client.ts'
import type { About } from './device.ts'
import { parseReference, referenceKey, transponderOf } from './reference.ts'

/** Something that the receiver itself uses a tuner for. */
export interface BoxUse {
  readonly purpose: 'tv' | 'recording' | 'stream'
  /** As transponderOf() gives it. */
  readonly transponder: string
  /** The service, as referenceKey() gives it. */
  readonly service: string
}

export interface Capacity {
  /** As the box lists them; FBC boxes list virtual ones. */
  readonly tuners: number
  /** Tuners that do something, by the box's words. Streams may be missing there. */
  readonly occupied: number
  /** What is known of it. Our own streams are among them, on boxes that tell of streams. */
  readonly uses: readonly BoxUse[]
}

/** What tuners.ts asks of a receiver. */
export interface TunerSource {
  /** The newest that is known; undefined if nothing is. */
  capacity(): Promise<Capacity | undefined>
  /** Would the service get a tuner, if the service `without` were left for it? Undefined if nobody knows. */
  isPlayable(ref: string, without?: string): Promise<boolean | undefined>
  /** Did it answer when it was asked last? Undefined before it was. */
  readonly isReachable: boolean | undefined
}

export interface OccupancyOptions {
  /** How long an answer counts. Default 3000. */
  freshMs?: number
  /** How long somebody waits for an answer. Default 2000. */
  waitMs?: number
  /** How long nothing is asked after a failure. Default 10000. */
  retryMs?: number
}

type Asked = Pick<OpenWebIf, 'about' | 'recordings' | 'isPlayable'>

export class Occupancy implements TunerSource {
  readonly #client: Asked
  readonly #freshMs: number
  readonly #waitMs: number
  readonly #retryMs: number
  #known: Capacity | undefined
  #isReachable: boolean | undefined
  #asking: Promise<void> | undefined
  #isLate = false
  // performance.now()
  #askAgainAt = -Infinity
  #playableAgainAt = -Infinity

  constructor(client: Asked, { freshMs = 3000, waitMs = 2000, retryMs = 10_000 }: OccupancyOptions = {}) {
    this.#client = client
    this.#freshMs = freshMs
    this.#waitMs = waitMs
    this.#retryMs = retryMs
  }

  get isReachable(): boolean | undefined {
    return this.#isReachable
  }

  async capacity(): Promise<Capacity | undefined> {
    if (this.#asking === undefined && performance.now() >= this.#askAgainAt) {
      this.#isLate = false
      this.#asking = this.#ask().finally(() => (this.#asking = undefined))
    }
    // Once it was too slow for somebody nobody else waits for it.
    const isAwaited = this.#asking !== undefined && !this.#isLate
    if (isAwaited) this.#isLate = (await this.#within(this.#asking)) === 'late'
    return this.#known
  }

  async isPlayable(ref: string, without = ''): Promise<boolean | undefined> {
    if (performance.now() < this.#playableAgainAt) return undefined
    const signal = AbortSignal.timeout(this.#waitMs)
    const asked = this.#client.isPlayable(ref, { without, signal }).catch(() => 'failed' as const)
    const answer = await this.#within(asked)
    if (typeof answer !== 'string') return answer
    this.#playableAgainAt = performance.now() + this.#retryMs
    return undefined
  }

  async #ask(): Promise<void> {
    try {
      const about = await this.#client.about()
      const isRecording = about.tuners.some(({ recording }) => recording !== '')
      const recordings = isRecording ? await this.#recordings() : []
      this.#known = capacityOf(about, recordings)
      this.#isReachable = true
      this.#askAgainAt = performance.now() + this.#freshMs
    } catch {
      this.#isReachable = false // the client has logged why
      this.#askAgainAt = performance.now() + this.#retryMs
    }
  }

  // Without them a recording still counts as a tuner that does something.
  async #recordings(): Promise<readonly string[]> {
    const signal = AbortSignal.timeout(this.#waitMs)
    return this.#client.recordings(signal).catch(() => [])
  }

  async #within<T>(asked: Promise<T> | undefined): Promise<T | 'late' | undefined> {
    const { promise, resolve } = Promise.withResolvers<'late'>()
    const timer = setTimeout(resolve, this.#waitMs, 'late')
    try {
      return await Promise.race([asked, promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

function capacityOf({ tuners, watched, streamed }: About, recordings: readonly string[]): Capacity {
  const occupied = tuners.filter(({ live, recording, stream }) => live + recording + stream !== '').length
  const uses = [
    useOf('tv', watched),
    ...recordings.map((ref) => useOf('recording', ref)),
    ...streamed.map((ref) => useOf('stream', ref)),
  ].filter((use) => use !== undefined)
  return { tuners: tuners.length, occupied, uses }
}

// Garbage, and what takes no tuner, is left out.
function useOf(purpose: BoxUse['purpose'], ref: string): BoxUse | undefined {
  try {
    const reference = parseReference(ref)
    const transponder = transponderOf(reference)
    if (transponder === undefined) return undefined
    return { purpose, transponder, service: referenceKey(reference) }
  } catch {
    return undefined
  }
}
