// The engines in the order in which they are tried.
import type { AppError } from '../base/errors.ts'
import { AppError as Failure } from '../base/errors.ts'
import type { Profile } from '../workers/profile.ts'
import type { Engine, EngineStream } from './engine.ts'

export class Engines {
  readonly #list: readonly Engine[]

  constructor(list: readonly Engine[]) {
    this.#list = list
  }

  /** Begins a stream with the first engine, or the one after. @throws POOL_FULL, ADDON_MISSING ... */
  open(
    profile: Profile,
    { label, after }: { label: string; after?: Engine | undefined },
  ): { engine: Engine; stream: EngineStream } {
    const engine = this.#list[after === undefined ? 0 : this.#list.indexOf(after) + 1]
    if (engine === undefined) throw new Failure('INTERNAL', { reason: 'No further engine' })
    return { engine, stream: engine.open(profile, { label }) }
  }

  /** Is there another engine for a stream whose engine failed so? */
  canReplace(engine: Engine, error: AppError): boolean {
    return ['WORKER_DIED', 'WORKER_HUNG'].includes(error.code) && engine !== this.#list.at(-1)
  }
}
