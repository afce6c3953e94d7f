// Wires the parts, starts them in order and stops them in reverse. Nobody imports it but main.ts.
import { join } from 'node:path'
import { EventHub } from './api/events.ts'
import type { Config } from './base/config.ts'
import { AppError, expectation } from './base/errors.ts'
import { proveFolder } from './base/folder.ts'
import { LiveConfig, reloadLogged, type Reloaded } from './base/live.ts'
import type { Logger } from './base/log.ts'
import { createMetrics } from './base/metrics.ts'
import { settingInfo } from './base/settings.ts'
import type { DemoReceiver } from './demo/receiver.ts'
import { configuredProfile, startEngines } from './plant.ts'
import { Budget } from './receiver/budget.ts'
import { JobListener } from './jobs/listener.ts'
import { Published } from './jobs/published.ts'
import type { Engines } from './stream/engines.ts'
import { startGuide } from './lineup.ts'
import { renewedCertificate, startApi, startHls, startProxy, startTuner } from './ports.ts'
import { openStreams } from './sources.ts'
import type { Tools } from './tools.ts'

export interface DaemonOptions {
  log: Logger
  /** Starts the emulated receiver and uses it in place of the configured one. */
  isDemo?: boolean
  /** Reads the configuration again, for reload(); the same one unless given. */
  load?: () => Config
}

export interface Daemon {
  /** The API port. */
  readonly apiPort: number
  /** Its HTTPS; undefined without a certificate. */
  readonly tlsPort: number | undefined
  /** The proxy port; undefined where it is switched off. */
  readonly proxyPort: number | undefined
  /** The HDHomeRun tuner's port; undefined where there is none. */
  readonly tunerPort: number | undefined
  readonly demo: DemoReceiver | undefined
  /** Reads the configuration again and applies what can change while streams run.
   *  @throws CONFIG_REJECTED; then nothing has changed */
  reload(): Reloaded
  /** Drains the streams, then stops everything. Each part may take a few seconds at most. */
  close(): Promise<void>
}

/** Starts what the configuration asks for. If a part cannot start, those before it are stopped.
 *  @throws CONFIG_INVALID, or what a port says that cannot be listened on */
export async function startDaemon(
  configured: Config,
  { log, isDemo = false, load = () => configured }: DaemonOptions,
): Promise<Daemon> {
  await using starting = new AsyncDisposableStack()
  let phase: string | undefined = 'starting'
  const live = new LiveConfig(configured, load)
  live.onChange((config) => void (log.level = config.logLevel))
  const found: Tools['found'] = { apiPort: 0 }
  const tools: Tools = {
    parts: starting,
    live,
    hub: new EventHub(),
    published: new Published(),
    found,
    budget: new Budget({ streams: () => found.feeds?.size ?? 0 }),
    log,
    metrics: createMetrics({ process: true }),
    checks: [() => phase],
  }
  for (const warning of configured.warnings) log.warn(warning)
  if (!isDemo) checkSource(configured)
  if (isDemo || configured.owiBase !== undefined) checkData(configured)

  await startApi(configured, tools, () => reload(tools))
  const demo = isDemo ? await startDemo(configured, tools) : undefined
  if (demo !== undefined) {
    // Where there is no proxy, players are sent to the receiver.
    const proxyTarget = live.current.enableStreamProxy ? undefined : demo.streamUrl
    live.hold({ owiBase: demo.webUrl, proxyTarget })
  }
  const made = await startEngines(live.current, tools)
  found.pool = made.pool
  const folder = isDemo ? join(configured.data, 'demo-guide') : configured.data
  const { enableStreamProxy, hdhrEnabled } = live.current
  const streams = enableStreamProxy || hdhrEnabled ? openStreams(live.current, made, tools) : undefined
  if (streams !== undefined && enableStreamProxy) await startProxy(live.current, streams, tools)
  if (streams !== undefined) startHls(live.current, made, streams, tools)
  await startJobs(live.current, made.engines, tools)
  startGuide(live.current, folder, tools)
  if (streams !== undefined && hdhrEnabled) await startTuner(streams, folder, tools)
  phase = undefined
  starting.defer(() => void (phase = 'stopping'))
  const { apiPort, tlsPort, proxyPort } = found
  const tunerPort = found.tuner?.port
  log.info({ apiPort, tlsPort, proxyPort, tunerPort }, 'started')

  const parts = starting.move()
  return {
    apiPort,
    tlsPort,
    proxyPort,
    tunerPort,
    demo,
    reload: () => reload(tools),
    close: () => parts.disposeAsync(),
  }
}

function reload(tools: Tools): Reloaded {
  const reloaded = reloadLogged(() => reloadAll(tools), tools.log)
  const { applied, restart } = reloaded
  tools.hub.send('config', { applied, restart })
  return reloaded
}

function reloadAll({ live, found }: Tools): Reloaded {
  const certificate = renewedCertificate(live.current)
  const reloaded = live.reload()
  if (certificate === undefined) return reloaded
  found.tls?.renew(certificate)
  return { ...reloaded, warnings: [...reloaded.warnings, ...certificate.warnings] }
}

// Loaded only here: it is 9 MB of memory that a daemon with a real receiver has no use for.
async function startDemo(config: Config, { parts, log }: Tools): Promise<DemoReceiver> {
  const { startDemoReceiver } = await import('./demo/receiver.ts')
  const demo = await startDemoReceiver({ webPort: 0, streamPort: 0, dataDir: config.data, log })
  parts.defer(() => demo.close())
  return demo
}

// Programs on this machine: their streams back, or as channels where there is a proxy to show them.
async function startJobs(config: Config, engines: Engines, tools: Tools): Promise<void> {
  const { parts, live, found, published, log, metrics } = tools
  if (config.transcoderUrl === `unix:${config.udsPath}`) return // the transcoder's own: we would ask ourselves
  const jobs = await JobListener.open(config, {
    engines,
    get profile() {
      return configuredProfile(live.current)
    },
    published: found.feeds === undefined ? undefined : published,
    idleMs: config.jobIdle,
    log,
    metrics,
  })
  if (jobs !== undefined) parts.defer(() => jobs.close())
}

// Before anything is opened that would fail in its own words.
function checkData({ data }: Config): void {
  try {
    proveFolder(data)
  } catch (cause) {
    const { env } = settingInfo('data')
    const expected = expectation('a folder that can be written to', env, data)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('CONFIG_INVALID', { cause, reason: `${expected}: ${why}` })
  }
}

function checkSource({ owiBase, proxyTarget, enableStreamProxy }: Config): void {
  if (!enableStreamProxy || owiBase !== undefined || proxyTarget !== undefined) return
  const reason =
    "Expected the receiver's address for XG2G_OWI_BASE, such as http://192.168.1.20, but received none\n" +
    'Without a receiver: ./xg2g serve --demo'
  throw new AppError('CONFIG_INVALID', { reason })
}
