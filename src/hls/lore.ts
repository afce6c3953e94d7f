// What earlier sessions have learned of the channels, kept in the data folder: how long their groups of pictures
// are, whether they need fMP4, what they take. A session is cut by it from its first segment on.
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '../base/folder.ts'
import type { Logger } from '../base/log.ts'
import type { Container, PackagedTrack } from '../workers/packaging.ts'

export interface Lore {
  readonly container?: Container
  /** The longest time between two places to begin, ms. */
  readonly longestGroupMs?: number
  /** bit/s */
  readonly peak?: number
  /** What the broadcast itself has, its own sounds. */
  readonly original?: readonly PackagedTrack[]
  /** When that was seen, ms since 1970. */
  readonly originalAt?: number
}

/** The channels that were played last. */
const mostChannels = 5000
const saveAfterMs = 5000
const originalKeptMs = 7 * 24 * 3600 * 1000

export class LoreBook {
  readonly #path: string
  readonly #log: Logger | undefined
  readonly #channels: Map<string, Lore>
  #timer: NodeJS.Timeout | undefined
  #saving = Promise.resolve()

  /** Reads what is there; a file that cannot be read is as good as none. */
  constructor(path: string, log?: Logger) {
    this.#path = path
    this.#log = log
    this.#channels = readLore(path)
  }

  get(channel: string): Lore {
    return this.#channels.get(channel) ?? {}
  }

  /** Is it unknown, or long ago, which sounds the broadcast itself has? */
  lacksOriginal(channel: string): boolean {
    return Date.now() - (this.get(channel).originalAt ?? 0) > originalKeptMs
  }

  /** Adds to what is known; numbers only grow. */
  note(channel: string, seen: Lore): void {
    const known = this.get(channel)
    const lore = {
      ...known,
      ...(seen.container !== undefined && { container: seen.container }),
      ...largest('longestGroupMs', known, seen),
      ...largest('peak', known, seen),
      ...(seen.original !== undefined && {
        original: seen.original,
        originalAt: seen.originalAt ?? Date.now(),
      }),
    }
    if (JSON.stringify(lore) === JSON.stringify(known)) return
    this.#channels.delete(channel)
    this.#channels.set(channel, lore)
    const [oldest] = this.#channels.keys()
    if (this.#channels.size > mostChannels && oldest !== undefined) this.#channels.delete(oldest)
    this.#timer ??= setTimeout(() => this.#save(), saveAfterMs).unref()
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#save()
    await this.#saving
  }

  #save(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = JSON.stringify(Object.fromEntries(this.#channels))
    this.#saving = this.#saving
      .then(() => replace(this.#path, text))
      .catch((err: unknown) => this.#log?.warn({ err }, 'what is known of the channels was not saved'))
  }
}

function largest(key: 'longestGroupMs' | 'peak', known: Lore, seen: Lore): Partial<Lore> {
  const value = Math.max(known[key] ?? 0, Math.round(seen[key] ?? 0))
  return value > 0 ? { [key]: value } : {}
}

function readLore(path: string): Map<string, Lore> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, Lore>))
  } catch {
    return new Map()
  }
}

async function replace(path: string, text: string): Promise<void> {
  makeFolder(dirname(path))
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}
