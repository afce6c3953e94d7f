// The configuration while the daemon runs: the one in effect, read again on request. What can change
// without a restart changes; the rest is named and keeps its value until then.
import { isDeepStrictEqual } from 'node:util'
import { maskedConfig, type Config } from './config.ts'
import { AppError, toAppError } from './errors.ts'
import type { Logger } from './log.ts'
import { settingInfo, settingKeys, type SettingKey } from './settings.ts'

export interface Reloaded {
  /** Settings that have another value now. */
  readonly applied: readonly SettingKey[]
  /** Settings whose new value waits for a restart. */
  readonly restart: readonly SettingKey[]
  readonly warnings: readonly string[]
}

type Listener = (config: Config, applied: readonly SettingKey[]) => void

export class LiveConfig {
  #current: Config
  #held: Partial<Config> = {}
  readonly #load: () => Config
  readonly #listeners = new Set<Listener>()

  /** @param load  reads the configuration again, as at the start */
  constructor(initial: Config, load: () => Config) {
    this.#current = initial
    this.#load = load
  }

  /** The configuration in effect. */
  get current(): Config {
    return this.#current
  }

  /** As `current`, secrets masked. */
  get masked(): Record<string, unknown> {
    return maskedConfig(this.#current)
  }

  /** Sets values that stay, whatever file and environment say. */
  hold(values: Partial<Config>): void {
    this.#held = { ...this.#held, ...values }
    this.#current = { ...this.#current, ...values }
  }

  /** Reads file and environment again. @throws CONFIG_REJECTED; then nothing has changed */
  reload(): Reloaded {
    const next = this.#read()
    const changed = settingKeys.filter((key) => !isDeepStrictEqual(next[key], this.#current[key]))
    const applied = changed.filter((key) => settingInfo(key).isLive === true)
    const restart = changed.filter((key) => !applied.includes(key))
    if (applied.length > 0) {
      const values = Object.fromEntries(applied.map((key) => [key, next[key]]))
      this.#current = { ...this.#current, ...values }
      for (const listener of this.#listeners) listener(this.#current, applied)
    }
    return { applied, restart, warnings: next.warnings }
  }

  /** Calls back after each reload that has changed something. @returns stops it */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #read(): Config {
    try {
      return { ...this.#load(), ...this.#held }
    } catch (thrown) {
      throw new AppError('CONFIG_REJECTED', { cause: thrown, reason: toAppError(thrown).message })
    }
  }
}

/** Tells the log how a reload went. @throws what it throws */
export function reloadLogged(reload: () => Reloaded, log: Logger): Reloaded {
  try {
    const { applied, restart, warnings } = reload()
    log.info({ applied, restart, warnings }, 'configuration reloaded')
    return { applied, restart, warnings }
  } catch (err) {
    log.error({ err }, 'configuration rejected, the one in effect stays')
    throw err
  }
}
