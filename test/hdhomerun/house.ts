// The whole house with its HDHomeRun tuner, once that has a lineup.
import { expect, vi } from 'vitest'
import { open, type House } from '../e2e/house.ts'

export interface LineupEntry {
  readonly GuideNumber: string
  readonly GuideName: string
  readonly URL: string
}

export interface TunerHouse extends House {
  readonly port: number
  readonly at: (path: string) => string
  readonly json: (path: string) => Promise<unknown>
  readonly lineup: readonly LineupEntry[]
  /** The path of a channel's stream. */
  readonly pathOf: (name: string) => string
}

export async function openTuner(
  options: Parameters<typeof open>[0] = {},
  env: Record<string, string> = {},
): Promise<TunerHouse> {
  const house = await open(options, { XG2G_HDHR_ENABLED: 'true', ...env })
  const port = house.daemon.tunerPort ?? 0
  const at = (path: string) => `http://127.0.0.1:${port}${path}`
  const lineup = await vi.waitFor(
    async () => {
      const answer = await fetch(at('/lineup.json'))
      expect(answer.status).toBe(200)
      return (await answer.json()) as LineupEntry[]
    },
    { timeout: 10_000 },
  )
  return {
    ...house,
    port,
    at,
    json: async (path) => (await fetch(at(path))).json(),
    lineup,
    pathOf: (name) => new URL(lineup.find(({ GuideName }) => GuideName === name)!.URL).pathname,
  }
}
