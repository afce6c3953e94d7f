// Streams that the tests make for themselves with ffmpeg: made once, kept in the work folder under a name
// that changes with the recipe.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './media.ts'
import { workFolder } from './places.ts'

export interface Recipe {
  readonly name: string
  /** What ffmpeg is told, but for the output. */
  readonly inputs: readonly string[]
  readonly coding: readonly string[]
}

export interface SoundRecipe {
  /** sound of its own for each number; no two tracks or channels of a stream share one */
  readonly voice: number
  readonly rate?: number
  readonly channels?: number
  readonly coding: readonly string[]
  readonly language?: string
  readonly isDescription?: boolean
}

const seconds = 5

/** A stream with a picture (or none, for radio) and tracks of sound; more is told to the muxer. */
export function recipe(
  name: string,
  picture: readonly string[],
  sounds: readonly SoundRecipe[],
  mux: readonly string[] = [],
): Recipe {
  const hasPicture = picture.length > 0
  const first = hasPicture ? 1 : 0
  const pictures = hasPicture ? ['-f', 'lavfi', '-i', `testsrc2=s=352x288:r=25:d=${seconds}`] : []
  const inputs = sounds.flatMap((sound) => ['-f', 'lavfi', '-i', voices(sound)])
  const maps = sounds.flatMap((sound, place) => trackOf(sound, place, first + place))
  return {
    name,
    inputs: [...pictures, ...inputs],
    coding: [...(hasPicture ? ['-map', '0', ...picture] : []), ...maps, ...mux],
  }
}

/** The stream of a recipe. */
export async function made({ name, inputs, coding }: Recipe): Promise<Buffer> {
  const told = ['-nostdin', '-v', 'error', '-y', ...inputs, ...coding, '-f', 'mpegts']
  const key = createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 12)
  const file = join(workFolder(), `${name}-${key}.ts`)
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`
    await run('ffmpeg', [...told, draft])
    renameSync(draft, file)
  }
  return readFileSync(file)
}

/** Pictures, small and cheap. */
export const pictures = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2', '-b:v', '500k'],
  interlaced: [
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-x264-params',
      'tff=1:keyint=25',
      '-flags',
      '+ildct+ilme',
    ],
    ...['-b:v', '500k'],
  ],
  mpeg2: ['-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-b:v', '800k'],
  hevc: [
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    'keyint=25:log-level=error',
    '-b:v',
    '300k',
  ],
  none: [],
} as const

// Each channel sweeps slowly through its own range of tones, over a little noise: loud enough to be found,
// and like itself at one place only.
function voices({ voice, rate = 48_000, channels = 2 }: SoundRecipe): string {
  const layout = ['', 'mono', 'stereo', '', '', '', '5.1(side)'][channels]
  const each = Array.from({ length: channels }, (_, channel) => {
    const low = 150 + 70 * voice + 90 * channel
    return `0.2*sin(2*PI*(${low}+${30 + 7 * channel}*t)*t)+0.05*(random(${channel})-0.5)`
  })
  return `aevalsrc=${each.map((channel) => `'${channel}'`).join('|')}:s=${rate}:d=${seconds}:c=${layout}`
}

function trackOf(
  { coding, language, isDescription = false }: SoundRecipe,
  place: number,
  input: number,
): string[] {
  const own = coding.map((each) => (each.startsWith('-') ? `${each}:a:${place}` : each))
  const named = language === undefined ? [] : [`-metadata:s:a:${place}`, `language=${language}`]
  const flagged = isDescription ? [`-disposition:a:${place}`, 'visual_impaired'] : []
  return ['-map', String(input), ...own, ...named, ...flagged]
}
