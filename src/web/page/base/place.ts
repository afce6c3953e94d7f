// Where the viewer is, as the address bar has it after the #: views, and the channel that is being watched.

export type Place =
  | { readonly view: 'live'; readonly channel?: string }
  | { readonly view: 'guide' }
  | { readonly view: 'figures' }
  | { readonly view: 'system' }

export function parsePlace(hash: string): Place {
  const [, first = '', second = ''] = hash.split('/')
  if (first === 'channel' && second !== '') return { view: 'live', channel: decoded(second) }
  if (first === 'guide' || first === 'figures' || first === 'system') return { view: first }
  return { view: 'live' }
}

export function formatPlace(place: Place): string {
  if (place.view !== 'live') return `#/${place.view}`
  return place.channel === undefined ? '#/' : `#/channel/${encodeURIComponent(place.channel)}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
