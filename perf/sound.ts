// Sound to measure with, computed and always the same: instruments, drums, a voice and noise, mixed like
// a programme, and some of them alone. Nothing of it is a plain tone, which no encoder would have to
// work for.

export const soundRate = 48_000

/** What a benchmark may ask for. */
export type SoundName = 'programme' | 'tonal' | 'castanets' | 'speech'

/** Planar samples, one array for each channel: L R, or L R C LFE Ls Rs. */
export type Planes = readonly Float32Array[]

const tau = 2 * Math.PI

/** Makes `seconds` of a sound with 2 or 6 channels. */
export function makeSound(name: SoundName, seconds: number, channels: 2 | 6): Planes {
  const length = Math.round(seconds * soundRate)
  const planes = Array.from({ length: channels }, () => new Float32Array(length))
  const parts = mixes[name](length)
  for (const { voice, level, side } of parts) place(planes, voice, level, side)
  return planes
}

/** As ffmpeg reads it from a pipe: interleaved 32-bit floats. */
export function interleave(planes: Planes): Buffer {
  const length = planes[0]?.length ?? 0
  const all = new Float32Array(length * planes.length)
  for (const [channel, plane] of planes.entries()) {
    for (let i = 0; i < length; i++) all[i * planes.length + channel] = plane[i] ?? 0
  }
  return Buffer.from(all.buffer)
}

interface Part {
  readonly voice: Float32Array
  readonly level: number
  /** -1 left, 0 centre, 1 right; 'around' goes to the surround channels too, 'low' to the LFE too. */
  readonly side: number | 'around' | 'low'
}

const mixes: Record<SoundName, (length: number) => Part[]> = {
  programme: (length) => [
    { voice: strings(length, 1), level: 0.16, side: -0.6 },
    { voice: strings(length, 2), level: 0.16, side: 0.6 },
    { voice: strings(length, 3), level: 0.05, side: 'around' },
    { voice: drums(length, 4), level: 0.22, side: 'low' },
    { voice: clicks(length, 5), level: 0.12, side: 0.3 },
    { voice: talk(length, 6), level: 0.5, side: 0 },
    { voice: hiss(length, 7), level: 0.004, side: -1 },
    { voice: hiss(length, 8), level: 0.004, side: 1 },
  ],
  tonal: (length) => [
    { voice: strings(length, 11), level: 0.3, side: -0.4 },
    { voice: strings(length, 12), level: 0.3, side: 0.4 },
  ],
  castanets: (length) => [
    { voice: clicks(length, 21), level: 0.6, side: -0.3 },
    { voice: clicks(length, 22), level: 0.6, side: 0.5 },
    { voice: hiss(length, 23), level: 0.0005, side: 0 },
  ],
  speech: (length) => [
    { voice: talk(length, 31), level: 0.6, side: 0 },
    { voice: hiss(length, 32), level: 0.001, side: 0.2 },
  ],
}

function place(planes: Float32Array[], voice: Float32Array, level: number, side: Part['side']): void {
  const [left, right, centre, low, leftBack, rightBack] = planes
  const at = typeof side === 'number' ? side : 0
  const isCentre = at === 0 && side !== 'around' && centre !== undefined
  if (isCentre) add(centre, voice, level)
  else {
    add(left, voice, level * Math.sqrt((1 - at) / 2))
    add(right, voice, level * Math.sqrt((1 + at) / 2))
  }
  if (side === 'low') add(low, voice, level)
  if (side === 'around') {
    add(leftBack, voice, level)
    add(rightBack, voice, -level)
  }
}

function add(plane: Float32Array | undefined, voice: Float32Array, level: number): void {
  if (plane === undefined) return
  for (let i = 0; i < voice.length; i++) plane[i] = (plane[i] ?? 0) + (voice[i] ?? 0) * level
}

/** Held notes with ten partials and vibrato, a new chord each 0.6 s. */
function strings(length: number, seed: number): Float32Array {
  const random = randomOf(seed)
  const voice = new Float32Array(length)
  const noteLength = Math.round(0.6 * soundRate)
  const scale = [0, 3, 5, 7, 10, 12, 15, 17]
  for (let start = 0; start < length; start += noteLength) {
    const hz = 110 * 2 ** ((scale[Math.floor(random() * scale.length)] ?? 0) / 12)
    const vibratoHz = 4.5 + random() * 1.5
    const fade = 0.02 * soundRate
    for (let partial = 1; partial <= 10; partial++) {
      const level = (0.6 + 0.4 * random()) / partial
      const offset = random() * tau
      const most = Math.min(noteLength, length - start)
      for (let i = 0; i < most; i++) {
        const envelope = Math.min(1, i / fade, (most - i) / fade)
        const bend = (0.003 * hz * Math.sin((tau * vibratoHz * i) / soundRate)) / vibratoHz
        const phase = tau * partial * ((hz * i) / soundRate + bend) + offset
        voice[start + i] = (voice[start + i] ?? 0) + 0.4 * level * envelope * Math.sin(phase)
      }
    }
  }
  return voice
}

