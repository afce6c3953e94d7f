// What is kept of the virtual devices across restarts, one file in the data folder: clients know a device by
// its id for ever, count its tuners once, and must find a channel where it was.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { isDeviceId, makeDeviceId } from '../base/deviceid.ts'
import { makeFolder } from '../base/folder.ts'
import type { Logger } from '../base/log.ts'

const place = z.record(z.string(), z.int().nonnegative())
const schema = z.object({
  /** Made once. */
  id: z.string().refine(isDeviceId),
  /** How many tuners clients were told of last. */
  tuners: z.int().nonnegative().optional(),
  /** Ids of channels that a client has marked. */
  favourites: z.array(z.string()).default([]),
  /** On which device a bouquet is, and on which a channel. */
  bouquets: place.default({}),
  channels: place.default({}),
})

export type Kept = Readonly<z.output<typeof schema>>

export class Registry {
  readonly #file: string
  readonly #log: Logger | undefined
  #kept: Kept

  /** Opens or makes the file. One that is damaged is made anew, with another id. */
  static open(file: string, log?: Logger): Registry {
    makeFolder(dirname(file))
    const known = read(file, log)
    const registry = new Registry(file, known ?? schema.parse({ id: makeDeviceId() }), log)
    if (known === undefined) registry.keep({})
    return registry
  }

  private constructor(file: string, kept: Kept, log: Logger | undefined) {
    this.#file = file
    this.#kept = kept
    this.#log = log
  }

  get kept(): Kept {
    return this.#kept
  }

  /** Takes changes over. What cannot be written holds until the end of the process. */
  keep(changes: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...changes }
    try {
      replaceFile(this.#file, `${JSON.stringify(this.#kept)}\n`)
    } catch (err) {
      this.#log?.warn({ err, file: this.#file }, 'HDHomeRun registry not written')
    }
  }
}

function read(file: string, log: Logger | undefined): Kept | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
      log?.warn({ err, file }, 'HDHomeRun registry made anew: clients see another device')
    return undefined
  }
}

// Either the old text or the new one, also when the power fails.
function replaceFile(file: string, text: string): void {
  const draft = `${file}.part`
  const descriptor = openSync(draft, 'w', 0o644)
  try {
    writeFileSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
}
