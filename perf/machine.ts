// What a figure was measured on.
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { nativeVersion } from '../src/workers/native.ts'
import { run } from './command.ts'

/** Processor, cores, memory, system, and how busy it was. */
export function machine(): string[] {
  const all = cpus()
  const system = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux'
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ')
  return [
    `${all[0]?.model.trim()}, ${all.length} cores${vectors()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${system}, kernel ${release()}`,
    `load when it began: ${load}`,
  ]
}

export async function versions(): Promise<string[]> {
  const ffmpeg = (await run(['ffmpeg', '-version'])).stdout.toString()
  const release = /^ffmpeg version (\S+)/.exec(ffmpeg)?.[1] ?? 'unknown'
  const libavcodec = /^libavcodec\s+([\d. ]+)\//m.exec(ffmpeg)?.[1]?.replaceAll(' ', '') ?? 'unknown'
  return [
    `Node ${process.version}`,
    `ffmpeg ${release} (libavcodec ${libavcodec}); the addon has libavcodec ${nativeVersion().libavcodec}`,
  ]
}

function vectors(): string {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  return (
    ['avx512f', 'avx2', 'sse4_2'].filter((flag) => flags.includes(flag)).map((flag) => `, ${flag}`)[0] ?? ''
  )
}
