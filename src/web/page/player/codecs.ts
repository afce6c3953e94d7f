// What a browser can show, and how people call what it cannot.

const families: readonly (readonly [RegExp, string])[] = [
  [/^(?:hvc1|hev1)/, 'HEVC (H.265)'],
  [/^(?:mp2v|mp4v\.6[0-5])/, 'MPEG-2'],
  [/^avc[13]/, 'H.264'],
  [/^av01/, 'AV1'],
  [/^ec-3/, 'Dolby Digital Plus'],
  [/^ac-3/, 'Dolby Digital'],
  [/^mp4a\.(?:69|6B|40\.3[34])/i, 'MPEG sound'],
  [/^mp4a/, 'AAC'],
]
const sound = /^(?:ac-3|ec-3|mp4a|opus|fLaC|mp3)/i

/** How a codec is called: `hvc1.2.4.L150` is `HEVC (H.265)`. */
export function nameOf(codec: string): string {
  return families.find(([pattern]) => pattern.test(codec))?.[1] ?? codec
}

export function isSound(codec: string): boolean {
  return sound.test(codec)
}

/** The codecs of a playlist that this browser has no decoder for.
 *  @param canPlay  of a MIME type, as MediaSource.isTypeSupported */
export function missing(codecs: readonly string[], canPlay: (type: string) => boolean): string[] {
  return [...new Set(codecs)].filter(
    (codec) => !canPlay(`${isSound(codec) ? 'audio' : 'video'}/mp4; codecs="${codec}"`),
  )
}

/** All codecs that a multivariant playlist names. */
export function codecsIn(playlist: string): string[] {
  const lists = [...playlist.matchAll(/\bCODECS="([^"]*)"/g)].map(([, list = '']) => list)
  return [...new Set(lists.flatMap((list) => list.split(',')).map((codec) => codec.trim()))].filter(
    (codec) => codec !== '',
  )
}
