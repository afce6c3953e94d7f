// The discrete Fourier transform, radix 2, in place.

export interface Complex {
  readonly real: Float64Array
  readonly imaginary: Float64Array
}

export function complex(length: number): Complex {
  return { real: new Float64Array(length), imaginary: new Float64Array(length) }
}

/** Transforms in place. @param values  a power of two of them */
export function transform({ real, imaginary }: Complex): void {
  const length = real.length
  swapByReversedBits(real)
  swapByReversedBits(imaginary)
  for (let half = 1; half < length; half *= 2) {
    const { cosines, sines } = turns(half)
    for (let start = 0; start < length; start += 2 * half) {
      for (let i = 0; i < half; i++) {
        const even = start + i
        const odd = even + half
        const c = cosines[i] ?? 0
        const s = sines[i] ?? 0
        const a = real[odd] ?? 0
        const b = imaginary[odd] ?? 0
        const oddReal = a * c - b * s
        const oddImaginary = a * s + b * c
        const evenReal = real[even] ?? 0
        const evenImaginary = imaginary[even] ?? 0
        real[even] = evenReal + oddReal
        imaginary[even] = evenImaginary + oddImaginary
        real[odd] = evenReal - oddReal
        imaginary[odd] = evenImaginary - oddImaginary
      }
    }
  }
}

const known = new Map<number, { cosines: Float64Array; sines: Float64Array }>()

function turns(half: number): { cosines: Float64Array; sines: Float64Array } {
  const found = known.get(half)
  if (found !== undefined) return found
  const angle = (i: number) => (-Math.PI * i) / half
  const made = {
    cosines: Float64Array.from({ length: half }, (_, i) => Math.cos(angle(i))),
    sines: Float64Array.from({ length: half }, (_, i) => Math.sin(angle(i))),
  }
  known.set(half, made)
  return made
}

function swapByReversedBits(values: Float64Array): void {
  for (let i = 0, reversed = 0; i < values.length; i++) {
    if (i < reversed) {
      const kept = values[i] ?? 0
      values[i] = values[reversed] ?? 0
      values[reversed] = kept
    }
    let bit = values.length >> 1
    while (bit > 0 && (reversed & bit) !== 0) {
      reversed ^= bit
      bit >>= 1
    }
    reversed |= bit
  }
}
