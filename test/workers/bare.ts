// A worker file whose machine lacks the addon.
import { AppError } from '../../src/base/errors.ts'
import type { Outcome, Task } from '../../src/workers/message.ts'
import { serve } from '../../src/workers/remux.ts'
import { Relay } from './relay.ts'
import { Slicer } from './slicer.ts'

export default function run(task: Task): Promise<Outcome> {
  return serve(task, {
    make: () => new Relay(),
    makePackager: () => new Slicer(),
    load: () => {
      throw new AppError('ADDON_MISSING')
    },
  })
}
