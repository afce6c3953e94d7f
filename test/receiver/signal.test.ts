import { describe, expect, it } from 'vitest'
import { readAnswer } from '../../src/receiver/answer.ts'
import type { Capacity } from '../../src/receiver/occupancy.ts'
import { readSignal, Reception, type Signal } from '../../src/receiver/signal.ts'

const read = (text: string) => readSignal(readAnswer(Buffer.from(text)))

describe('readSignal', () => {
  it.each([
    ['{"snr": 79, "snr_db": 12.4, "agc": 71, "ber": 0}', { strength: 71, quality: 79, symbols: 100 }],
    ['{"snr": "79 %", "agc": "71 %", "ber": "12"}', { strength: 71, quality: 79 }],
    ['{"snr": "", "agc": "", "ber": ""}', {}],
    [
      '<?xml version="1.0"?><e2frontendstatus><e2snr>79 %</e2snr><e2ber>0</e2ber><e2acg>171 %</e2acg></e2frontendstatus>',
      { strength: 100, quality: 79, symbols: 100 },
    ],
  ])('reads %s', (text, signal) => {
    expect(read(text)).toEqual(signal)
  })
})

describe('Reception', () => {
  const capacity: Capacity = {
    tuners: 2,
    occupied: 1,
    uses: [{ purpose: 'tv', transponder: '3EF:1:C00000', service: '1:0:19:1:3EF:1:C00000:0:0:0' }],
  }
  const of = (known: Capacity | undefined, signal: () => Promise<Signal>) =>
    new Reception({ signal }, { capacity: async () => known })

  it("has the figures of the living room's transponder, and asks for them once in a while", async () => {
    let asked = 0
    const reception = of(capacity, async () => ({ strength: ++asked }))
    expect(reception.current).toBeUndefined()
    await Promise.all([reception.look(), reception.look()])
    await reception.look()
    expect(reception.current).toEqual({ transponder: '3EF:1:C00000', signal: { strength: 1 } })
  })

  it('asks nothing while the living room watches nothing, and survives a receiver that fails', async () => {
    const failing = async () => {
      throw new Error('away')
    }
    const idle = of({ ...capacity, uses: [] }, failing)
    await idle.look()
    expect(idle.current).toBeUndefined()
    const away = of(capacity, failing)
    await away.look()
    expect(away.current).toBeUndefined()
  })

  it('keeps nobody waiting for a receiver that does not answer', async () => {
    const reception = of(capacity, () => new Promise(() => undefined))
    await reception.look()
    expect(reception.current).toBeUndefined()
  })
})
