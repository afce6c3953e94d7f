// The worker file of the chaos tests: the real task, in threads that can be told to end badly.
import { BroadcastChannel, threadId } from 'node:worker_threads'
import { collectGarbage } from '../workers/memory.ts'

export { default } from '../../src/workers/remux.ts'

/** Every thread says here that it has come, and hears how it has to end. */
export const wireName = 'xg2g-chaos'

/** How a thread can end: leaves, throws, forgets a promise, never returns, takes all memory. */
export const endings = ['exit', 'throw', 'reject', 'loop', 'memory'] as const
export type Ending = (typeof endings)[number]

export interface ThreadOrder {
  /** The one that is meant, or that has come; none where all have to collect their garbage: rings are only free
   *  when every thread has let go of them. */
  readonly thread?: number
  readonly ending?: Ending
}

const hoard: unknown[] = []

const obey: Record<Ending, () => void> = {
  exit: () => process.exit(7),
  throw: () => {
    setImmediate(() => {
      throw new Error('thrown where nobody catches it')
    })
  },
  reject: () => void Promise.reject(new Error('a promise that nobody waits for')),
  loop: () => {
    for (;;);
  },
  memory: hoardMore,
}

// Little by little, as a leak does: a thread that takes it in one go now and then takes the process along,
// since V8 is past the room that Node grants for the end before it looks whether it has to stop.
function hoardMore(): void {
  hoard.push(Array.from({ length: 5000 }, (_, place) => ({ place })))
  setImmediate(hoardMore)
}

if (threadId !== 0) {
  const wire = new BroadcastChannel(wireName)
  wire.unref()
  wire.onmessage = (message: unknown) => {
    const { thread, ending } = (message as { data: ThreadOrder }).data
    if (thread === undefined) void collectGarbage()
    else if (thread === threadId && ending !== undefined) obey[ending]()
  }
  wire.postMessage({ thread: threadId } satisfies ThreadOrder)
}
