// What the tests of memory look at: bytes in use after garbage has been collected.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Collects garbage, also what is only free after the callbacks of a first collection. */
export async function collectGarbage(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    gc()
    await new Promise(setImmediate)
  }
}

export function rssBytes(): number {
  return process.memoryUsage.rss()
}
