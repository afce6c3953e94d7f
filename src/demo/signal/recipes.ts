// Every recording of the demo receiver. Lengths are chosen so that a loop holds whole frames and whole GOPs
// of all its streams: 15.36 s fits 25 and 50 frames/s, MP2 at 48 and 44.1 kHz, AC-3, E-AC-3 and AAC.
import type { PictureRecipe, Recipe, SoundRecipe } from './recording.ts'

export const loopTicks = { usual: 1_382_400, longGop: 1_555_200, short: 691_200 } as const // 15.36, 17.28, 7.68 s

function h264(o: { gop: number; rate: string; bFrames: number; more?: string }): string[] {
  const steady = 'scenecut=0:b-adapt=0:aud=1:b-pyramid=none'
  const params = `keyint=${o.gop}:min-keyint=${o.gop}:bframes=${o.bFrames}:${steady}${o.more ?? ''}`
  const rate = ['-b:v', o.rate, '-maxrate', o.rate, '-bufsize', o.rate]
  return ['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', params, ...rate]
}

// bframes 1 in a GOP of 24 makes 192 reference pictures in the loop, and 384 pictures make 768 of picture
// order count: both are whole turns of the counters in the slice headers, so that the loop has no seam.
const openGop = h264({ gop: 24, rate: '2500k', bFrames: 1, more: ':open-gop=1' })

// The same for HEVC: 384 pictures are three turns of a picture order count of 7 bits.
const hevcParams =
  'keyint=48:min-keyint=48:scenecut=0:bframes=2:b-adapt=0:aud=1:repeat-headers=1:open-gop=1:' +
  'log2-max-poc-lsb=7:vbv-maxrate=4000:vbv-bufsize=4000:log-level=error'

const mpeg2 = ['-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-sc_threshold', '1000000000', '-aspect', '16:9']
const mpeg2Rate = ['-b:v', '3M', '-maxrate', '3M', '-bufsize', '1835k']
const fields = ['-flags', '+ildct+ilme']

const card = { kind: 'picture', isInterlaced: false, isOpen: false, framesPerSec: 25 } as const
const pictures: PictureRecipe[] = [
  {
    ...card,
    name: 'h264-1080i25',
    size: '1920x1080',
    isInterlaced: true,
    frames: 384,
    gop: 24,
    codecArguments: [...h264({ gop: 24, rate: '5M', bFrames: 2, more: ':tff=1' }), ...fields],
  },
  {
    ...card,
    name: 'h264-720p50-long',
    size: '1280x720',
    framesPerSec: 50,
    frames: 864,
    gop: 432,
    codecArguments: h264({ gop: 432, rate: '4M', bFrames: 2 }),
  },
  {
    ...card,
    name: 'mpeg2-576i25',
    size: '720x576',
    isInterlaced: true,
    isOpen: true,
    frames: 384,
    gop: 12,
    codecArguments: [...mpeg2, ...mpeg2Rate, ...fields],
  },
  {
    ...card,
    name: 'hevc-1080p50',
    size: '1920x1080',
    framesPerSec: 50,
    isOpen: true,
    frames: 384,
    gop: 48,
    codecArguments: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', hevcParams, '-b:v', '4M'],
  },
  {
    ...card,
    name: 'h264-576p25',
    size: '720x576',
    frames: 384,
    gop: 24,
    codecArguments: h264({ gop: 24, rate: '1800k', bFrames: 2 }),
  },
  {
    ...card,
    name: 'h264-open',
    size: '1280x720',
    isOpen: true,
    frames: 384,
    gop: 24,
    codecArguments: openGop,
  },
]

const codecs = {
  mp2: { samplesPerFrame: 1152, primingSamples: 481, encoder: ['-c:a', 'mp2'] },
  ac3: { samplesPerFrame: 1536, primingSamples: 256, encoder: ['-c:a', 'ac3'] },
  eac3: { samplesPerFrame: 1536, primingSamples: 256, encoder: ['-c:a', 'eac3'] },
  aac: { samplesPerFrame: 1024, primingSamples: 1024, encoder: ['-c:a', 'aac'] },
  latm: { samplesPerFrame: 1024, primingSamples: 1024, encoder: ['-c:a', 'aac', '-mpegts_flags', 'latm'] },
} as const

function sound(
  codec: keyof typeof codecs,
  name: string,
  o: { bitrate: string; hz: number; channels?: number; rate?: number; ticks?: number },
): SoundRecipe {
  const { samplesPerFrame, primingSamples, encoder } = codecs[codec]
  const { channels = 2, rate = 48_000, ticks = loopTicks.usual } = o
  const frames = Math.round((ticks * rate) / 90_000 / samplesPerFrame)
  const codecArguments = [...encoder, '-b:a', o.bitrate]
  return {
    kind: 'sound',
    name,
    rate,
    channels,
    hz: o.hz,
    frames,
    samplesPerFrame,
    primingSamples,
    codecArguments,
  }
}

const half = loopTicks.usual / 2
const sounds: SoundRecipe[] = [
  sound('mp2', 'mp2-deu', { bitrate: '256k', hz: 220 }),
  sound('mp2', 'mp2-eng', { bitrate: '192k', hz: 330 }),
  sound('mp2', 'mp2-description', { bitrate: '128k', hz: 165 }),
  sound('mp2', 'mp2-long', { bitrate: '192k', hz: 247, ticks: loopTicks.longGop }),
  sound('mp2', 'mp2-mono-44k1', { bitrate: '96k', hz: 262, channels: 1, rate: 44_100 }),
  sound('ac3', 'ac3-surround', { bitrate: '448k', hz: 220, channels: 6 }),
  sound('ac3', 'ac3-surround-half', { bitrate: '448k', hz: 220, channels: 6, ticks: half }),
  sound('ac3', 'ac3-stereo-half', { bitrate: '192k', hz: 220, ticks: half }),
  sound('eac3', 'eac3-surround', { bitrate: '256k', hz: 220, channels: 6, ticks: loopTicks.short }),
  sound('eac3', 'eac3-description', { bitrate: '96k', hz: 165, ticks: loopTicks.short }),
  sound('latm', 'latm-deu', { bitrate: '128k', hz: 220 }),
  sound('aac', 'aac-radio', { bitrate: '128k', hz: 294 }),
]

const recipes = new Map<string, Recipe>([...pictures, ...sounds].map((recipe) => [recipe.name, recipe]))

/** A recording's recipe. @throws RangeError for a name that no recipe has */
export function recipeOf(name: string): Recipe {
  const recipe = recipes.get(name)
  if (recipe === undefined) throw new RangeError(`there is no recipe ${name}`)
  return recipe
}
