// What `xg2g doctor` says of being found as an HDHomeRun tuner: its ports, and whether broadcasts get here.
import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import type { Diagnosis } from './doctor.ts'

/** Those that its clients send to, by UDP. */
export interface DiscoveryPorts {
  readonly hdhomerun: number
  readonly ssdp: number
}

const ports: DiscoveryPorts = { hdhomerun: 65001, ssdp: 1900 }
const containerFiles = ['/.dockerenv', '/run/.containerenv'] // of Docker, of Podman
const bridgeAddress = /^(?:172\.(?:1[6-9]|2\d|3[01])|10\.88|10\.89)\./ // what the two give their containers

export async function examineDiscovery({ hdhomerun, ssdp } = ports): Promise<Diagnosis[]> {
  const isContainer = containerFiles.some((file) => existsSync(file))
  return [
    await examinePort(hdhomerun, 'HDHomeRun discovery', false),
    await examinePort(ssdp, 'SSDP', true), // shared by all who announce something
    ...(isContainer && isBridged(networkInterfaces()) ? [bridged] : []),
  ]
}

/** Is a container with these interfaces apart from the network of its host? */
export function isBridged(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): boolean {
  const addresses = Object.values(interfaces)
    .flatMap((each) => each ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
  return addresses.length > 0 && addresses.every(({ address }) => bridgeAddress.test(address))
}

const bridged: Diagnosis = {
  level: 'note',
  text: 'This seems to be a container with a network of its own: no broadcast gets in, so players do not find the HDHomeRun tuner by themselves',
  cure: "run it in the host's network (network_mode: host), or give players the address",
}

async function examinePort(port: number, what: string, isShared: boolean): Promise<Diagnosis> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: isShared })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      resolve(error.code ?? error.message)
    })
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(undefined)))
  })
  const name = `UDP port ${port} (${what})`
  if (code === undefined) return { level: 'ok', text: `${name} can be used` }
  const text =
    code === 'EADDRINUSE' ? `${name} is taken, by xg2g or another tuner` : `${name} cannot be used: ${code}`
  return { level: 'note', text }
}
