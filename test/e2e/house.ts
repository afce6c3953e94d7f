// The whole house for the tests here: the demo receiver, the daemon in front of it, its log and its metrics.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { loadConfig } from '../../src/base/config.ts'
import { createLog } from '../../src/base/log.ts'
import { startDaemon, type Daemon } from '../../src/daemon.ts'
import { startDemoReceiver, type DemoOptions, type DemoReceiver } from '../../src/demo/receiver.ts'

/** Where the demo streams are kept, shared with `make run`. */
export const dataDir = 'var'

type Kind = NonNullable<DemoOptions['streams']>[number]
type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

export interface House {
  readonly demo: DemoReceiver
  readonly daemon: Daemon
  /** The environment, read again by a reload. */
  readonly settings: Record<string, string>
  readonly proxyPort: number
  /** What the daemon has logged so far. */
  readonly lines: readonly LogLine[]
  /** The reference of a channel. */
  ref(kind: Kind): string
  url(kind: Kind, query?: string): string
  /** A metric's line, without its name; undefined if there is none. */
  metric(line: string): Promise<number | undefined>
  close(): Promise<void>
}

export async function open(
  options: Partial<DemoOptions> = {},
  env: Record<string, string> = {},
): Promise<House> {
  const demo = await startDemoReceiver({
    webPort: 0,
    streamPort: 0,
    dataDir,
    streams: ['mpeg2', 'radio-mp2'],
    ...options,
  })
  const lines: LogLine[] = []
  const destination = new PassThrough().setEncoding('utf8')
  destination.on('data', (text: string) => {
    for (const line of text.trim().split('\n')) lines.push(JSON.parse(line) as LogLine)
  })
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-house-'))
  const settings: Record<string, string> = {
    XG2G_OWI_BASE: demo.webUrl,
    XG2G_DATA: folder,
    XG2G_UDS_PATH: 'off',
    XG2G_LISTEN: '127.0.0.1:0',
    XG2G_PROXY_LISTEN: '127.0.0.1:0',
    XG2G_HDHR_ENABLED: 'false',
    XG2G_HDHR_LISTEN: '127.0.0.1:0',
    XG2G_HDHR_DISCOVERY: 'false',
    ...env,
  }
  const load = () => loadConfig({ env: settings })
  const rest = async () => {
    await demo.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const daemon = await startDaemon(load(), { log: createLog('info', destination), load }).catch(
    async (error: unknown) => {
      await rest()
      throw error
    },
  )
  const proxyPort = daemon.proxyPort ?? 0
  const ref = (kind: Kind) => demo.channels.find((channel) => channel.kind === kind)?.ref ?? ''
  return {
    demo,
    daemon,
    settings,
    proxyPort,
    lines,
    ref,
    url: (kind, query = '') => `http://127.0.0.1:${proxyPort}/${ref(kind)}${query}`,
    async metric(line) {
      const text = await (await fetch(`http://127.0.0.1:${daemon.apiPort}/metrics`)).text()
      const found = text.split('\n').find((each) => each.startsWith(`${line} `))
      return found === undefined ? undefined : Number(found.slice(line.length + 1))
    },
    async close() {
      await daemon.close()
      await rest()
    },
  }
}
