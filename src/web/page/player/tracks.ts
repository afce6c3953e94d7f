// The tracks of sound that a channel has, and which of them this viewer prefers.

export interface Track {
  readonly id: number
  readonly label: string
  /** The same on every channel: language and kind. */
  readonly key: string
}

interface Source {
  readonly name?: string | undefined
  readonly lang?: string | undefined
  readonly characteristics?: string | undefined
}

const description = 'public.accessibility.describes-video'

/** As they are shown; those that look alike are numbered. */
export function describeTracks(sources: readonly Source[]): Track[] {
  const labels = sources.map(labelOf)
  return sources.map((source, id) => {
    const label = labels[id] ?? ''
    const same = labels.slice(0, id).filter((other) => other === label).length
    return { id, label: same === 0 ? label : `${label} ${same + 1}`, key: keyOf(source) }
  })
}

/** The track that fits best what was chosen before; undefined where nothing does. */
export function preferred(tracks: readonly Track[], key: string): Track | undefined {
  return key === '' ? undefined : tracks.find((track) => track.key === key)
}

function labelOf({ name, lang, characteristics }: Source): string {
  const language = languageName(lang)
  const isDescription = characteristics?.includes(description) === true
  if (language === undefined) return name ?? 'Sound'
  return isDescription ? `${language}, audio description` : language
}

function keyOf({ lang, characteristics }: Source): string {
  return `${lang ?? ''}${characteristics?.includes(description) === true ? '+description' : ''}`
}

// Broadcasters write three letters, some of them by an older list (ger, fre), and some none that mean anything.
function languageName(code: string | undefined): string | undefined {
  if (code === undefined || !/^[a-z]{2,3}$/i.test(code) || /^(?:und|qaa|mis|mul|zxx|qad)$/i.test(code)) {
    return undefined
  }
  const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })
  return names.of(code.toLowerCase())
}
