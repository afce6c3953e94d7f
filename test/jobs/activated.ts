// Started as systemd starts a service: says whether it was handed a socket, answers one caller, ends.
import { createLog } from '../../src/base/log.ts'
import { createMetrics } from '../../src/base/metrics.ts'
import { Door } from '../../src/jobs/door.ts'
import { echo } from './callers.ts'

const answered = Promise.withResolvers<undefined>()
const door = new Door({
  path: process.argv[2] ?? '',
  mode: 0o600,
  users: [],
  mostCalls: 1,
  log: createLog('silent'),
  metrics: createMetrics(),
  onCall: (call) => {
    const open: typeof call.open = (reading) =>
      call.open(reading).once('close', () => answered.resolve(undefined))
    echo({ ...call, open })
  },
})
await door.listen()
const left = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'))
process.stdout.write(`${JSON.stringify({ isActivated: door.isActivated, left })}\n`)
await answered.promise
await door.close()
