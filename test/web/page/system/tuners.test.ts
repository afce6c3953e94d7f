// Tuners as boxes.
import { describe, expect, it } from 'vitest'
import { slotsOf } from '../../../../src/web/page/system/tuners.ts'

describe('slotsOf', () => {
  it('has one box a tuner, those in use first', () => {
    const used = [{ transponder: 'a', channels: ['One', 'Two'], isLingering: true }]
    expect(slotsOf({ total: 4, byReceiver: 1, reserved: 1, free: 1, used })).toEqual([
      { kind: 'ours', text: 'One, Two (ending)' },
      { kind: 'receiver', text: 'The receiver itself' },
      { kind: 'free', text: 'Free' },
      { kind: 'reserved', text: 'Kept for the living room' },
    ])
  })

  it('shows what is used where nobody knows how many there are', () => {
    const used = [{ transponder: 'a', channels: ['One'], isLingering: false }]
    expect(slotsOf({ byReceiver: 0, reserved: 0, used })).toEqual([{ kind: 'ours', text: 'One' }])
  })
})
