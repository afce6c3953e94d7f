// What a player may ask for in the query of a stream's URL.
// Keys that are not ours are ignored: players and receivers add their own. Values that are wrong are refused.
import { expected } from '../base/errors.ts'
import { ranks, type Priority } from './lease.ts'
import { parseProfile, type Profile } from '../workers/profile.ts'

export interface StreamQuery {
  /** What the viewer wants of the sound, over what is configured. */
  readonly profile: Profile
  /** Does the viewer ask for something that takes an engine? */
  readonly isTransform: boolean
  /** After how long to end the stream; undefined plays on. */
  readonly durationMs: number | undefined
  /** Against others that want a tuner. */
  readonly priority: Priority
}

const soundKeys = ['audio', 'bitrate', 'channels', 'language', 'tracks'] as const
const longestDurationS = 7 * 24 * 3600

/** Reads the query over what is configured. @throws BAD_REQUEST naming value and what was expected */
export function parseQuery(query: URLSearchParams, configured: Profile): StreamQuery {
  const video = query.get('video')
  if (video !== null && video !== 'copy')
    throw expected('copy (the picture passes unchanged)', 'video', video)
  const height = query.get('height')
  if (height !== null) throw expected('none (the picture passes unchanged)', 'height', height)

  const asked = Object.fromEntries(
    soundKeys.flatMap((key) => (query.has(key) ? [[key, query.get(key)]] : [])),
  )
  return {
    profile: parseProfile(asked, configured),
    isTransform: Object.keys(asked).some((key) => key !== 'audio' || asked.audio !== 'copy'),
    durationMs: parseDuration(query.get('duration')),
    priority: parsePriority(query.get('priority')),
  }
}

function parsePriority(text: string | null): Priority {
  const priority = text === null ? 'normal' : ranks.find((rank) => rank === text)
  if (priority === undefined) throw expected(`one of ${ranks.join(', ')}`, 'priority', text)
  return priority
}

function parseDuration(text: string | null): number | undefined {
  if (text === null) return undefined
  const seconds = /^\d{1,7}$/.test(text) ? Number(text) : 0
  if (seconds < 1 || seconds > longestDurationS) {
    throw expected(`whole seconds from 1 to ${longestDurationS}`, 'duration', text)
  }
  return seconds * 1000
}
