// Builds the native drivers under build/perf where they are missing or old.
import { existsSync } from 'node:fs'
import { run } from './command.ts'

/** @throws Error with what the compiler says, or when the addon has not been built */
export async function buildDrivers(): Promise<void> {
  if (!existsSync('build/Release/core.a')) throw new Error('The addon is missing: run `make native` first')
  const { stdout } = await run(['make', '-s', '-f', 'perf/native/Makefile'])
  process.stderr.write(stdout)
}
