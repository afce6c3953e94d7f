// Looks at running processes: the time that they have used and the memory that they hold. Linux.
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100 // USER_HZ, the same on all of Linux

/** CPU seconds of a process, of its children that live, and of those that it has waited for. */
export function cpuSeconds(pid: number): number {
  return family(pid).reduce((sum, member) => sum + ticksOf(member), 0) / ticksPerSecond
}

/** CPU seconds of this process: of the thread that runs JavaScript and of all others. */
export function threadSeconds(): { main: number; others: number } {
  const all = readdirSync('/proc/self/task').map((thread) => ({
    isMain: thread === String(process.pid),
    seconds: ownTicks(`self/task/${thread}`) / ticksPerSecond,
  }))
  const total = (isMain: boolean) =>
    all.filter((each) => each.isMain === isMain).reduce((sum, { seconds }) => sum + seconds, 0)
  return { main: total(true), others: total(false) }
}

/** CPU seconds that all programs of the machine have used, the kernel's work for them included. */
export function machineSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softirq) / ticksPerSecond
}

/** Of the process alone, in MB: pages that no other has, and its share of all. */
export function memoryMb(pid: number): { privateDirty: number; pss: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1])
  return { privateDirty: kilobytes('Private_Dirty') / 1024, pss: kilobytes('Pss') / 1024 }
}

function family(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => fields(other)?.[1] === String(pid))
  return [pid, ...children.flatMap(family)]
}

// utime, stime, cutime and cstime are fields 14 to 17 of stat(5).
function ticksOf(pid: number): number {
  return (fields(pid)?.slice(11, 15) ?? []).reduce((sum, field) => sum + Number(field), 0)
}

// utime and stime.
function ownTicks(place: string): number {
  return (fields(place)?.slice(11, 13) ?? []).reduce((sum, field) => sum + Number(field), 0)
}

/** Those after the name, which may hold anything: state, parent ... */
function fields(pid: number | string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined // it has ended meanwhile
  }
}
