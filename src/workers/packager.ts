// The typed door to the packager of the addon: a remuxed stream in, what HLS serves out. Belongs to one thread.
import { AppError } from '../base/errors.ts'
import { mostPushBytes, nativePackager, type RawPackager } from './native.ts'
import type { PackagedRecord, PackageOptions, PackageStats } from './packaging.ts'

/** One stream on its way into segments. Synchronous. Borrows the arrays for the call, shared memory too;
 *  the bytes of its records are the caller's. Damage in the stream is counted in stats(). */
export class Packager {
  #raw: RawPackager | undefined

  /** Throws ADDON_MISSING, or a TypeError for lengths that no stream can be cut by. */
  constructor({ container, slotTicks, partTicks, nowMs }: Omit<PackageOptions, 'label'>) {
    const Raw = nativePackager()
    this.#raw = new Raw(container, slotTicks, partTicks, nowMs)
  }

  /** Takes all of the bytes, at most mostPushBytes. Take what has come of them before the next push. */
  push(bytes: Uint8Array): void {
    if (bytes.length > mostPushBytes) {
      throw new TypeError(`Expected at most ${mostPushBytes} bytes for push but received ${bytes.length}`)
    }
    this.#open.push(bytes)
  }

  /** The input has ended: what is still inside can be taken, and ends the last segment. */
  flush(): void {
    this.#open.flush()
  }

  /** The next record; undefined when there is none now. */
  take(): PackagedRecord | undefined {
    return this.#open.take()
  }

  stats(): PackageStats {
    return this.#open.stats()
  }

  /** Frees what it holds. May be called again; every other call after it throws. */
  close(): void {
    this.#raw?.close()
    this.#raw = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }

  get #open(): RawPackager {
    if (this.#raw === undefined) throw new AppError('INTERNAL', { reason: 'The packager is closed' })
    return this.#raw
  }
}
