// The worker file of the failover benchmark: the real one, that can be told to die or to hang.
import { BroadcastChannel } from 'node:worker_threads'
import type { Outcome, Task } from '../../src/workers/message.ts'
import serve from '../../src/workers/remux.ts'

/** What becomes of a thread. */
export type Doom = 'dies' | 'hangs'

/** Said to all threads: the one that carries this stream obeys. */
export interface Order {
  readonly stream: number
  readonly doom: Doom
}

/** Its answer: all streams that it carries. */
export interface Farewell {
  readonly streams: readonly number[]
}

export const orders = 'xg2g-perf-orders'
export const farewells = 'xg2g-perf-farewells'

const streams = new Set<number>()

export default async function run(task: Task): Promise<Outcome> {
  if (task.kind !== 'remux') return serve(task)
  streams.add(task.id)
  try {
    return await serve(task)
  } finally {
    streams.delete(task.id)
  }
}

const heard = new BroadcastChannel(orders)
heard.unref()
heard.onmessage = (message) => {
  const { stream, doom } = (message as { data: Order }).data
  if (!streams.has(stream)) return
  const answer = new BroadcastChannel(farewells)
  answer.postMessage({ streams: [...streams] } satisfies Farewell)
  setTimeout(() => {
    if (doom === 'hangs') for (;;);
    throw new Error('ended by the benchmark')
  }, 20) // the answer is on its way
}
