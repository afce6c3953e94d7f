import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

describe('perf/bench.ts', () => {
  it.each([['--help'], ['walk', 'fly'], ['soak', 'soaked']])('prints its usage for %s', (...args) => {
    const { status, stderr } = spawnSync(process.execPath, ['perf/bench.ts', ...args], { encoding: 'utf8' })
    expect(status).toBe(2)
    expect(stderr).toMatch(/^Usage: node perf\/bench\.ts/)
    expect(stderr).toContain('instructions, cpu')
  })
})
