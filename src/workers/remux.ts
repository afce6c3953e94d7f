// The task of a worker thread, run by Piscina: many at a time on one event loop. A task never rejects:
// an error that left it would end the thread and with it the streams of all the others.
import { workerData } from 'node:worker_threads'
import { toAppError } from '../base/errors.ts'
import { Heartbeat, createHeartbeat } from './heartbeat.ts'
import { Lane, type MakeRemuxer } from './lane.ts'
import type { Outcome, RemuxTask, Task, ThreadData } from './message.ts'
import { Remuxer, nativeVersion, type NativeVersion } from './native.ts'
import { Packager } from './packager.ts'
import { pack, type MakePackager } from './packing.ts'
import { Schedule } from './schedule.ts'

/** What the tasks of a thread are made of. */
export interface Trade {
  readonly make: MakeRemuxer
  readonly makePackager: MakePackager
  /** Loads what make needs. Throws ADDON_MISSING. */
  readonly load: () => NativeVersion
}

const native: Trade = {
  make: (profile, options) => new Remuxer(profile, options),
  makePackager: (options) => new Packager(options),
  load: nativeVersion,
}

const { heartbeat: memory = createHeartbeat(), beatMs = 500 } = (workerData ?? {}) as Partial<ThreadData>
const heartbeat = new Heartbeat(memory, beatMs)
const schedule = new Schedule()

export default function run(task: Task): Promise<Outcome> {
  return serve(task, native)
}

/** Does one task; always resolves. */
export async function serve(task: Task, trade: Trade): Promise<Outcome> {
  try {
    switch (task.kind) {
      case 'hello':
        return { kind: 'ready', version: trade.load() }
      case 'remux':
        return await beating(() => carry(task, trade.make))
      case 'package':
        await beating(() => pack(task, trade.makePackager, heartbeat))
        return { kind: 'packaged' }
    }
  } catch (thrown) {
    const { code, details } = toAppError(thrown)
    return { kind: 'failed', code, details }
  }
}

async function beating<T>(work: () => Promise<T>): Promise<T> {
  heartbeat.join()
  try {
    return await work()
  } finally {
    heartbeat.leave()
  }
}

async function carry(task: RemuxTask, make: MakeRemuxer): Promise<Outcome> {
  const lane = heartbeat.turn(task.id, () => new Lane(task, make))
  const share = task.weight === undefined ? undefined : schedule.share(task.weight)
  return { kind: 'done', stats: await lane.run(heartbeat, share) }
}
