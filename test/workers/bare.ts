// A worker file whose machine lacks the addon.
import { AppError } from '../../src/base/errors.ts'
import type { Outcome, Task } from '../../src/workers/message.ts'
import { serve } from '../../src/workers/remux.ts'
import { Relay } from './relay.ts'

export default function run(task: Task): Promise<Outcome> {
  return serve(task, {
    make: () => new Relay(),
    load: () => {
      throw new AppError('ADDON_MISSING')
    },
  })
}
