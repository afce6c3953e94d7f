// What the system says about one thread of this process. Linux only: elsewhere, and where /proc is not to be
// had, nothing is known.
import { readFileSync, readlinkSync } from 'node:fs'

/** How a thread stands. */
export interface Thread {
  /** of proc(5): R runs or waits for a core; S sleeps, D waits for a disk, T is stopped */
  readonly state: string
  /** that it has had since it began, in steps of 10 */
  readonly cpuMs: number
}

/** @param id  as ownThreadId() gave it; undefined where nothing is known */
export type ReadThread = (id: number) => Thread | undefined

const tickMs = 10 // USER_HZ is 100 wherever Node runs

/** The system's number of the thread that asks; 0 where it has none to tell. */
export function ownThreadId(): number {
  try {
    return Number(/\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0] ?? 0)
  } catch {
    return 0
  }
}

/** Takes 11 us. */
export const readThread: ReadThread = (id) => {
  try {
    return parseThread(readFileSync(`/proc/self/task/${id}/stat`, 'latin1'))
  } catch {
    return undefined
  }
}

/** @param stat  of proc(5): (2) comm in parentheses, which may hold anything, (3) state, (14) utime, (15) stime */
export function parseThread(stat: string): Thread | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // from the third on
  const [state = '', utime, stime] = [fields[0], fields[11], fields[12]]
  const cpuMs = (Number(utime) + Number(stime)) * tickMs
  return Number.isNaN(cpuMs) ? undefined : { state, cpuMs }
}
