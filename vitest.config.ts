import { defineConfig } from 'vitest/config'

// Tests that drive programs of others: browsers, Kodi, VLC, GStreamer. A busy machine starves one now and then, so each may
// try once more; `make test` names what needed it. What is ours has one attempt.
const clients = [
  'test/web/{page,player}.test.ts',
  'test/e2e/{hls,kodi,vlc}.test.ts',
  'test/hdhomerun/{clients,discovery,kodi}.test.ts',
]
const never = ['**/node_modules/**', 'build/**', 'dist/**', 'var/**']

// Many tests start workers, sockets and the native remuxer: few files at once keep their waits short.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    projects: [
      {
        extends: true,
        test: { name: 'ours', include: ['test/**/*.test.ts'], exclude: [...never, ...clients] },
      },
      { extends: true, test: { name: 'clients', include: clients, exclude: never, retry: 1 } },
    ],
  },
})
