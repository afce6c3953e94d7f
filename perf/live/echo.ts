// The other thread of the ring benchmark: sends back what comes, through rings or as messages.
import { workerData, parentPort } from 'node:worker_threads'
import { turnBytes } from '../../src/workers/lane.ts'
import { RingReader, RingWriter } from '../../src/workers/ring.ts'
import { stampBytes } from '../ring.ts'

/** A way there and a way back. */
export interface Pair {
  readonly there: SharedArrayBuffer
  readonly back: SharedArrayBuffer
}

/** 'chunks': bytes are copied through; 'stamps': each message is answered with when it was seen. */
export interface EchoData {
  readonly task: 'chunks' | 'stamps'
  readonly pairs: readonly Pair[]
}

const { task, pairs } = workerData as EchoData

for (const { there, back } of pairs) {
  const echo = task === 'chunks' ? copy : answer
  void echo(new RingReader(there), new RingWriter(back))
}

let spare = new ArrayBuffer(65_536)
parentPort?.on('message', (message: ArrayBuffer | BigUint64Array) => {
  if (message instanceof BigUint64Array) {
    message[1] = process.hrtime.bigint()
    parentPort?.postMessage(message)
  } else {
    // As a remuxer would: from one buffer into another. The one that came is used next.
    new Uint8Array(spare).set(new Uint8Array(message))
    parentPort?.postMessage(spare, [spare])
    spare = message
  }
})
parentPort?.postMessage('ready')

async function copy(input: RingReader, output: RingWriter): Promise<void> {
  let turn = 0
  while (!input.isDrained) {
    const bytes = input.readable(65_536)
    if (bytes.length === 0) {
      await input.whenReadable()
      continue
    }
    const length = output.write(bytes)
    if (length === 0) await output.whenWritable(65_536)
    else input.release(length)
    if ((turn += length) < turnBytes) continue
    turn = 0
    await new Promise(setImmediate)
  }
}

async function answer(input: RingReader, output: RingWriter): Promise<void> {
  const bytes = new Uint8Array(stampBytes)
  const stamps = new BigUint64Array(bytes.buffer)
  while (!input.isDrained) {
    if (input.read(bytes) === stampBytes) {
      stamps[1] = process.hrtime.bigint()
      output.write(bytes)
    }
    await input.whenReadable()
  }
}
