// The worker file of the pool's tests: the real task and lane around a relay that obeys commands in the
// packets. A stream with profile.program 1 has no remuxer to be made.
import { getEnvironmentData } from 'node:worker_threads'
import type { Outcome, Task } from '../../src/workers/message.ts'
import { serve } from '../../src/workers/remux.ts'
import { readCommand, type Command } from './packet.ts'
import { Relay } from './relay.ts'
import { Slicer } from './slicer.ts'

export default function run(task: Task): Promise<Outcome> {
  return serve(task, {
    make: ({ program }) => {
      if (program === 1) throw new Error('no encoder for this')
      return new Relay((packet) => obey[readCommand(packet)]())
    },
    makePackager: () => new Slicer((packet) => obey[readCommand(packet)]()),
    load: () => ({ file: 'standin.ts', libavcodec: 'none' }),
  })
}

const hoard: unknown[] = []

/** The word that a test sets to 1 to end a pause, if it has given one: see getEnvironmentData. */
export const pauseWord = 'test:pause'

const obey: Record<Command, () => void> = {
  none: () => undefined,
  fail: () => {
    throw new Error('the remuxer failed')
  },
  throw: () => {
    setImmediate(() => {
      throw new Error('thrown where nobody catches it')
    })
  },
  reject: () => void Promise.reject(new Error('a promise that nobody waits for')),
  exit: () => process.exit(7),
  loop: () => {
    for (;;);
  },
  block: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  pause: () => void Atomics.wait(new Int32Array(getEnvironmentData(pauseWord) as SharedArrayBuffer), 0, 0),
  memory: () => {
    for (;;) hoard.push(Array.from({ length: 1000 }, (_, place) => ({ place })))
  },
}
