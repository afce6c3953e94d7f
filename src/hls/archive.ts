// Segments on disk for those who go back in a channel: as many as fit into the time and the space that there are for
// them. They live as long as their session; files of an earlier run are removed at the start.
import { open, rm, writeFile } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../base/folder.ts'
import type { Logger } from '../base/log.ts'
import { Shelf } from './reply.ts'
import { Segment, ticksPerSecond, type Listing } from './segment.ts'

export interface ArchiveLimits {
  /** Of each track. */
  readonly mostMs: number
  /** Of all sessions together. */
  readonly mostBytes: number
}

/** Waiting to be written; a disk that is too slow for more leaves gaps. */
const mostPendingBytes = 64 * 1024 * 1024

interface Kept extends Listing {
  readonly bytes: number
}

/** The folder, and what all sessions keep in it together. */
export class Archives {
  readonly limits: ArchiveLimits
  readonly log: Logger | undefined
  readonly #folder: string
  readonly #open = new Set<Archive>()
  #lastId = 0

  /** Removes what an earlier run has left. */
  constructor(folder: string, limits: ArchiveLimits, log?: Logger) {
    this.#folder = folder
    this.limits = limits
    this.log = log
    rmSync(folder, { recursive: true, force: true })
  }

  get bytes(): number {
    return [...this.#open].reduce((all, { bytes }) => all + bytes, 0)
  }

  /** @param onChange  called when a segment has been added */
  open(onChange: () => void): Archive {
    const folder = join(this.#folder, String(++this.#lastId))
    makeFolder(folder)
    const archive = new Archive(folder, this, onChange)
    this.#open.add(archive)
    return archive
  }

  /** Makes room, the oldest first, whoever has it. */
  trim(): void {
    while (this.bytes > this.limits.mostBytes) {
      const oldest = [...this.#open].reduce((one, other) => (other.oldestMs < one.oldestMs ? other : one))
      if (!oldest.dropOldest()) return
    }
  }

  forget(archive: Archive): void {
    this.#open.delete(archive)
  }
}

/** What one session keeps. */
export class Archive {
  readonly #folder: string
  readonly #archives: Archives
  readonly #onChange: () => void
  readonly #reels = new Map<number, Reel>()
  #writing = Promise.resolve()
  #pendingBytes = 0
  #isClosed = false

  constructor(folder: string, archives: Archives, onChange: () => void) {
    this.#folder = folder
    this.#archives = archives
    this.#onChange = onChange
  }

  /** On disk. */
  get bytes(): number {
    return [...this.#reels.values()].reduce((all, { bytes }) => all + bytes, 0)
  }

  /** Of the oldest segment, ms since 1970; Infinity where there is none. */
  get oldestMs(): number {
    return Math.min(...[...this.#reels.values()].map(({ kept }) => kept[0]?.utcMs ?? Infinity))
  }

  /** What is kept of a track; undefined where nothing ever was. */
  track(number: number): Reel | undefined {
    return this.#reels.get(number)
  }

  /** Keeps a segment once it is written; those of a session one after the other. */
  add(track: number, listing: Listing): void {
    const segment = listing instanceof Segment ? listing : undefined
    const bytes = segment?.bytes ?? 0
    const release = segment?.hold()
    this.#pendingBytes += bytes
    this.#writing = this.#writing
      .then(() => this.#write(track, listing))
      .catch((err: unknown) => this.#archives.log?.warn({ err }, 'a segment was not kept'))
      .finally(() => {
        this.#pendingBytes -= bytes
        release?.()
      })
  }

  /** The file of a segment, opened; undefined where it is not kept. */
  async read(track: number, msn: number) {
    const kept = this.track(track)?.find(msn)
    if (kept === undefined || kept.isGap) return undefined
    try {
      return { file: await open(this.#path(track, msn)), bytes: kept.bytes }
    } catch {
      return undefined // dropped meanwhile
    }
  }

  /** @returns whether there was one */
  dropOldest(): boolean {
    const { oldestMs } = this
    for (const [track, reel] of this.#reels)
      if (reel.kept[0]?.utcMs === oldestMs) {
        this.#drop(track, reel)
        return true
      }
    return false
  }

  /** Removes the files. Resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#archives.forget(this)
    await this.#writing
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #write(track: number, listing: Listing): Promise<void> {
    if (this.#isClosed) return
    const { msn, durationTicks, utcMs, isDiscontinuous, init } = listing
    const isSegment = listing instanceof Segment && !listing.isGap && this.#pendingBytes <= mostPendingBytes
    if (isSegment)
      await writeFile(
        this.#path(track, msn),
        listing.parts.map((part) => part.bytes),
      )
    const bytes = isSegment ? listing.bytes : 0
    const reel = this.#reels.get(track) ?? new Reel()
    this.#reels.set(track, reel)
    while (reel.kept.length > 0 && !reel.continuesWith(msn)) this.#drop(track, reel)
    reel.add({ msn, durationTicks, utcMs, isDiscontinuous, isGap: !isSegment, init, bytes })
    while (reel.ms > this.#archives.limits.mostMs) this.#drop(track, reel)
    this.#archives.trim()
    this.#onChange()
  }

  #drop(track: number, reel: Reel): void {
    const dropped = reel.drop()
    if (dropped === undefined || dropped.isGap) return
    rm(this.#path(track, dropped.msn), { force: true }).catch((err: unknown) =>
      this.#archives.log?.warn({ err }, 'a segment was not removed'),
    )
  }

  #path(track: number, msn: number): string {
    return join(this.#folder, `${track}-${msn}`)
  }
}

/** What is kept of one track, oldest first, without a hole in its numbers. */
class Reel {
  readonly kept: Kept[] = []
  /** Its playlist in the forms that were asked for. */
  readonly replies = new Shelf()
  discontinuitySequence = 0
  /** Moves with every change. */
  version = 0
  bytes = 0
  #ticks = 0

  get ms(): number {
    return (this.#ticks * 1000) / ticksPerSecond
  }

  continuesWith(msn: number): boolean {
    return this.kept.at(-1)?.msn === msn - 1
  }

  find(msn: number): Kept | undefined {
    return this.kept[msn - (this.kept[0]?.msn ?? 0)]
  }

  hasReached(msn: number): boolean {
    return (this.kept.at(-1)?.msn ?? -1) >= msn
  }

  add(kept: Kept): void {
    this.kept.push(kept)
    this.bytes += kept.bytes
    this.#ticks += kept.durationTicks
    this.version++
  }

  drop(): Kept | undefined {
    const dropped = this.kept.shift()
    if (dropped === undefined) return undefined
    this.bytes -= dropped.bytes
    this.#ticks -= dropped.durationTicks
    if (dropped.isDiscontinuous) this.discontinuitySequence++
    this.version++
    return dropped
  }
}
