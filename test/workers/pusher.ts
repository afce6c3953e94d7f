// A thread that is to be ended in the middle of a native call: pushes one stream for ever.
import { parentPort, workerData } from 'node:worker_threads'
import { Remuxer, mostPushBytes } from '../../src/workers/native.ts'
import { defaultProfile } from '../../src/workers/profile.ts'

const bytes = workerData as Uint8Array
const window = new Uint8Array(2 * mostPushBytes)
const remuxer = new Remuxer(defaultProfile)

for (let at = 0; ; at = (at + mostPushBytes) % bytes.length) {
  remuxer.push(bytes.subarray(at, at + mostPushBytes), window)
  while (remuxer.pull(window) > 0);
  if (at === 0) parentPort?.postMessage('busy')
}
