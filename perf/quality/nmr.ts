// Noise to mask: how far the difference of two recordings lies above or below what the ear would notice,
// by a crude model. Critical bands of one Bark; a band masks its neighbours by 15 dB per Bark upwards and
// 25 dB per Bark downwards; noise is heard from 14 dB below that, and not below the threshold of hearing.
// It ranks encoders at the same bitrate; it is no listening test.
import { complex, transform } from './spectrum.ts'

/** Of all frames and bands that hold something. */
export interface Nmr {
  /** dB; the lower the better, 0 is where noise begins to be heard */
  readonly meanDb: number
  /** share of the cells over the mask, and by more than 6 dB */
  readonly over: number
  readonly farOver: number
}

const frameSamples = 2048
const hopSamples = 1024
const upwardsDb = 15
const downwardsDb = 25
const offsetDb = 14
const farDb = 6
const silenceDb = -70 // of a frame's full scale: below it nothing is judged
const fullScaleSpl = 96 // what a full-scale sine is taken to sound like

// Upper edges in Hz. Source: Zwicker, Subdivision of the audible frequency range into critical bands (1961).
const edges = [
  ...[100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720],
  ...[2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700, 9500, 12_000, 15_500],
]

/** Compares recordings that fit each other sample by sample, channel by channel. */
export function noiseToMask(
  reference: readonly Float32Array[],
  test: readonly Float32Array[],
  rate = 48_000,
): Nmr {
  const ear = new Ear(rate)
  const cells: number[] = []
  for (const [index, channel] of reference.entries()) {
    const other = test[index] ?? new Float32Array(channel.length)
    for (let at = 0; at + frameSamples <= channel.length; at += hopSamples) {
      cells.push(
        ...ear.compare(channel.subarray(at, at + frameSamples), other.subarray(at, at + frameSamples)),
      )
    }
  }
  const share = (limit: number) => cells.filter((cell) => cell > limit).length / cells.length
  return {
    meanDb: cells.reduce((sum, cell) => sum + cell, 0) / cells.length,
    over: share(0),
    farOver: share(farDb),
  }
}

class Ear {
  readonly #window = Float64Array.from(
    { length: frameSamples },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / frameSamples),
  )
  readonly #spectrum = complex(frameSamples)
  readonly #bandOf: Int8Array
  readonly #quiet: number[]

  constructor(rate: number) {
    const hzOf = (bin: number) => (bin * rate) / frameSamples
    this.#bandOf = Int8Array.from({ length: frameSamples / 2 }, (_, bin) =>
      bin === 0 ? -1 : edges.findIndex((edge) => hzOf(bin) < edge),
    )
    this.#quiet = edges.map((edge, band) =>
      power(threshold((edge + (edges[band - 1] ?? 0)) / 2) - fullScaleSpl),
    )
  }

  /** NMR of each band of a frame, dB; none where it is silent. */
  compare(reference: Float32Array, test: Float32Array): number[] {
    const signal = this.#energies((i) => reference[i] ?? 0)
    if (decibel(signal.reduce((sum, energy) => sum + energy, 0)) < silenceDb) return []
    const noise = this.#energies((i) => (reference[i] ?? 0) - (test[i] ?? 0))
    return noise.map((energy, band) => decibel(energy / this.#mask(signal, band)))
  }

  #mask(signal: readonly number[], band: number): number {
    const spread = signal.reduce((sum, energy, from) => {
      const distance = band - from
      const loss = distance >= 0 ? distance * upwardsDb : -distance * downwardsDb
      return sum + energy * power(-loss)
    }, 0)
    return Math.max(spread * power(-offsetDb), this.#quiet[band] ?? 0)
  }

  /** Of the bands; a full-scale sine has 1. */
  #energies(sample: (i: number) => number): number[] {
    const { real, imaginary } = this.#spectrum
    for (let i = 0; i < frameSamples; i++) real[i] = sample(i) * (this.#window[i] ?? 0)
    imaginary.fill(0)
    transform(this.#spectrum)
    const bands = edges.map(() => 1e-20)
    for (const [bin, band] of this.#bandOf.entries()) {
      if (band < 0) continue
      bands[band] = (bands[band] ?? 0) + ((real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2) * scale
    }
    return bands
  }
}

// A sine of amplitude 1 through a Hann window: its bins hold (N/4)^2 * 1.5 together.
const scale = 1 / (1.5 * (frameSamples / 4) ** 2)

/** Of hearing in quiet, dB SPL. Source: Terhardt, Calculating virtual pitch (1979). */
function threshold(hz: number): number {
  const kHz = hz / 1000
  return 3.64 * kHz ** -0.8 - 6.5 * Math.exp(-0.6 * (kHz - 3.3) ** 2) + 1e-3 * kHz ** 4
}

function power(db: number): number {
  return 10 ** (db / 10)
}

function decibel(value: number): number {
  return 10 * Math.log10(value)
}
