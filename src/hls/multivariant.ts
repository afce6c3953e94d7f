// The text of a multivariant playlist: which pictures and sounds there are to choose from, and what they take.
// Source: RFC 8216, 4.3.4; draft-pantos-hls-rfc8216bis.
import type { PackagedTrack } from '../workers/packaging.ts'
import { formatKind, playlistName, type Kind } from './names.ts'
import type { Rates } from './track.ts'

export interface Variant {
  readonly kind: Kind
  readonly tracks: readonly PackagedTrack[]
  /** Of all that is played together. */
  readonly rates: Rates
}

export interface IndexOptions {
  /** Behind each address: '' or a query with its question mark. */
  readonly query: string
  /** Leads to the longer playlists. */
  readonly isArchive: boolean
}

export function multivariantPlaylist(variants: readonly Variant[], options: IndexOptions): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9']
  for (const variant of variants) lines.push(...renditions(variant, options))
  for (const variant of variants) lines.push(...stream(variant, options))
  return `${lines.join('\n')}\n`
}

// The sounds, where there is a choice of them or they are apart from the picture.
function renditions({ kind, tracks }: Variant, options: IndexOptions): string[] {
  const names = new Set<string>()
  return soundsOf(tracks).map((sound, index) => {
    const language = languageOf(sound.language)
    const attributes = [
      'TYPE=AUDIO',
      `GROUP-ID="${kind.sound}"`,
      `NAME="${unique(nameOf(sound), names)}"`,
      ...(language === undefined ? [] : [`LANGUAGE="${language}"`]),
      `DEFAULT=${index === 0 ? 'YES' : 'NO'}`,
      'AUTOSELECT=YES',
      ...(sound.isDescription ? ['CHARACTERISTICS="public.accessibility.describes-video"'] : []),
      ...(sound.channels > 0 ? [`CHANNELS="${sound.channels}"`] : []),
      ...(sound.track === 0 ? [] : [`URI="${address(kind, sound.track, options)}"`]),
    ]
    return `#EXT-X-MEDIA:${attributes.join(',')}`
  })
}

function stream({ kind, tracks, rates }: Variant, options: IndexOptions): string[] {
  const main = tracks.find(({ track }) => track === 0)
  if (main === undefined) return []
  const codecs = new Set(tracks.flatMap((track) => track.codecs.split(',')))
  const attributes = [
    `BANDWIDTH=${Math.max(1, rates.peak)}`,
    `AVERAGE-BANDWIDTH=${Math.max(1, rates.average)}`,
    `CODECS="${[...codecs].join(',')}"`,
    ...(main.width > 0 ? [`RESOLUTION=${main.width}x${main.height}`] : []),
    ...(main.frameRate > 0 ? [`FRAME-RATE=${main.frameRate.toFixed(3)}`] : []),
    ...(soundsOf(tracks).length > 0 ? [`AUDIO="${kind.sound}"`] : []),
  ]
  return [`#EXT-X-STREAM-INF:${attributes.join(',')}`, address(kind, 0, options)]
}

function address(kind: Kind, track: number, { query, isArchive }: IndexOptions): string {
  return `${formatKind(kind)}/${playlistName(track, isArchive)}${query}`
}

/** The sounds to be named: with the one that lies in the picture's segments first. */
function soundsOf(tracks: readonly PackagedTrack[]): readonly PackagedTrack[] {
  const apart = tracks.filter(({ track, kind }) => track !== 0 && kind === 'audio')
  const main = tracks.find(({ track }) => track === 0)
  if (apart.length === 0 || main === undefined) return []
  return main.kind === 'audio' || main.codecs.includes(',') ? [main, ...apart] : apart
}

// As BCP 47 has it: `deu` is `de`. Undefined where none is told or it is none.
function languageOf(code: string): string | undefined {
  try {
    const [language] = Intl.getCanonicalLocales(code)
    return language === 'und' || language === 'mul' || language === 'mis' ? undefined : language
  } catch {
    return undefined
  }
}

// In the language itself. Codes of no language, such as qaa, stand for the broadcast's original sound.
function nameOf({ language, isDescription }: PackagedTrack): string {
  const tag = languageOf(language)
  const known = tag && new Intl.DisplayNames([tag], { type: 'language' }).of(tag)
  const name = known === undefined || known === tag ? 'Original' : known
  return `${name}${isDescription ? ' (audio description)' : ''}`.replaceAll('"', "'")
}

// Names have to differ within a group.
function unique(name: string, names: Set<string>): string {
  let own = name
  for (let number = 2; names.has(own); number++) own = `${name} ${number}`
  names.add(own)
  return own
}
