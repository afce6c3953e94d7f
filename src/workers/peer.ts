// Who is at the other end of a Unix domain socket: the typed door to the addon's part that asks the system.
// Any thread. Every call throws ADDON_MISSING where the addon is not there.
import { nativePeers } from './native.ts'

/** The process that connected, as it was then. */
export interface Peer {
  /** 0 where it lies in a namespace that is not seen from here */
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** Can callers be told apart here? */
export function peersAvailable(): boolean {
  try {
    nativePeers()
    return true
  } catch {
    return false
  }
}

/** Who connected; undefined where the descriptor is no connected Unix domain socket. */
export function peerOf(fd: number): Peer | undefined {
  return nativePeers().of(fd)
}

/** Undefined where there is no such user. Asks the system's databases, which may mean a server. */
export function userId(name: string): number | undefined {
  return nativePeers().userId(name)
}

/** Undefined where no user has this number. Asks as userId() does. */
export function userName(uid: number): string | undefined {
  return nativePeers().userName(uid)
}

/** Undefined where there is no such group. Asks as userId() does. */
export function groupId(name: string): number | undefined {
  return nativePeers().groupId(name)
}

/** A second descriptor of the same open file: closing the first does not end the connection.
 *  @throws what the system says against it */
export function duplicate(fd: number): number {
  return nativePeers().duplicate(fd)
}
