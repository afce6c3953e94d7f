// The file of a listening socket: made so that it never has wider permissions than it is meant to have,
// and removed only while it is ours. Everything goes by one descriptor of its folder, so nobody can put
// another folder or a link in its way.
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs'
import { connect } from 'node:net'
import { basename, dirname, resolve } from 'node:path'
import { AppError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'

/** Longest path of a Unix domain socket, in bytes. Source: unix(7). */
export const longestPathBytes = 107

const folderMode = 0o755 // the socket's own permissions say who may use it; who may not reach it never could
const sticky = 0o1000 // of a folder: nobody moves or removes what belongs to others
const longestNameBytes = 60 // of the name that the socket is bound to, with room for what stands before it

/** Where a socket is going to be. While it is being made, it lies in a folder that only we may enter:
 *  bind it to `draft`, let it listen, then publish(). */
export class Place {
  readonly #path: string
  readonly #name: string
  readonly #folder: number // descriptor
  readonly #draftFolder: string
  #stale: BigIntStats | undefined
  #published: BigIntStats | undefined
  #isClosed = false

  /** Looks at what is there. @throws CONFIG_INVALID where no socket of ours can be put there */
  static async find(path: string): Promise<Place> {
    const { length } = Buffer.from(path)
    if (length > longestPathBytes)
      throw unusable(path, `Expected at most ${longestPathBytes} bytes but received ${length}`)
    const folder = openFolder(resolve(path))
    try {
      const stale = lookAt(inside(folder, basename(path)))
      if (stale !== undefined) await checkStale(path, stale)
      return new Place(resolve(path), folder, stale)
    } catch (error) {
      closeSync(folder)
      throw toUnusable(path, error)
    }
  }

  private constructor(path: string, folder: number, stale: BigIntStats | undefined) {
    this.#path = path
    this.#name = inside(folder, basename(path))
    this.#folder = folder
    this.#stale = stale
    this.#draftFolder = mkdtempSync(inside(folder, '.'))
  }

  /** What to bind the socket to. The system goes on showing this name for it. */
  get draft(): string {
    return `${this.#draftFolder}/${basename(this.#path).slice(0, longestNameBytes)}`
  }

  /** Gives the socket its group and permissions, then its path: whoever finds it there is answered.
   *  @param gid  undefined leaves our own
   *  @throws CONFIG_INVALID; then what was at the path is still there, unless it was of no use */
  publish({ mode, gid }: { mode: number; gid: number | undefined }): void {
    try {
      if (gid !== undefined) lchownSync(this.draft, -1, gid)
      chmodSync(this.draft, mode) // no link can be here: only we may write to this folder
      this.#removeStale()
      linkSync(this.draft, this.#name) // takes nobody's place, unlike a rename
      this.#published = lookAt(this.#name)
    } catch (error) {
      throw toUnusable(this.#path, error)
    } finally {
      this.#removeDraft()
    }
  }

  /** Removes the socket if it is still the one that was published. May be called again. */
  remove(): void {
    const published = this.#published
    this.#published = undefined
    if (this.#isClosed || published === undefined) return
    const there = lookAt(this.#name)
    // Its number is given to no other file while we listen.
    if (there?.ino === published.ino && there.dev === published.dev) unlinkSync(this.#name)
  }

  /** Lets the folder go. The socket has to be closed by now: Node removes the name that it was bound to, and
   *  that begins with our descriptor. May be called again. */
  close(): void {
    if (this.#isClosed) return
    this.remove()
    this.#removeDraft()
    this.#isClosed = true
    closeSync(this.#folder)
  }

  // Only what was looked at: not what another process has put there meanwhile.
  #removeStale(): void {
    const stale = this.#stale
    this.#stale = undefined
    const there = lookAt(this.#name)
    if (stale === undefined || there === undefined) return
    if (there.ino !== stale.ino || there.dev !== stale.dev || there.ctimeNs !== stale.ctimeNs)
      throw unusable(this.#path, 'another process has put a file there meanwhile')
    unlinkSync(this.#name)
  }

  #removeDraft(): void {
    rmSync(this.#draftFolder, { recursive: true, force: true })
  }
}

// Makes it where it is missing. @throws CONFIG_INVALID where others could exchange what lies in it
function openFolder(path: string): number {
  const folder = dirname(path)
  let fd: number | undefined
  try {
    const isNew = lookAt(folder) === undefined
    if (isNew) makeFolder(folder)
    fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    if (isNew) chmodSync(`/proc/self/fd/${fd}`, folderMode) // whatever the umask
    const { uid, mode } = fstatSync(fd)
    if (!isOurs(uid)) throw unusable(path, `${folder} belongs to another user (${uid})`)
    if ((mode & 0o022) !== 0 && (mode & sticky) === 0)
      throw unusable(path, `others may write to ${folder}: \`chmod go-w\` cures that`)
    return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    throw toUnusable(path, error)
  }
}

// A socket that nobody listens on may be replaced. Nothing else is.
async function checkStale(path: string, stale: BigIntStats): Promise<void> {
  if (!stale.isSocket()) throw unusable(path, 'there is something else that is no socket')
  const answer = await callUp(path)
  if (answer === undefined) throw unusable(path, 'somebody listens there: is another xg2g running?')
  if (answer === 'ENOENT') return
  if (answer !== 'ECONNREFUSED') throw unusable(path, `there is a socket that cannot be asked (${answer})`)
  if (!isOurs(Number(stale.uid)))
    throw unusable(path, `there is a socket of another user (${stale.uid.toString()})`)
}

/** Undefined if somebody listens, else what the system says. The system answers at once, or that the queue is
 *  full: then somebody listens. */
function callUp(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => resolve(undefined))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'EAGAIN' ? undefined : code))
    socket.once('connect', () => socket.destroy())
  })
}

// What lies there itself, not what a link points to.
function lookAt(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function inside(folder: number, name: string): string {
  return `/proc/self/fd/${folder}/${name}`
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', {
    cause,
    path,
    reason: `The job socket cannot be at ${path}: ${why}`,
  })
}

// What the system says names our way to the folder: told is its path.
function toUnusable(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const why = error instanceof Error ? error.message : String(error)
  return unusable(path, why.replaceAll(/\/proc\/self\/fd\/\d+/g, dirname(resolve(path))), error)
}
