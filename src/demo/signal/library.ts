// The loops on disk: made once with ffmpeg, kept under a name that changes with their recipe, and shared by
// all processes that use the folder. A file is written beside its place and moved there when it is complete.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import type { Logger } from '../../base/log.ts'
import { muxLoop, type PictureTrack, type SoundTrack } from './mux.ts'
import type { AudioTrack, Programme } from './programme.ts'
import { orderOf, readPictures, readSound, type SoundRecipe } from './recording.ts'
import { recipeOf } from './recipes.ts'

// To be raised when recording.ts or mux.ts make something else of the same recipe.
const versions = { recording: 4, loop: 5 }
const encodingLimitMs = 180_000
const lockPollMs = 100

export interface LibraryOptions {
  readonly folder: string
  readonly log: Logger
  /** The program that encodes; `ffmpeg` from the path unless given. */
  readonly ffmpeg?: string
}

/** Makes what is missing and hands out the files of loops. */
export class Library {
  private readonly folder: string
  private readonly log: Logger
  private readonly ffmpeg: string

  constructor({ folder, log, ffmpeg = 'ffmpeg' }: LibraryOptions) {
    this.folder = folder
    this.log = log
    this.ffmpeg = ffmpeg
  }

  /** The file of a programme's loop; made first where it is missing.
   *  @throws AppError INTERNAL when ffmpeg is missing or fails */
  async loop(programme: Programme, name: string): Promise<string> {
    const parts = [programme.video?.picture ?? [], ...programme.audio.flatMap(({ sounds }) => sounds)].flat()
    const key = keyOf([versions, programme, parts.map(recipeOf)])
    return this.kept(`loop-${name}`, key, async () => {
      const picture = programme.video && (await this.picture(programme.video.picture))
      const sounds = new Map<number, SoundTrack>()
      for (const track of programme.audio) {
        if (track.sounds.length > 0) sounds.set(track.pid, await this.track(track))
      }
      return muxLoop(programme, { picture, sounds })
    })
  }

  private async picture(name: string): Promise<PictureTrack> {
    const recipe = recipeOf(name)
    if (recipe.kind !== 'picture') throw new RangeError(`${name} has no pictures`)
    return readPictures(recipe, await readFile(await this.recording(name)))
  }

  /** The recordings of a track, one after the other. */
  private async track({ sounds }: AudioTrack): Promise<SoundTrack> {
    const tracks: SoundTrack[] = []
    for (const name of sounds)
      tracks.push(readSound(soundRecipe(name), await readFile(await this.recording(name))))
    const [first] = tracks
    if (first === undefined) throw new RangeError('a track without sound')
    return { ...first, frames: tracks.flatMap(({ frames }) => frames) }
  }

  private recording(name: string): Promise<string> {
    const recipe = recipeOf(name)
    return this.kept(name, keyOf([versions.recording, recipe]), () => {
      const { args, input } = orderOf(recipe)
      return this.encode(args, input)
    })
  }

  /** The file `name-key.ts`, made by `make` if it is not there; one process makes it, others wait. */
  private async kept(name: string, key: string, make: () => Promise<Buffer>): Promise<string> {
    const path = join(this.folder, `${name}-${key}.ts`)
    if (await exists(path)) return path
    makeFolder(this.folder)
    const lock = await Lock.take(`${path}.lock`)
    try {
      if (await exists(path)) return path
      const since = performance.now()
      const bytes = await make()
      const draft = `${path}.${process.pid}`
      await writeFile(draft, bytes)
      await rename(draft, path)
      await this.dropOlder(name, path)
      this.log.info(
        { name, bytes: bytes.length, ms: Math.round(performance.now() - since) },
        'demo stream generated',
      )
    } finally {
      await lock.release()
    }
    return path
  }

  private async dropOlder(name: string, path: string): Promise<void> {
    const pattern = new RegExp(`^${name}-[0-9a-f]{12}\\.ts$`)
    const files = await readdir(this.folder)
    const older = files.filter((file) => pattern.test(file) && join(this.folder, file) !== path)
    await Promise.all(older.map((file) => rm(join(this.folder, file), { force: true })))
  }

  private encode(args: readonly string[], input: Buffer | undefined): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const all = ['-hide_banner', '-nostdin', '-v', 'error', ...args]
    const child = spawn(this.ffmpeg, all, { stdio: ['pipe', 'pipe', 'pipe'], timeout: encodingLimitMs })
    const output: Buffer[] = []
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)))
    child.stdin.on('error', () => undefined) // it ended early; its exit code tells more
    child.on('error', (cause: NodeJS.ErrnoException) => reject(ffmpegError(cause, this.ffmpeg)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output))
      else
        reject(
          new AppError('INTERNAL', {
            reason: `ffmpeg could not make a demo stream (${signal ?? code}): ${errors.trim()}`,
          }),
        )
    })
    child.stdin.end(input)
    return promise
  }
}

function ffmpegError(cause: NodeJS.ErrnoException, program: string): AppError {
  const isMissing = cause.code === 'ENOENT'
  const reason = isMissing
    ? `The demo receiver makes its streams with ffmpeg, and ${program} was not found: install it (apt-get install ffmpeg)`
    : `The demo receiver could not start ${program}: ${cause.message}`
  return new AppError('INTERNAL', { cause, reason })
}

function soundRecipe(name: string): SoundRecipe {
  const recipe = recipeOf(name)
  if (recipe.kind !== 'sound') throw new RangeError(`${name} has no sound`)
  return recipe
}

function keyOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** A lock file that holds its process's id; one left by a process that is gone is taken over. */
class Lock {
  private readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async take(path: string): Promise<Lock> {
    const until = performance.now() + 2 * encodingLimitMs
    for (;;) {
      try {
        await using file = await open(path, 'wx')
        await file.writeFile(String(process.pid))
        return new Lock(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      if (performance.now() > until)
        throw new AppError('INTERNAL', { reason: `${path} is still held by another process` })
      if (await isAbandoned(path)) await rm(path, { force: true })
      else await delay(lockPollMs)
    }
  }

  async release(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const owner = Number(await readFile(path, 'utf8').catch(() => ''))
  if (owner === process.pid) return false
  try {
    if (owner > 0) process.kill(owner, 0)
    else return await isOlderThan(path, 5000) // created, its owner's id not yet written
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

async function isOlderThan(path: string, ms: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > ms
}
