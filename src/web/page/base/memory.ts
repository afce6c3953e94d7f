// What this browser remembers of its viewer: nothing of it leaves the browser, but for the token. Where nothing may
// be kept (private windows), it is remembered until the page is closed.

export interface Remembered {
  readonly favourites: readonly string[]
  readonly lastChannel: string
  readonly group: string
  readonly volume: number
  readonly isMuted: boolean
  /** Language and kind of sound, as tracks.ts names it. */
  readonly sound: string
  readonly theme: 'auto' | 'light' | 'dark'
  readonly token: string
}

const nothing: Remembered = {
  favourites: [],
  lastChannel: '',
  group: '',
  volume: 1,
  isMuted: false,
  sound: '',
  theme: 'auto',
  token: '',
}
const prefix = 'xg2g.'
const fallback = new Map<string, string>()

export function recall<K extends keyof Remembered>(key: K): Remembered[K] {
  try {
    const text = read(key)
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return isLike(value, nothing[key]) ? value : nothing[key]
  } catch {
    return nothing[key] // somebody else's text
  }
}

export function remember<K extends keyof Remembered>(key: K, value: Remembered[K]): void {
  const text = JSON.stringify(value)
  fallback.set(key, text)
  try {
    localStorage.setItem(prefix + key, text)
  } catch {
    // not allowed, or full: the map has it
  }
}

function read(key: string): string | undefined {
  try {
    return localStorage.getItem(prefix + key) ?? fallback.get(key)
  } catch {
    return fallback.get(key)
  }
}

function isLike<T>(value: unknown, model: T): value is T {
  if (!Array.isArray(model)) return typeof value === typeof model
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
