// A program: the whole house with its HDHomeRun tuner on the host where it runs, until it is ended. What its
// receiver has been asked can be asked of it in turn.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { open } from '../e2e/house.ts'

/** Where, and of which channels: the parameters. */
const [, , address = '', port = '', ...streams] = process.argv
const house = await open(
  { streams: streams as NonNullable<Parameters<typeof open>[0]>['streams'] & string[] },
  { XG2G_HDHR_ENABLED: 'true', XG2G_HDHR_DISCOVERY: 'true', XG2G_HDHR_LISTEN: `${address}:5004` },
)
const ledger = createServer((_, response) => response.end(JSON.stringify(house.demo.requests)))
ledger.listen(Number(port), address)
await once(ledger, 'listening')

process.stdin.resume().once('end', end) // of the test that has started it
process.once('SIGTERM', end)

function end(): void {
  process.stdin.pause().destroy()
  ledger.close()
  ledger.closeAllConnections()
  void house.close()
}
