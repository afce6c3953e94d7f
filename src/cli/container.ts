// What a container keeps from working: discovery is broadcast and multicast, which no bridge lets in.
import { existsSync } from 'node:fs'
import type { Config } from '../base/config.ts'
import type { Diagnosis } from './doctor.ts'

/** Docker's and Podman's own. */
const marks = ['/.dockerenv', '/run/.containerenv']

/** @param isContainer  whether this is one; as its files say, unless given */
export function examineContainer(
  { hdhrEnabled, hdhrListen: { port } }: Config,
  isContainer = marks.some((mark) => existsSync(mark)),
): Diagnosis[] {
  if (!hdhrEnabled || !isContainer) return []
  const text =
    'This is a container: unless it has the network of its host, clients do not find the HDHomeRun tuner by themselves (UDP 65001, SSDP)'
  const cure = `network_mode: host; or type in the address of the host in the client, with port ${port}`
  return [{ level: 'note', text, cure }]
}
