// `xg2g doctor`: says in plain words what is missing or wrong on this machine and with the receiver. Opens no
// stream and changes nothing.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { readCertificate } from '../base/certificate.ts'
import type { Config } from '../base/config.ts'
import { toAppError } from '../base/errors.ts'
import { proveFolder } from '../base/folder.ts'
import { formatListen, type Listen } from '../base/units.ts'
import { nativeVersion } from '../workers/native.ts'
import { examineDiscovery } from './discovery.ts'
import { examineReceiver } from './receiver.ts'
import { examineSocket } from './socket.ts'

/** `ok`: nothing to do. `note`: good to know. `bad`: something will not work. */
export type Level = 'ok' | 'note' | 'bad'

export interface Diagnosis {
  readonly level: Level
  readonly text: string
  /** What to do about it. */
  readonly cure?: string
}

type Examination = (config: Config) => Diagnosis[] | Promise<Diagnosis[]>

const leastNode = [24, 15] as const
const leastFreeBytes = 500e6
const fewDays = 14
const examinations: readonly Examination[] = [
  examineNode,
  examineAddon,
  examineFfmpeg,
  examineVaDevice,
  examineData,
  examineClock,
  examineCertificate,
  examinePorts,
  examineSocket,
  ({ hdhrEnabled }) => (hdhrEnabled ? examineDiscovery() : []),
  examineReceiver,
]

/** Prints the diagnoses as they come. 0 if nothing is bad, else 1. */
export async function doctor(config: Config): Promise<number> {
  let badly = 0
  for (const examine of examinations) {
    for (const { level, text, cure } of await examine(config)) {
      if (level === 'bad') badly++
      process.stdout.write(`${level.padEnd(4)}  ${text}\n${cure === undefined ? '' : `      ${cure}\n`}`)
    }
  }
  process.stdout.write(
    badly === 0
      ? '\nNothing is missing.\n'
      : `\n${badly} ${badly === 1 ? 'thing needs' : 'things need'} attention.\n`,
  )
  return badly === 0 ? 0 : 1
}

function examineNode(): Diagnosis[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])
  if (isEnough) return [{ level: 'ok', text: `Node ${process.versions.node}` }]
  return [
    {
      level: 'bad',
      text: `Node ${process.versions.node} is older than ${leastNode.join('.')}`,
      cure: 'make setup',
    },
  ]
}

function examineAddon({ enableAudioTranscoding, useNativeRemuxer }: Config): Diagnosis[] {
  try {
    return [{ level: 'ok', text: `Native remuxer, libavcodec ${nativeVersion().libavcodec}` }]
  } catch (thrown) {
    const isWanted = enableAudioTranscoding && useNativeRemuxer
    const text = `The native remuxer does not load: ${toAppError(thrown).message}`
    const cure =
      'make native (it names the FFmpeg libraries that are missing); until then ffmpeg makes the sound, if it is there'
    return [{ level: isWanted ? 'bad' : 'note', text, cure }]
  }
}

async function examineFfmpeg({ ffmpeg }: Config): Promise<Diagnosis[]> {
  try {
    const { stdout } = await promisify(execFile)(ffmpeg, ['-version'], { timeout: 5000 })
    return [{ level: 'ok', text: stdout.split(' Copyright', 1)[0] ?? 'ffmpeg' }]
  } catch {
    const text = `There is no ffmpeg program ${ffmpeg}: streams pass unchanged where the native remuxer is off or fails, and serve --demo needs it`
    return [{ level: 'note', text, cure: 'apt-get install ffmpeg' }]
  }
}

function examineVaDevice(): Diagnosis[] {
  const device = process.env.VAAPI_DEVICE || '/dev/dri/renderD128'
  if (!existsSync(device)) {
    return [{ level: 'note', text: `There is no VA device ${device}; video is copied, so nothing needs it` }]
  }
  try {
    accessSync(device, constants.R_OK | constants.W_OK)
    return [{ level: 'ok', text: `VA device ${device}` }]
  } catch {
    const text = `The VA device ${device} may not be used by this user`
    return [{ level: 'note', text, cure: 'add the user to the group of the device (render or video)' }]
  }
}

function examineData({ data }: Config): Diagnosis[] {
  try {
    proveFolder(data)
    const { bavail, bsize } = statfsSync(data)
    const text = `Data in ${data}, ${((bavail * bsize) / 1e9).toFixed(1)} GB free`
    return [{ level: bavail * bsize < leastFreeBytes ? 'bad' : 'ok', text }]
  } catch (thrown) {
    const text = `Nothing can be written to ${data}: ${toAppError(thrown).message}`
    return [{ level: 'bad', text, cure: 'set XG2G_DATA to a folder of this user' }]
  }
}

function examineClock(): Diagnosis[] {
  const now = new Date()
  if (now.getUTCFullYear() >= 2026) return [{ level: 'ok', text: `Clock ${now.toISOString()}` }]
  const text = `The clock of this machine says ${now.toISOString()}: the guide will be off`
  return [{ level: 'bad', text, cure: 'switch on NTP' }]
}

function examineCertificate(config: Config): Diagnosis[] {
  try {
    const certificate = readCertificate(config)
    if (certificate === undefined) return []
    const { names, validTo, warnings } = certificate
    if (warnings.length > 0)
      return warnings.map((text) => ({ level: 'bad', text, cure: 'have it renewed, then reload' }))
    const left = Math.floor((validTo.getTime() - Date.now()) / 86_400_000)
    const text = `Certificate for ${names || 'no name'}, good for ${left} more days`
    return [{ level: left < fewDays ? 'note' : 'ok', text }]
  } catch (thrown) {
    const cure = 'set XG2G_TLS_CERT and XG2G_TLS_KEY to files in PEM that this user may read, or neither'
    return [{ level: 'bad', text: toAppError(thrown).message, cure }]
  }
}

async function examinePorts(config: Config): Promise<Diagnosis[]> {
  const {
    listen,
    tlsCert,
    tlsListen,
    enableStreamProxy,
    proxyListen,
    hdhrEnabled,
    hdhrListen,
    metricsListen,
  } = config
  const ports = [
    listen,
    ...(tlsCert ? [tlsListen] : []),
    ...(enableStreamProxy ? [proxyListen] : []),
    ...(hdhrEnabled ? [hdhrListen] : []),
    ...(metricsListen ? [metricsListen] : []),
  ]
  const isRunning = await answersAsOurs(listen)
  return await Promise.all(ports.map((port) => examinePort(port, isRunning)))
}

async function examinePort(listen: Listen, isRunning: boolean): Promise<Diagnosis> {
  const name = `Port ${formatListen(listen)}`
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(listen.port, listen.host, () => server.close(() => resolve(undefined)))
  })
  if (code === undefined) return { level: 'ok', text: `${name} is free` }
  if (code === 'EADDRINUSE' && isRunning) return { level: 'ok', text: `${name} is taken, xg2g is running` }
  if (code === 'EADDRINUSE') {
    return {
      level: 'bad',
      text: `${name} is taken by another program`,
      cure: 'stop it or choose another port',
    }
  }
  return { level: 'bad', text: `${name} cannot be used: ${code}` }
}

async function answersAsOurs({ host = '127.0.0.1', port }: Listen): Promise<boolean> {
  try {
    const at = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    const url = `http://${formatListen({ host: at, port })}/healthz`
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
    return (await answer.text()).includes('"ok"')
  } catch {
    return false
  }
}
