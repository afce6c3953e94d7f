// Bytes to another thread and back: through the shared ring, and as messages that hand buffers over.
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { turnBytes } from '../src/workers/lane.ts'
import { createRing, RingReader, RingWriter } from '../src/workers/ring.ts'
import type { EchoData, Pair } from './live/echo.ts'
import { interleaved, percentile, spreadOf } from './measure.ts'
import { show, type Benchmark } from './report.ts'

/** A message of the wake-ups: when it was sent and when it was seen, nanoseconds. */
export const stampBytes = 16

const chunkBytes = 65_536
const ringBytes = 1024 * 1024
const inFlight = ringBytes / chunkBytes // messages on their way, as many bytes as a ring holds

const carriers = ['ring x 1', 'messages x 1', 'ring x 6', 'messages x 6'] as const
type Carrier = (typeof carriers)[number]
const wakers = ['ring', 'messages'] as const

export const ring: Benchmark = {
  title: 'Ring against postMessage, main thread to worker and back',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 1 : 7)
    const bytes = (isQuick ? 128 : 1024) * 2 ** 20
    const wakeUps = isQuick ? 100 : 1000
    const speeds = await interleaved(carriers, often, (name) => throughput(name, bytes))
    const delays = await interleaved(wakers, often, (name) => wakeDelays(name, wakeUps))
    return {
      task:
        'Throughput: 64 KB chunks are copied into a ring, by the worker copied from there into a second ring, and read by ' +
        'the main thread; or copied into an ArrayBuffer that is transferred to the worker, copied there into another one, ' +
        'and that one transferred back. ' +
        'Wake-up: every 2 ms, when both threads sleep, 16 bytes go there and back; each side notes when it saw them.',
      inputs: [`${bytes / 2 ** 20} MiB in 64 KB chunks; ${wakeUps} wake-ups in each round`],
      tables: [
        {
          title: `GB/s there and back, ${often} rounds, median (least - most)`,
          columns: ['', 'GB/s'],
          rows: carriers.map((name) => [name, show(spreadOf(speeds[name]))]),
        },
        {
          title: 'Wake-up in microseconds, all rounds together',
          columns: ['', 'p50 there', 'p99 there', 'p50 back', 'p99 back'],
          rows: wakers.map((name) => {
            const there = delays[name].flatMap((each) => each.there)
            const back = delays[name].flatMap((each) => each.back)
            return [
              name,
              ...[there, back].flatMap((all) => [50, 99].map((p) => percentile(all, p).toFixed(0))),
            ]
          }),
        },
      ],
      goals: [],
      notes: [
        `As many bytes may be on their way in either: ${ringBytes / 2 ** 20} MiB for each stream. No buffer is allocated while it runs.`,
        'One worker for all six; the worker yields every 256 KB as the pool’s does.',
      ],
    }
  },
}

async function startEcho(task: EchoData['task'], pairs: readonly Pair[]): Promise<Worker> {
  const workerData: EchoData = { task, pairs }
  const worker = new Worker(new URL('live/echo.ts', import.meta.url), { workerData })
  await once(worker, 'message')
  return worker
}

function makePairs(count: number): Pair[] {
  return Array.from({ length: count }, () => ({ there: createRing(ringBytes), back: createRing(ringBytes) }))
}

/** GB/s */
async function throughput(name: Carrier, bytes: number): Promise<number> {
  const count = name.endsWith('6') ? 6 : 1
  const isRing = name.startsWith('ring')
  const pairs = isRing ? makePairs(count) : []
  const worker = await startEcho('chunks', pairs)
  const chunk = new Uint8Array(chunkBytes).fill(0x47)
  const chunks = Math.floor(bytes / chunkBytes / count)
  const startedAt = performance.now()
  if (isRing) await Promise.all(pairs.map((pair) => throughRing(pair, chunk, chunks)))
  else await asMessages(worker, chunk, chunks * count, inFlight * count)
  const seconds = (performance.now() - startedAt) / 1000
  await worker.terminate()
  return (chunks * count * chunkBytes) / seconds / 1e9
}

async function throughRing({ there, back }: Pair, chunk: Uint8Array, chunks: number): Promise<void> {
  const send = async (output: RingWriter) => {
    let turn = 0
    for (let sent = 0; sent < chunks * chunkBytes;) {
      const length = output.write(chunk.subarray(sent % chunkBytes))
      if (length === 0) await output.whenWritable(chunkBytes)
      sent += length
      if ((turn += length) < turnBytes) continue
      turn = 0
      await new Promise(setImmediate)
    }
  }
  const receive = async (input: RingReader) => {
    for (let received = 0; received < chunks * chunkBytes;) {
      const { length } = input.readable()
      if (length === 0) await input.whenReadable()
      else input.release(length)
      received += length
    }
  }
  await Promise.all([send(new RingWriter(there)), receive(new RingReader(back))])
}

async function asMessages(worker: Worker, chunk: Uint8Array, chunks: number, most: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  let sent = 0
  let received = 0
  const send = (buffer: ArrayBuffer) => {
    sent++
    new Uint8Array(buffer).set(chunk)
    worker.postMessage(buffer, [buffer])
  }
  worker.on('message', (buffer: ArrayBuffer) => {
    if (++received === chunks) resolve(undefined)
    else if (sent < chunks) send(buffer)
  })
  for (let i = 0; i < Math.min(most, chunks); i++) send(new ArrayBuffer(chunkBytes))
  await promise
}

/** Microseconds. */
interface Delays {
  readonly there: number[]
  readonly back: number[]
}

async function wakeDelays(name: (typeof wakers)[number], count: number): Promise<Delays> {
  const pair = { there: createRing(4096), back: createRing(4096) }
  const worker = await startEcho('stamps', [pair])
  const ask = name === 'ring' ? askRing(pair) : (stamps: BigUint64Array) => askByMessage(worker, stamps)
  const delays: Delays = { there: [], back: [] }
  for (let i = 0; i < count; i++) {
    await delay(2)
    const [sent = 0n, seen = 0n] = await ask(BigUint64Array.of(process.hrtime.bigint(), 0n))
    delays.there.push(Number(seen - sent) / 1000)
    delays.back.push(Number(process.hrtime.bigint() - seen) / 1000)
  }
  await worker.terminate()
  return delays
}

function askRing({ there, back }: Pair): (stamps: BigUint64Array) => Promise<BigUint64Array> {
  const output = new RingWriter(there)
  const input = new RingReader(back)
  return async (stamps) => {
    output.write(new Uint8Array(stamps.buffer))
    while (input.fill < stampBytes) await input.whenReadable()
    input.read(new Uint8Array(stamps.buffer))
    return stamps
  }
}

async function askByMessage(worker: Worker, stamps: BigUint64Array): Promise<BigUint64Array> {
  const answer = once(worker, 'message')
  worker.postMessage(stamps)
  return (await answer)[0] as BigUint64Array
}
