import { defineConfig } from 'vitest/config'

// Many tests start workers, sockets and the native remuxer: few files at once keep their waits short.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'build/**', 'dist/**', 'var/**'],
    pool: 'forks',
    maxWorkers: 2,
    retry: 1, // a busy machine starves a browser now and then; `make test` names what needed it
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
})
