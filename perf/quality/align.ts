// Finds by how much one recording is later than another, and how much louder.
import { complex, transform, type Complex } from './spectrum.ts'

const windowSamples = 2 ** 17 // 2.7 s at 48 kHz

/** Samples by which `later` has to be moved forward to fit `reference`; negative if it is earlier.
 *  From the peak of their cross-correlation; looks at the beginning of both. */
export function lagOf(reference: Float32Array, later: Float32Array): number {
  const a = spectrumOf(reference)
  const b = spectrumOf(later)
  const product = complex(2 * windowSamples)
  for (let i = 0; i < product.real.length; i++) {
    const aReal = a.real[i] ?? 0
    const aImaginary = a.imaginary[i] ?? 0
    const bReal = b.real[i] ?? 0
    const bImaginary = b.imaginary[i] ?? 0
    // Conjugated, so that a second forward transform goes back.
    product.real[i] = aReal * bReal + aImaginary * bImaginary
    product.imaginary[i] = aReal * bImaginary - aImaginary * bReal
  }
  transform({ real: product.real, imaginary: product.imaginary.map((value) => -value) })
  let peak = 0
  for (let i = 0; i < product.real.length; i++) {
    if ((product.real[i] ?? 0) > (product.real[peak] ?? 0)) peak = i
  }
  return peak < windowSamples ? peak : peak - 2 * windowSamples
}

function spectrumOf(samples: Float32Array): Complex {
  const values = complex(2 * windowSamples)
  values.real.set(samples.subarray(0, windowSamples))
  transform(values)
  return values
}

/** The part that both have: same length, same moment at the same place. */
export function overlap(
  reference: Float32Array,
  later: Float32Array,
  lag: number,
): { reference: Float32Array; test: Float32Array } {
  const fromReference = Math.max(0, -lag)
  const fromTest = Math.max(0, lag)
  const length = Math.min(reference.length - fromReference, later.length - fromTest)
  return {
    reference: reference.subarray(fromReference, fromReference + length),
    test: later.subarray(fromTest, fromTest + length),
  }
}

/** Mean power of some channels, in dB of full scale. */
export function levelDb(channels: readonly Float32Array[]): number {
  let sum = 0
  let count = 0
  for (const channel of channels) {
    for (const sample of channel) sum += sample * sample
    count += channel.length
  }
  return 10 * Math.log10(sum / count)
}
