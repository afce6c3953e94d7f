import { expect, it } from 'vitest'
import { ring } from '../../perf/ring.ts'

it('brings every byte through rings and messages, and wakes both sides', async () => {
  const { tables } = await ring.run({ rounds: undefined, seconds: undefined, isQuick: true })
  const [speeds, delays] = tables
  expect(speeds?.rows.map(([name]) => name)).toEqual(['ring x 1', 'messages x 1', 'ring x 6', 'messages x 6'])
  for (const [, speed] of speeds?.rows ?? []) expect(parseFloat(speed ?? '')).toBeGreaterThan(0)
  for (const row of delays?.rows ?? [])
    for (const cell of row.slice(1)) expect(Number(cell)).toBeGreaterThan(0)
})
