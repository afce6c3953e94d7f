// A program that makes devices known on the host where it runs, until it is ended. Its parameter is JSON; it
// prints its log, and its counts when it ends.
import { createLog } from '../../src/base/log.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { privateNetworks } from '../../src/base/network.ts'
import type { Device, TunerState } from '../../src/hdhomerun/device.ts'
import { startDiscovery } from '../../src/hdhomerun/discovery.ts'
import { hostOf } from './devices.ts'

/** The parameter. */
export interface Announced {
  readonly devices?: readonly Device[]
  readonly tuners?: readonly TunerState[]
}

const { devices, tuners } = JSON.parse(process.argv[2] ?? '{}') as Announced
const metrics = createMetrics()
const discovery = await startDiscovery({
  host: hostOf(devices, tuners),
  isAllowed: (address) => privateNetworks.has(address),
  log: createLog('debug'),
  metrics,
  pollMs: 100,
})
process.stdin.resume().once('end', end) // of the test that has started it
process.once('SIGTERM', end)

function end(): void {
  process.stdin.pause().destroy()
  void discovery.close().then(async () => {
    const counts = await metrics.registry.getSingleMetricAsString('xg2g_discovery_requests_total')
    process.stdout.write(`${counts}\n`)
  })
}
