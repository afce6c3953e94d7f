// One packaging's way through a worker thread: ring in -> packager -> records in the ring out.
import type { Heartbeat } from './heartbeat.ts'
import type { PackageTask } from './message.ts'
import { mostPushBytes } from './native.ts'
import type { Packager } from './packager.ts'
import type { PackageOptions } from './packaging.ts'
import { RecordWriter } from './records.ts'
import { RingReader, type CloseReason } from './ring.ts'

/** What makes records of packets; tests put a simpler one in. */
export type LanePackager = Pick<Packager, 'push' | 'flush' | 'take' | 'close'>
export type MakePackager = (options: PackageOptions) => LanePackager

/** Packages until the input has ended or the output is closed. Closes the rings and the packager.
 *  @throws what the making of the packager throws */
export async function pack(task: PackageTask, make: MakePackager, heartbeat: Heartbeat): Promise<void> {
  const input = new RingReader(task.input)
  const output = new RecordWriter(task.output)
  let reason: CloseReason = 'error'
  let packager: LanePackager | undefined
  try {
    packager = heartbeat.turn(task.id, () => make(task))
    await carry(packager, input, output, (work) => heartbeat.turn(task.id, work))
    reason = 'end'
  } finally {
    packager?.close()
    input.close(reason)
    output.ring.close(reason)
  }
}

async function carry(
  packager: LanePackager,
  input: RingReader,
  output: RecordWriter,
  turn: (work: () => void) => void,
): Promise<void> {
  for (;;) {
    const isOver = input.isDrained
    const bytes = input.readable(mostPushBytes)
    if (bytes.length === 0 && !isOver) {
      await input.whenReadable()
      continue
    }
    turn(() => (isOver ? packager.flush() : packager.push(bytes)))
    input.release(bytes.length)
    for (let record = packager.take(); record !== undefined; record = packager.take())
      if (!(await output.write(record))) return
    if (isOver || output.ring.isClosed) return
    await new Promise(setImmediate) // bytes that are always there would starve the others
  }
}
