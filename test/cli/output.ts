// What a command prints, caught in this process.
import { vi } from 'vitest'

export interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command as main.ts does, its output caught. */
export async function printed(command: () => Promise<number>): Promise<Printed> {
  const caught = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      caught[name] += String(text)
      return true
    }),
  )
  try {
    return { code: await command(), ...caught }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
