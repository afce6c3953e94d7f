import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Tests that drive programs of others: browsers, Kodi, VLC, GStreamer. A busy machine starves one now and then, so they run
// last, by themselves, and each may try once more; `make test` names what needed it. What is ours has one attempt.
const clients = [
  'test/web/{page,player}.test.ts',
  'test/e2e/{hls,kodi,vlc}.test.ts',
  'test/hdhomerun/{clients,discovery,kodi}.test.ts',
]
const never = ['**/node_modules/**', 'build/**', 'dist/**', 'var/**']

/** Begins with what takes a minute however little there is to compute. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => moduleId.includes('/test/chaos/')
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

// Many tests start workers, sockets and the native remuxer, and most of their time they wait for streams: a few files at once
// fill the waits without making them longer.
export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'ours',
          include: ['test/**/*.test.ts'],
          exclude: [...never, ...clients],
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clients',
          include: clients,
          exclude: never,
          retry: 1,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
