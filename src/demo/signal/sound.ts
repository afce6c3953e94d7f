// The sound of the demo channels, computed: a quiet chord that says which track is heard and a beep every
// 0.96 s, when the picture shows a white square. Every voice repeats exactly with the loop, so that the
// loop has no seam.

/** The time between two beeps, also between two white squares: whole frames of every codec at 48 kHz. */
export const beatTicks = 86_400

const beepSec = 0.04
const beepHz = 1000
const chordLevel = 0.06
const beepLevel = 0.2

/** Interleaved 32-bit float samples that repeat after `loopSec`.
 *  @param hz  the chord's lowest tone; each channel of the layout plays a tone of its own above it */
export function chord(o: {
  rate: number
  channels: number
  samples: number
  loopSec: number
  hz: number
}): Buffer {
  const pcm = new Float32Array(o.samples * o.channels)
  const period = Math.round(o.loopSec * o.rate)
  const beep = beepShape(o.rate)
  const beat = (beatTicks / 90_000) * o.rate
  for (let channel = 0; channel < o.channels; channel++) {
    const tones = [1, 1.25 + channel * 0.0625, 1.5 + channel * 0.125].map((ratio) =>
      cycles(o.hz * ratio, o.loopSec),
    )
    const voice = oneLoop(tones, period)
    for (let sample = 0; sample < o.samples; sample++) {
      const sinceBeat = Math.round(sample % beat)
      pcm[sample * o.channels + channel] = (voice[sample % period] ?? 0) + (beep[sinceBeat] ?? 0)
    }
  }
  return Buffer.from(pcm.buffer)
}

/** A tone as whole cycles per loop, so that it goes on smoothly where the loop begins again. */
function cycles(hz: number, loopSec: number): number {
  return Math.round(hz * loopSec)
}

function oneLoop(tones: readonly number[], period: number): Float32Array {
  const voice = new Float32Array(period)
  for (const tone of tones) {
    const step = (2 * Math.PI * tone) / period
    for (let sample = 0; sample < period; sample++) {
      voice[sample] = (voice[sample] ?? 0) + Math.sin(step * sample) * chordLevel
    }
  }
  return voice
}

function beepShape(rate: number): Float32Array {
  const length = Math.round(beepSec * rate)
  return Float32Array.from({ length }, (_, sample) => {
    const envelope = Math.sin((Math.PI * sample) / length)
    return Math.sin((2 * Math.PI * beepHz * sample) / rate) * envelope * beepLevel
  })
}
