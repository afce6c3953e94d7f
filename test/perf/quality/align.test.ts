import { describe, expect, it } from 'vitest'
import { lagOf, levelDb, overlap } from '../../../perf/quality/align.ts'
import { makeSound } from '../../../perf/sound.ts'

const [sound = new Float32Array()] = makeSound('programme', 3, 2)

describe('lagOf', () => {
  it.each([0, 1, 1024, 2112, -700])('finds that a recording is %d samples later', (lag) => {
    const later = Float32Array.from({ length: sound.length }, (_, i) => 0.7 * (sound[i - lag] ?? 0))
    expect(lagOf(sound, later)).toBe(lag)
  })
})

describe('overlap', () => {
  it.each([5, -5, 0])('leaves the same moments of both at a lag of %d', (lag) => {
    const moments = Float32Array.from({ length: 100 }, (_, i) => i)
    const later = moments.map((moment) => moment - lag)
    const { reference, test } = overlap(moments, later, lag)
    expect(reference.length).toBe(100 - Math.abs(lag))
    expect(test).toEqual(reference)
  })
})

describe('levelDb', () => {
  it('is -3 dB for a full sine and follows a gain', () => {
    const sine = Float32Array.from({ length: 48_000 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / 48_000))
    expect(levelDb([sine])).toBeCloseTo(-3.01, 2)
    expect(levelDb([sine, sine.map((sample) => sample / 10)])).toBeCloseTo(-3.01 + 10 * Math.log10(0.505), 2)
  })
})
