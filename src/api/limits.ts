// How much one client may ask: requests a second with room for a burst, and few guesses at a token.
// Counted per household: an IPv4 address, or the /64 of an IPv6 one.
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { AppError } from '../base/errors.ts'
import { householdOf, Networks } from '../base/network.ts'

export interface LimitSettings {
  readonly rateLimitEnabled: boolean
  readonly rateLimitRps: number
  readonly rateLimitBurst: number
  readonly rateLimitWhitelist: readonly string[]
}

const burstSeconds = 10 // over which a burst fills up again
const mostGuesses = 10 // wrong tokens a minute

export class Limits {
  #settings: LimitSettings
  #requests: RateLimiterMemory
  #exempt: Networks
  readonly #guesses = new RateLimiterMemory({ points: mostGuesses, duration: 60 })

  constructor(settings: LimitSettings) {
    this.#settings = settings
    this.#requests = requestLimiter(settings)
    this.#exempt = new Networks(settings.rateLimitWhitelist)
  }

  /** Takes other settings; what has been counted is forgotten if they differ. */
  set(settings: LimitSettings): void {
    if (settings === this.#settings) return
    const { rateLimitRps, rateLimitBurst, rateLimitWhitelist } = settings
    const isSame =
      rateLimitRps === this.#settings.rateLimitRps && rateLimitBurst === this.#settings.rateLimitBurst
    if (!isSame) this.#requests = requestLimiter(settings)
    this.#exempt = new Networks(rateLimitWhitelist)
    this.#settings = settings
  }

  /** Counts one request. @throws TOO_MANY_REQUESTS with details.retryAfterS */
  async request(address: string): Promise<void> {
    if (!this.#settings.rateLimitEnabled || this.#exempt.has(address)) return
    await take(this.#requests, address)
  }

  /** Throws once an address has given too many wrong tokens. @throws TOO_MANY_REQUESTS */
  async beforeToken(address: string): Promise<void> {
    const state = await this.#guesses.get(householdOf(address))
    if (state !== null && state.consumedPoints >= mostGuesses) throw tooMany(state.msBeforeNext)
  }

  /** Counts a wrong token. */
  async wrongToken(address: string): Promise<void> {
    await this.#guesses.penalty(householdOf(address))
  }
}

// One window of ten seconds holds the steady rate and the burst on top of it.
function requestLimiter({ rateLimitRps, rateLimitBurst }: LimitSettings): RateLimiterMemory {
  return new RateLimiterMemory({
    points: rateLimitRps * burstSeconds + rateLimitBurst,
    duration: burstSeconds,
  })
}

async function take(limiter: RateLimiterMemory, address: string): Promise<void> {
  try {
    await limiter.consume(householdOf(address))
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal
    throw tooMany((refusal as { msBeforeNext: number }).msBeforeNext)
  }
}

function tooMany(msBeforeNext: number): AppError {
  return new AppError('TOO_MANY_REQUESTS', { retryAfterS: Math.max(1, Math.ceil(msBeforeNext / 1000)) })
}
