import { describe, expect, it, vi } from 'vitest'
import { Tuners } from '../../src/demo/tuners.ts'

describe('Tuners.lease', () => {
  it('shares a tuner among streams of a transponder', () => {
    const tuners = new Tuners(1, 0)
    const leases = [tuners.lease('1:1:C0', 'Eins'), tuners.lease('1:1:C0', 'Zwei')]
    expect(tuners.list()).toEqual([{ name: 'Tuner A', transponder: '1:1:C0', users: ['Eins', 'Zwei'] }])
    expect(tuners.fits('2:1:C0')).toBe(false)
    expect(tuners.lease('2:1:C0', 'Drei')).toBeUndefined()
    leases.forEach((lease) => lease?.release())
    expect(tuners.fits('2:1:C0')).toBe(true)
  })

  it('may be released twice without harm to others', () => {
    const tuners = new Tuners(1, 0)
    const first = tuners.lease('1', 'a')
    first?.release()
    tuners.lease('2', 'b')
    first?.release()
    expect(tuners.list()[0]).toMatchObject({ transponder: '2', users: ['b'] })
  })

  it('holds a tuner for its transponder for a while', () => {
    vi.useFakeTimers()
    const tuners = new Tuners(1, 1000)
    tuners.lease('1', 'a')?.release()
    expect([tuners.fits('1'), tuners.fits('2')]).toEqual([true, false])
    tuners.lease('1', 'b')
    vi.advanceTimersByTime(5000)
    expect(tuners.fits('2')).toBe(false)
    vi.useRealTimers()
  })

  it('names more than 26', () => {
    const names = new Tuners(28, 0).list().map(({ name }) => name)
    expect([names[0], names[25], names[26], names[27]]).toEqual([
      'Tuner A',
      'Tuner Z',
      'Tuner AA',
      'Tuner AB',
    ])
  })

  it('is idle after a reset', () => {
    const tuners = new Tuners(1, 60_000)
    tuners.lease('1', 'a')?.release()
    tuners.reset()
    expect(tuners.fits('2')).toBe(true)
  })
})
