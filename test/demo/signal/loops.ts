// The loops of the channels, for tests that look into them.
import { join } from 'node:path'
import { createLog } from '../../../src/base/log.ts'
import { channels, type Channel } from '../../../src/demo/channels.ts'
import { Library } from '../../../src/demo/signal/library.ts'
import { Loop } from '../../../src/demo/signal/loop.ts'
import { dataDir } from '../client.ts'

/** A channel's loop, generated where it is missing. */
export async function loopOf(kind: Channel['kind']): Promise<Loop> {
  const { programme } = channelOf(kind)
  const library = new Library({ folder: join(dataDir, 'demo'), log: createLog('silent') })
  return Loop.read(await library.loop(programme, kind), programme.loopTicks)
}

export function channelOf(kind: Channel['kind']): Channel {
  const channel = channels.find((candidate) => candidate.kind === kind)
  if (channel === undefined) throw new Error(`no channel ${kind}`)
  return channel
}
