// The tuners of the demo receiver: one transponder each, shared by all streams from it, and held for a
// while after the last of them has ended.

export interface Lease {
  /** Gives the tuner back; idempotent. */
  release(): void
}

/** What a tuner is used for; the box tells it of each. */
export type Purpose = 'tv' | 'recording' | 'stream'

/** One who uses a tuner. */
export interface TunerUse {
  readonly label: string
  readonly purpose: Purpose
}

export interface TunerState {
  /** `Tuner A` and so on. */
  readonly name: string
  /** Transport stream, network and namespace; undefined when idle. */
  readonly transponder: string | undefined
  /** What runs on it now: names of channels. */
  readonly users: readonly string[]
}

interface Tuner {
  readonly name: string
  transponder: string | undefined
  users: TunerUse[]
  hold: NodeJS.Timeout | undefined
}

export class Tuners {
  private readonly tuners: Tuner[]
  private readonly holdMs: number

  /** @param holdMs  how long a tuner stays with its transponder when nobody watches any more */
  constructor(count: number, holdMs: number) {
    this.holdMs = holdMs
    this.tuners = Array.from({ length: count }, (_, index) => ({
      name: `Tuner ${tunerLetter(index)}`,
      transponder: undefined,
      users: [],
      hold: undefined,
    }))
  }

  /** A place on a tuner for one user; undefined when none is free. */
  lease(transponder: string, label: string, purpose: Purpose = 'stream'): Lease | undefined {
    const tuner = this.find(transponder)
    if (tuner === undefined) return undefined
    clearTimeout(tuner.hold)
    tuner.transponder = transponder
    const user = { label, purpose }
    tuner.users.push(user)
    return { release: () => this.release(tuner, user) }
  }

  /** Would a stream of this transponder get a tuner?
   *  @param without  a transponder that is left first, if only one uses it */
  fits(transponder: string, without?: string): boolean {
    if (this.find(transponder) !== undefined) return true
    return this.tuners.some((tuner) => tuner.transponder === without && tuner.users.length === 1)
  }

  /** The same order as `list`, with what each is used for. */
  uses(): Array<{ name: string; transponder: string | undefined; uses: readonly TunerUse[] }> {
    return this.tuners.map(({ name, transponder, users }) => ({ name, transponder, uses: [...users] }))
  }

  list(): TunerState[] {
    return this.tuners.map(({ name, transponder, users }) => ({
      name,
      transponder,
      users: users.map(({ label }) => label),
    }))
  }

  /** Idle at once, as after a reboot. */
  reset(): void {
    for (const tuner of this.tuners) {
      clearTimeout(tuner.hold)
      tuner.users = []
      tuner.transponder = undefined
    }
  }

  private find(transponder: string): Tuner | undefined {
    const shared = this.tuners.find((tuner) => tuner.transponder === transponder)
    return shared ?? this.tuners.find((tuner) => tuner.transponder === undefined)
  }

  private release(tuner: Tuner, user: TunerUse): void {
    const left = tuner.users.filter((other) => other !== user)
    if (left.length === tuner.users.length) return
    tuner.users = left
    if (left.length > 0) return
    const free = (): void => {
      tuner.transponder = undefined
    }
    if (this.holdMs === 0) free()
    else tuner.hold = setTimeout(free, this.holdMs).unref()
  }
}

/** A .. Z, then AA, AB and so on. */
function tunerLetter(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26))
  return index < 26 ? letter : tunerLetter(Math.floor(index / 26) - 1) + letter
}
