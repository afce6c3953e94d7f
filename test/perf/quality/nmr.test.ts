import { describe, expect, it } from 'vitest'
import { noiseToMask } from '../../../perf/quality/nmr.ts'
import { complex, transform } from '../../../perf/quality/spectrum.ts'
import { makeSound, randomOf } from '../../../perf/sound.ts'

const rate = 48_000
const random = randomOf(1)
const white = Float32Array.from({ length: 2 * rate }, () => 0.2 * (2 * random() - 1))
const other = Float32Array.from({ length: 2 * rate }, () => 0.2 * (2 * random() - 1))

function sine(hz: number, level = 0.5): Float32Array {
  return Float32Array.from({ length: 2 * rate }, (_, i) => level * Math.sin((2 * Math.PI * hz * i) / rate))
}

function mixed(signal: Float32Array, noise: Float32Array, noiseDb: number): Float32Array {
  const gain = 10 ** (noiseDb / 20)
  return signal.map((sample, i) => sample + gain * (noise[i] ?? 0))
}

describe('transform', () => {
  it('puts a cosine into its bin', () => {
    const values = complex(64)
    values.real.set(Array.from({ length: 64 }, (_, i) => Math.cos((2 * Math.PI * 5 * i) / 64)))
    transform(values)
    const sizes = Array.from(values.real, (real, bin) => Math.hypot(real, values.imaginary[bin] ?? 0))
    expect(sizes[5]).toBeCloseTo(32, 9)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeCloseTo(64, 9)
  })
})

describe('noiseToMask', () => {
  it('is far below the mask where nothing was changed', () => {
    const { meanDb, over } = noiseToMask([white], [white])
    expect(meanDb).toBeLessThan(-100)
    expect(over).toBe(0)
  })

  it('follows the level of the noise, dB by dB', () => {
    const at = (noiseDb: number) => noiseToMask([white], [mixed(white, other, noiseDb)]).meanDb
    expect(at(-20) - at(-30)).toBeCloseTo(10, 1)
    expect(at(-30) - at(-33)).toBeCloseTo(3, 1)
  })

  it('is about 0 dB for noise 14 dB below noise, and more where the signal leaves bands free', () => {
    // A band of white noise is raised by its neighbours' spreading: a little less than 0 is right.
    const masked = noiseToMask([white], [mixed(white, other, -14)])
    expect(masked.meanDb).toBeGreaterThan(-3)
    expect(masked.meanDb).toBeLessThan(1)
    const tone = noiseToMask([sine(1000)], [mixed(sine(1000), other, -14)])
    expect(tone.meanDb).toBeGreaterThan(masked.meanDb + 10)
    expect(tone.over).toBeGreaterThan(0.8)
  })

  it('hears a tone beside another rather than upon it', () => {
    const near = noiseToMask([sine(1000)], [mixed(sine(1000), sine(1080), -30)])
    const far = noiseToMask([sine(1000)], [mixed(sine(1000), sine(5000), -30)])
    expect(far.farOver).toBeGreaterThan(near.farOver)
  })

  it('judges no silence', () => {
    const silent = new Float32Array(rate)
    expect(noiseToMask([silent], [mixed(silent, other, -40)]).meanDb).toBeNaN()
  })
})

describe('makeSound', () => {
  it.each(['programme', 'tonal', 'castanets', 'speech'] as const)('makes %s, always the same', (name) => {
    const first = makeSound(name, 1, 6)
    expect(first).toHaveLength(6)
    expect(makeSound(name, 1, 6)).toEqual(first)
    const peak = Math.max(
      ...first.map((plane) => plane.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)),
    )
    expect(peak).toBeGreaterThan(0.05)
    expect(peak).toBeLessThan(1)
  })
})
