// Whose datagrams are answered: those of neighbours whom the configuration allows, and not too often. A
// datagram's sender can be made up, and who is elsewhere would be sent what they never asked for.
import { plainAddress } from '../base/network.ts'
import type { Limiter } from './limiter.ts'
import type { Links } from './links.ts'

/** What became of a request. */
export type Outcome = 'answered' | 'ignored' | 'refused' | 'limited'
export type Count = (outcome: Outcome) => void

export interface GateOptions {
  readonly links: Links
  readonly limiter: Limiter
  readonly isAllowed: (address: string) => boolean
}

export class Gate {
  readonly #options: GateOptions

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** Our address as the sender reaches it, or why there is no answer.
   *  @param sender  as a socket gives it */
  admit(sender: string): { address: string } | 'refused' | 'limited' {
    const { links, limiter, isAllowed } = this.#options
    const address = links.reachedBy(sender)
    const plain = plainAddress(sender)
    if (address === undefined || plain === undefined || !isAllowed(plain)) return 'refused'
    return limiter.take(plain) ? { address } : 'limited'
  }
}
