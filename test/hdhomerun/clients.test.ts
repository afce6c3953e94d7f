// What real clients ask, replayed against the whole daemon with the demo receiver behind it.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openTuner, type TunerHouse } from './house.ts'
import { idle, replay, type Stage } from './replay.ts'
import { traces } from './traces.ts'

let house: TunerHouse
let stage: Stage
beforeAll(async () => {
  house = await openTuner({ streams: ['mpeg2', 'h264-1080i', 'latm', 'radio-mp2'], tuners: 2 })
  const { port, pathOf } = house
  stage = {
    house,
    port,
    channel: { path: pathOf('Nostalgie TV'), key: house.ref('mpeg2').replace(/:$/, '') },
    others: [pathOf('Erstes Testbild HD'), pathOf('Küstenkanal')],
  }
}, 180_000)
afterAll(() => house.close())
beforeEach(async () => {
  await vi.waitFor(() => expect(house.demo.requests.streamsNow).toBe(0), { timeout: 30_000 })
  await idle(house)
  house.demo.resetRequests()
})

describe('the trace of', () => {
  it.each(traces)('$client', (trace) => replay(trace, stage), 60_000)
})
