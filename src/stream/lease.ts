// A place on a tuner, and the tuner of ours on which it is. What they mean to others is decided in tuners.ts.
import type { AppError } from '../base/errors.ts'

export const ranks = ['low', 'normal', 'high'] as const

/** A recorder is high, what nobody watches yet (HLS ahead of its viewers, prefetching) is low. */
export type Priority = (typeof ranks)[number]

export interface TunerRequest {
  /** As transponderOf() gives it; undefined for what needs no tuner. */
  readonly transponder: string | undefined
  /** For people. */
  readonly channel: string
  /** As formatReference() gives it. */
  readonly reference: string
  readonly priority: Priority
  /** May it take the tuner of a running stream of lower priority? Default true. */
  readonly mayPreempt?: boolean
  /** Another request takes the tuner. Must leave the receiver at once. If it returns a promise, that
   *  resolves when the connection is gone, and the other request waits for it, 2 s at most. */
  readonly onRevoke: (reason: AppError) => unknown
}

/** A place on a tuner. Calls after its end do nothing. */
export interface TunerLease {
  readonly transponder: string | undefined
  /** Neither given back nor taken away. */
  readonly isHeld: boolean
  /** Nobody watches any more: the tuner may be taken at once. */
  linger(): void
  /** Somebody watches again, or others than before. */
  resume(priority: Priority): void
  release(): void
}

/** How priorities compare. */
export function rankOf(priority: Priority): number {
  return ranks.indexOf(priority)
}

/** A tuner of ours: one transponder and who is on it. */
export class Tuner {
  readonly transponder: string
  readonly order: number
  readonly leases = new Set<Lease>()
  /** Services that were on it; the receiver may still name them. */
  readonly services = new Set<string>()
  /** When one of its leases began or ceased to linger. */
  changedAt: number

  constructor(transponder: string, order: number) {
    this.transponder = transponder
    this.order = order
    this.changedAt = order
  }

  get channels(): string[] {
    return [...new Set([...this.leases].map(({ request }) => request.channel))]
  }

  get isLingering(): boolean {
    return [...this.leases].every((lease) => lease.isLingering)
  }

  /** Of the most important one on it. */
  get rank(): number {
    return Math.max(...[...this.leases].map((lease) => (lease.isLingering ? -1 : lease.rank)))
  }
}

export class Lease implements TunerLease {
  readonly request: TunerRequest
  readonly service: string
  rank: number
  isLingering = false
  isHeld = true
  readonly #changed: (isOver: boolean) => void

  constructor(request: TunerRequest, changed: (isOver: boolean) => void) {
    this.request = request
    this.service = request.reference.split(':', 10).join(':')
    this.rank = rankOf(request.priority)
    this.#changed = changed
  }

  get transponder(): string | undefined {
    return this.request.transponder
  }

  linger(): void {
    if (!this.isHeld || this.isLingering) return
    this.isLingering = true
    this.#changed(false)
  }

  resume(priority: Priority): void {
    if (!this.isHeld) return
    this.rank = rankOf(priority)
    this.isLingering = false
    this.#changed(false)
  }

  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.#changed(true)
  }

  /** Takes it away. Resolves when its holder has left, whatever he says about it. */
  async revoke(reason: AppError): Promise<void> {
    if (!this.isHeld) return
    this.isHeld = false
    try {
      await this.request.onRevoke(reason)
    } catch {
      // It is his own affair how he leaves.
    }
  }
}
