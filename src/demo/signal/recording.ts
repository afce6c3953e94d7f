// The recordings that the demo channels are made of: what ffmpeg is asked to encode, and how the result
// is read back as pictures and sound frames that can be played in a circle.
import type { Picture, PictureTrack, SoundTrack } from './mux.ts'
import { readPes } from './packet.ts'
import { beatTicks, chord } from './sound.ts'

/** Pictures of a moving test card. */
export interface PictureRecipe {
  readonly kind: 'picture'
  readonly name: string
  readonly size: string
  readonly framesPerSec: 25 | 50
  readonly isInterlaced: boolean
  /** Frames until the pictures repeat. */
  readonly frames: number
  readonly gop: number
  /** Leading pictures refer to the GOP before, also across the loop's end; there is no IDR. */
  readonly isOpen: boolean
  readonly codecArguments: readonly string[]
}

/** A chord with beeps. */
export interface SoundRecipe {
  readonly kind: 'sound'
  readonly name: string
  readonly rate: number
  readonly channels: number
  /** The chord's lowest tone. */
  readonly hz: number
  readonly frames: number
  readonly samplesPerFrame: number
  /** What the codec adds in front; leaves the beep where the picture has its square. */
  readonly primingSamples: number
  readonly codecArguments: readonly string[]
}

export type Recipe = PictureRecipe | SoundRecipe

const warmUpFrames = 24 // of sound, encoded first and not used, so that the loop begins in mid-stream

/** What ffmpeg is told, and what it gets on its standard input. */
export function orderOf(recipe: Recipe): { args: string[]; input: Buffer | undefined } {
  const output = ['-f', 'mpegts', '-muxdelay', '0', '-pes_payload_size', '0', 'pipe:1']
  if (recipe.kind === 'picture') {
    const { codecArguments } = recipe
    return {
      args: ['-filter_complex', pictureGraph(recipe), ...codecArguments, '-threads', '2', ...output],
      input: undefined,
    }
  }
  const { rate, channels, hz, frames, samplesPerFrame, codecArguments } = recipe
  const samples = (frames + 2 * warmUpFrames) * samplesPerFrame
  const loopSec = (frames * samplesPerFrame) / rate
  const source = ['-f', 'f32le', '-ar', String(rate), '-ac', String(channels), '-i', 'pipe:0']
  return {
    args: [...source, ...codecArguments, ...output],
    input: chord({ rate, channels, samples, loopSec, hz }),
  }
}

/** An open GOP needs one GOP before and one after: the loop is cut from the second on. */
function pictureGraph(recipe: PictureRecipe): string {
  const { size, framesPerSec, isInterlaced, frames, gop, isOpen } = recipe
  const fields = isInterlaced ? 2 : 1
  const beatSec = beatTicks / 90_000
  const card = (count: number): string =>
    `testsrc2=s=${size}:r=${framesPerSec * fields},trim=end_frame=${count * fields},` +
    `drawbox=w=iw/8:h=ih/8:c=white:t=fill:enable='lt(mod(t,${beatSec}),0.08)'`
  const weave = isInterlaced ? ',tinterlace=interleave_top,setfield=tff' : ''
  const cards = isOpen ? `${card(frames)}[a];${card(2 * gop)}[b];[a][b]concat` : card(frames)
  return `${cards}${weave},format=yuv420p`
}

/** The pictures of a finished recording. */
export function readPictures(recipe: PictureRecipe, bytes: Buffer): PictureTrack {
  const frameTicks = 90_000 / recipe.framesPerSec
  const units = readPes(bytes, (pid) => pid === 0x100)
  const from = recipe.isOpen ? recipe.gop : 0
  const used = units.slice(from, from + recipe.frames)
  const first = used[0]
  if (first === undefined || used.length < recipe.frames) {
    throw new RangeError(
      `recording ${recipe.name} has ${units.length} pictures, ${from + recipe.frames} are needed`,
    )
  }
  const shownFirst = Math.min(...units.map(({ pts }) => pts))
  const pictures = used.map(({ payload, pts, isRandomAccess }): Picture => ({
    data: payload,
    shown: pts - first.dts,
    isKey: isRandomAccess,
  }))
  return { pictures, frameTicks, contentTicks: first.dts - shownFirst }
}

/** The sound frames of a finished recording. */
export function readSound(recipe: SoundRecipe, bytes: Buffer): SoundTrack {
  const units = readPes(bytes, (pid) => pid === 0x100)
  const used = units.slice(warmUpFrames, warmUpFrames + recipe.frames)
  if (used.length < recipe.frames) {
    throw new RangeError(
      `recording ${recipe.name} has ${units.length} frames, ${warmUpFrames + recipe.frames} are needed`,
    )
  }
  const frameTicks = (recipe.samplesPerFrame * 90_000) / recipe.rate
  const contentTicks = warmUpFrames * frameTicks - (recipe.primingSamples * 90_000) / recipe.rate
  return { frames: used.map(({ payload }) => payload), frameTicks, contentTicks }
}