/** A bass drum and a snare in turns, each 0.4 s. */
function drums(length: number, seed: number): Float32Array {
  const random = randomOf(seed)
  const voice = new Float32Array(length)
  const beat = Math.round(0.4 * soundRate)
  for (let start = 0, count = 0; start < length; start += beat, count++) {
    for (let i = 0; i < Math.min(beat, length - start); i++) {
      const t = i / soundRate
      const bass = Math.sin(tau * (50 * t + 3 * (1 - Math.exp(-t * 30)))) * Math.exp(-t * 9)
      const snare = (2 * random() - 1) * Math.exp(-t * 25)
      voice[start + i] = count % 2 === 0 ? bass : snare
    }
  }
  return voice
}

/** Short hard bursts of two resonances at uneven times, as of castanets. */
function clicks(length: number, seed: number): Float32Array {
  const random = randomOf(seed)
  const voice = new Float32Array(length)
  for (let start = 0; start < length; start += Math.round((0.08 + 0.3 * random()) * soundRate)) {
    const low = 1800 + 600 * random()
    const high = 4500 + 3000 * random()
    const level = 0.4 + 0.6 * random()
    for (let i = 0; i < Math.min(0.06 * soundRate, length - start); i++) {
      const t = i / soundRate
      const burst = (2 * random() - 1) * Math.exp(-t * 900)
      const ring =
        Math.sin(tau * low * t) * Math.exp(-t * 180) + Math.sin(tau * high * t) * Math.exp(-t * 300)
      voice[start + i] = (voice[start + i] ?? 0) + level * (0.5 * ring + 0.5 * burst)
    }
  }
  return voice
}

// First three formants of a, e, i, o, u in Hz.
const vowels = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240],
] as const
const bandwidths = [80, 100, 140] as const

/** Syllables of a glottal pulse through formants, with hissed consonants and pauses between phrases. */
function talk(length: number, seed: number): Float32Array {
  const random = randomOf(seed)
  const voice = new Float32Array(length)
  let start = 0
  while (start < length) {
    const syllables = 4 + Math.floor(random() * 8)
    const pitch = 95 + random() * 60
    for (let syllable = 0; syllable < syllables && start < length; syllable++) {
      const consonant = Math.round((0.03 + 0.06 * random()) * soundRate)
      const vowel = Math.round((0.09 + 0.13 * random()) * soundRate)
      hissed(voice, start, consonant, random)
      voiced(voice, start + consonant, vowel, pitch * (1.1 - (0.3 * syllable) / syllables), random)
      start += consonant + vowel
    }
    start += Math.round((0.2 + 0.5 * random()) * soundRate)
  }
  return voice
}

function hissed(voice: Float32Array, start: number, length: number, random: () => number): void {
  const level = 0.03 + 0.07 * random()
  let last = 0
  for (let i = 0; i < Math.min(length, voice.length - start); i++) {
    const white = 2 * random() - 1
    voice[start + i] = (white - 0.8 * last) * level * Math.sin((Math.PI * i) / length)
    last = white
  }
}

function voiced(
  voice: Float32Array,
  start: number,
  length: number,
  pitchHz: number,
  random: () => number,
): void {
  const formants = vowels[Math.floor(random() * vowels.length)] ?? vowels[0]
  const filters = formants.map((hz, index) => resonator(hz, bandwidths[index] ?? 100))
  let phase = 0
  for (let i = 0; i < Math.min(length, voice.length - start); i++) {
    phase += (pitchHz * (1 + 0.01 * random() - (0.1 * i) / length)) / soundRate
    const pulse = phase >= 1 ? 1 : 0
    phase -= pulse
    const breath = 0.01 * (2 * random() - 1)
    const sum = filters.reduce((all, filter, index) => all + filter(pulse + breath) / (index + 1), 0)
    voice[start + i] = sum * Math.sin((Math.PI * i) / length) ** 0.5
  }
}

/** A two-pole filter with a gain of about 1 for a pulse. */
function resonator(hz: number, bandwidthHz: number): (input: number) => number {
  const radius = Math.exp((-Math.PI * bandwidthHz) / soundRate)
  const turn = 2 * radius * Math.cos((tau * hz) / soundRate)
  const gain = Math.sin((tau * hz) / soundRate)
  let one = 0
  let two = 0
  return (input) => {
    const output = gain * input + turn * one - radius * radius * two
    two = one
    one = output
    return output
  }
}

function hiss(length: number, seed: number): Float32Array {
  const random = randomOf(seed)
  return Float32Array.from({ length }, () => 2 * random() - 1)
}

/** Numbers from 0 up to 1 that are the same in each run (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
