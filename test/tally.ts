// How vitest's tests went, as `make test` adds it up: one file that names those that did not pass at once.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export interface Tally {
  readonly passed: number
  /** By name, with the file. */
  readonly failed: readonly string[]
  /** Passed at a second attempt. */
  readonly repeated: readonly string[]
}

/** Where the reporter leaves its tally, from the project's folder. */
export const tallyFile = 'build/test/vitest.json'

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const cases = modules.flatMap((module) => [...module.children.allTests()])
    const those = (state: 'passed' | 'failed') => cases.filter((each) => each.result().state === state)
    const tally: Tally = {
      passed: those('passed').length,
      failed: [
        ...those('failed').map(nameOf),
        ...modules.filter(isBroken).map((module) => module.relativeModuleId),
      ],
      repeated: those('passed')
        .filter((each) => each.diagnostic()?.flaky === true)
        .map(nameOf),
    }
    mkdirSync(dirname(tallyFile), { recursive: true })
    writeFileSync(tallyFile, JSON.stringify(tally))
  }
}

// A file that cannot be loaded, or whose hooks fail, may have no failed test of its own.
function isBroken(module: TestModule): boolean {
  return module.state() === 'failed' && [...module.children.allTests('failed')].length === 0
}

function nameOf(each: TestCase): string {
  return `${each.module.relativeModuleId} > ${each.fullName}`
}
