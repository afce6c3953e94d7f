// What systemd hands over when it listens for us: a socket among the first descriptors, told of in the
// environment. Source: sd_listen_fds(3).
import { fstatSync, readFileSync } from 'node:fs'

type Environment = Record<string, string | undefined>

const firstDescriptor = 3
const mostDescriptors = 64 // that are looked at
const names = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']

/** The first Unix stream socket that was handed over and listens; undefined where there is none. Clears the
 *  environment, so that nobody takes it again and no program that we start takes it for its own. */
export function takeActivated(env: Environment = process.env): number | undefined {
  const count = Number(env.LISTEN_FDS ?? 0)
  const isOurs = env.LISTEN_PID === String(process.pid)
  for (const name of names) Reflect.deleteProperty(env, name)
  if (!isOurs || !Number.isInteger(count)) return undefined
  const listening = listeningSockets()
  const last = firstDescriptor + Math.min(count, mostDescriptors)
  for (let fd = firstDescriptor; fd < last; fd++) if (listening.has(socketNumber(fd) ?? '')) return fd
  return undefined
}

// The inode of a socket, which is how the system's table names it.
function socketNumber(fd: number): string | undefined {
  try {
    const stat = fstatSync(fd)
    return stat.isSocket() ? String(stat.ino) : undefined
  } catch {
    return undefined // there is none
  }
}

// Columns: number, references, protocol, flags, type, state, inode, path. Source: proc(5), net/unix.
function listeningSockets(): Set<string> {
  const rows = readFileSync('/proc/self/net/unix', 'latin1').split('\n').slice(1)
  const fields = rows.map((row) => row.trim().split(/\s+/))
  const listening = fields.filter(
    ([, , , flags = '', type]) => type === streamType && (Number.parseInt(flags, 16) & acceptFlag) !== 0,
  )
  return new Set(listening.map(([, , , , , , inode = '']) => inode))
}

const streamType = '0001'
const acceptFlag = 0x10000
