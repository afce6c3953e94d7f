// How well a receiver receives what the living room watches: the only tuner of which it tells figures.
import { fieldsOf, textOf, type Answer } from './answer.ts'
import type { OpenWebIf } from './client.ts'
import type { TunerSource } from './occupancy.ts'

/** In percent; absent where the receiver does not say, as in standby. */
export interface Signal {
  readonly strength?: number
  /** Signal to noise. */
  readonly quality?: number
  /** 100 where nothing was received wrong. */
  readonly symbols?: number
}

/** Figures of one transponder's tuner. */
export interface Received {
  /** As transponderOf() gives it. */
  readonly transponder: string
  readonly signal: Signal
}

/** `signal`: numbers, or texts such as `79 %`. */
export function readSignal({ value }: Answer): Signal {
  const fields = fieldsOf(value)
  const rows = { ...fields, ...fieldsOf(fields.frontendstatus) }
  const number = (...names: string[]) => /^\s*(\d{1,9})/.exec(textOf(rows, ...names))?.[1]
  const percent = (...names: string[]) => {
    const digits = number(...names)
    return digits === undefined ? undefined : Math.min(100, Number(digits))
  }
  const strength = percent('agc', 'acg')
  const quality = percent('snr')
  return {
    ...(strength !== undefined && { strength }),
    ...(quality !== undefined && { quality }),
    ...(number('ber') === '0' && { symbols: 100 }),
  }
}

const freshMs = 3000
const waitMs = 1000 // for the receiver's answer; what comes later is for the next one who looks

/** The newest figures. Asked only when somebody looks. */
export class Reception {
  readonly #client: Pick<OpenWebIf, 'signal'>
  readonly #source: Pick<TunerSource, 'capacity'>
  #asking: Promise<void> | undefined
  #askAgainAt = -Infinity // performance.now()
  /** Undefined where nothing is known, and where the living room watches nothing. */
  current: Received | undefined

  constructor(client: Pick<OpenWebIf, 'signal'>, source: Pick<TunerSource, 'capacity'>) {
    this.#client = client
    this.#source = source
  }

  /** Asks, unless it was asked just now. Fails never. */
  async look(): Promise<void> {
    if (this.#asking === undefined && performance.now() >= this.#askAgainAt)
      this.#asking = this.#ask().finally(() => (this.#asking = undefined))
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(late.resolve, waitMs, undefined)
    await Promise.race([this.#asking, late.promise])
    clearTimeout(timer)
  }

  async #ask(): Promise<void> {
    const capacity = await this.#source.capacity()
    const transponder = capacity?.uses.find(({ purpose }) => purpose === 'tv')?.transponder
    try {
      this.current =
        transponder === undefined ? undefined : { transponder, signal: await this.#client.signal() }
    } catch {
      this.current = undefined // the client has logged why
    }
    this.#askAgainAt = performance.now() + freshMs
  }
}
