// The door of the job socket: listens on a Unix domain socket and lets in who may. Main thread. Whom it lets
// in it hands over unread; what they write goes where the one who takes them says, with no copy on the way.
import { createServer, type Server, type Socket } from 'node:net'
import type { Config } from '../base/config.ts'
import { AppError, toAppError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { groupId, peerOf, peersAvailable, userId, userName, type Peer } from '../workers/peer.ts'
import { takeActivated } from './activation.ts'
import { Place } from './place.ts'
import { descriptorOf, readInto, type Reading } from './reading.ts'

/** A connection that was let in. Nothing of it has been read. Whoever gets it calls one of the two, once;
 *  it counts as open until its socket has closed. */
export interface Call {
  /** Who is at the other end; undefined where the addon is missing. */
  readonly peer: Peer | undefined
  /** Takes the connection and begins to read. The end of what the other side writes ends nothing but that.
   *  Listen to 'error' of the socket. */
  open(reading: Reading): Socket
  /** Answers with one line of JSON and closes. */
  refuse(error: AppError): void
}

export interface DoorOptions {
  /** Where to listen, unless systemd does so for us. */
  readonly path: string
  /** Permissions of the socket. */
  readonly mode: number
  /** Name or number of its group; else our own. */
  readonly group?: string | undefined
  /** Names or numbers of those who may come in; whoever may write to the socket where there are none. */
  readonly users: readonly string[]
  /** Connections at once. */
  readonly mostCalls: number
  readonly log: Logger
  readonly metrics: Metrics
  readonly onCall: (call: Call) => void
  /** Where systemd says that it listens for us; it is cleared of that. */
  readonly env?: Record<string, string | undefined>
}

export const farewellMs = 1000 // for who was refused to read why, while they still write
// Connections that nobody has looked at yet. With fewer, who connects a thousand times at once without
// waiting is turned away by the system, without a word of ours.
const mostWaiting = 4096
const mostFarewells = 64 // at once; beyond it a connection closes without waiting

/** Opens the door where the configuration wants it. Where nothing of it was set and the default path cannot
 *  be had, the daemon does without: a warning, and undefined, as where it is switched off.
 *  @throws CONFIG_INVALID or ADDON_MISSING */
export async function openDoor(
  { udsPath: path, udsMode: mode, udsGroup: group, udsUsers: users, given }: Config,
  options: Omit<DoorOptions, 'path' | 'mode' | 'group' | 'users'>,
): Promise<Door | undefined> {
  if (path === 'off') return undefined
  const door = new Door({ ...options, path, mode, group, users })
  try {
    await door.listen()
    return door
  } catch (error) {
    if (door.isActivated || settings.some((key) => given.includes(key))) throw error
    const { message } = toAppError(error)
    options.log.warn({ path, reason: message }, 'job socket not opened: XG2G_UDS_PATH names another, or off')
    return undefined
  }
}

const settings = ['udsPath', 'udsMode', 'udsGroup', 'udsUsers'] as const

/** Listens, admits and hands over. */
export class Door {
  readonly #options: DoorOptions
  readonly #server: Server
  readonly #open = new Set<Socket>()
  readonly #farewells = new Set<Socket>()
  #users: ReadonlySet<number> | undefined // undefined lets everybody in
  #place: Place | undefined
  #hasAddon: boolean | undefined // looked at with the first call: until then its libraries are not loaded
  #isActivated = false
  #isClosed = false

  constructor(options: DoorOptions) {
    this.#options = options
    // Paused: nothing is read before somebody has said where to.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    this.#server.on('connection', (socket) => this.#answer(socket))
  }

  /** Does systemd listen for us? Then path, permissions and group are its own. */
  get isActivated(): boolean {
    return this.#isActivated
  }

  /** Connections that are open. */
  get calls(): number {
    return this.#open.size
  }

  /** Takes calls from now on.
   *  @throws CONFIG_INVALID where the socket cannot be as configured, or ADDON_MISSING where callers cannot be
   *          told apart; then nothing is left of it */
  async listen(): Promise<void> {
    const { path, mode, group, users, log, env } = this.#options
    const activated = takeActivated(env)
    this.#isActivated = activated !== undefined
    try {
      this.#users = users.length === 0 ? undefined : new Set(users.map(numberOfUser))
      const gid = group === undefined || this.#isActivated ? undefined : numberOfGroup(group)
      if (activated === undefined) {
        const place = (this.#place = await Place.find(path))
        await this.#bind({ path: place.draft })
        place.publish({ mode, gid })
      } else await this.#bind({ fd: activated })
    } catch (error) {
      await this.close()
      throw error
    }
    // Such as too many open files: the next call may find a descriptor again.
    this.#server.on('error', (err) => log.warn({ err }, 'call to the job socket lost'))
    log.info(
      { path: this.#isActivated ? undefined : path, isActivated: this.#isActivated },
      'job socket opened',
    )
  }

  /** Takes no more calls and removes the socket if it is still ours. Those that were handed over belong to
   *  whom they were handed to. Resolves when who was refused has gone. May be called again. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#place?.remove() // before the socket closes: who finds it is answered
    this.#server.close()
    this.#place?.close()
    await Promise.all(Array.from(this.#farewells, closed))
  }

  async #bind(where: { path: string } | { fd: number }): Promise<void> {
    if (this.#isClosed) throw new AppError('SHUTTING_DOWN')
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const done = () => resolve(undefined)
    this.#server
      .once('error', reject)
      .once('close', done)
      .listen({ ...where, backlog: mostWaiting }, done)
    try {
      await promise
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const reason = `Nobody can listen on the job socket ${this.#options.path}: ${why}`
      throw new AppError('CONFIG_INVALID', { cause, reason })
    }
    this.#server.off('error', reject).off('close', done)
    if (this.#isClosed) throw new AppError('SHUTTING_DOWN')
  }

  #answer(socket: Socket): void {
    const { mostCalls, log, metrics } = this.#options
    socket.on('error', () => undefined) // gone before anybody took it: 'close' follows
    const peer = this.#peerOf(socket)
    if (!this.#mayEnter(peer)) {
      const user = peer && nameOf(peer.uid)
      metrics.callsRefused.inc('user')
      log.warn({ ...peer, user }, 'caller refused: not among the users of the job socket')
      const reason = `${user === undefined ? 'A user who cannot be told' : `The user ${user}`} may not use this socket (XG2G_UDS_USERS)`
      this.#refuse(socket, new AppError('FORBIDDEN', { reason }))
    } else if (this.#open.size >= mostCalls) {
      metrics.callsRefused.inc('limit')
      log.warn({ ...peer, mostCalls }, 'caller refused: too many connections to the job socket')
      this.#refuse(socket, new AppError('LIMIT_REACHED', { capacity: mostCalls, what: 'connections' }))
    } else {
      this.#count(socket)
      this.#handOver(socket, peer)
    }
  }

  #handOver(socket: Socket, peer: Peer | undefined): void {
    const { onCall, log } = this.#options
    let isTaken = false
    const take = () => {
      if (isTaken) throw new TypeError('Expected a call that nobody has taken yet')
      isTaken = true
    }
    const refuse = (error: AppError) => {
      take()
      this.#refuse(socket, error)
    }
    const open = (reading: Reading) => {
      take()
      return this.#read(socket, reading)
    }
    try {
      onCall({ peer, open, refuse })
    } catch (err) {
      log.error({ err, ...peer }, 'call to the job socket failed')
      if (!isTaken) refuse(toAppError(err))
    }
  }

  #read(accepted: Socket, reading: Reading): Socket {
    const socket = readInto(accepted, reading, this.#addon)
    if (socket !== accepted) {
      this.#open.delete(accepted)
      this.#count(socket)
    }
    return socket
  }

  // Until it has closed.
  #count(socket: Socket): void {
    const { calls } = this.#options.metrics
    calls.set(this.#open.add(socket).size)
    socket.once('close', () => {
      this.#open.delete(socket)
      calls.set(this.#open.size)
    })
  }

  // What they still write is read and dropped for a while: a socket that closes with unread bytes resets the
  // connection, and a program that fails in writing does not read why.
  #refuse(socket: Socket, error: AppError): void {
    const isCrowd = this.#farewells.size >= mostFarewells
    const timer = setTimeout(() => socket.destroy(), farewellMs)
    this.#farewells.add(socket)
    socket.once('close', () => {
      clearTimeout(timer)
      this.#farewells.delete(socket)
    })
    socket.end(`${JSON.stringify(error)}\n`, () => {
      if (isCrowd) socket.destroy()
    })
    socket.resume()
  }

  #mayEnter(peer: Peer | undefined): boolean {
    return this.#users === undefined || (peer !== undefined && this.#users.has(peer.uid))
  }

  #peerOf(socket: Socket): Peer | undefined {
    const fd = descriptorOf(socket)
    return fd !== undefined && this.#addon ? peerOf(fd) : undefined
  }

  get #addon(): boolean {
    return (this.#hasAddon ??= peersAvailable())
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

// For the log: a database of users that fails is no reason to fail.
function nameOf(uid: number): string {
  try {
    return userName(uid) ?? String(uid)
  } catch {
    return String(uid)
  }
}

const ownNumber = /^\d{1,10}$/

function numberOfUser(user: string): number {
  if (!peersAvailable()) throw addonNeeded('XG2G_UDS_USERS')
  const uid = ownNumber.test(user) ? Number(user) : userId(user)
  if (uid !== undefined) return uid
  throw new AppError('CONFIG_INVALID', { reason: `There is no user ${user}, whom XG2G_UDS_USERS names` })
}

function numberOfGroup(group: string): number {
  if (ownNumber.test(group)) return Number(group)
  if (!peersAvailable()) throw addonNeeded('A name in XG2G_UDS_GROUP')
  const gid = groupId(group)
  if (gid !== undefined) return gid
  throw new AppError('CONFIG_INVALID', { reason: `There is no group ${group}, which XG2G_UDS_GROUP names` })
}

function addonNeeded(what: string): AppError {
  const reason = `${what} needs the addon, which is missing: \`make native\` builds it`
  return new AppError('ADDON_MISSING', { reason })
}
