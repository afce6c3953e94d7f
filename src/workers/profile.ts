// What a viewer or a job may ask of the sound, parsed once at the edge: the command line, a query, JSON.
import { expected } from '../base/errors.ts'
import { parseBitrate, parseFlag, parseList } from '../base/units.ts'

const audioTargets = ['aac', 'mp3', 'copy'] as const
export type AudioTarget = (typeof audioTargets)[number]
const channelCounts = [1, 2, 6] as const
export type ChannelCount = (typeof channelCounts)[number]

const trackChoices = ['all', 'one'] as const
export type TrackChoice = (typeof trackChoices)[number]

const leastBitrate = 32_000
const mostBitrate = 512_000
const mostMp3Bitrate = 320_000 // ISO/IEC 11172-3, layer III
const mostLanguages = 16
const mostProgram = 65_535 // 16 bits in the PAT

export const audioEncoders = ['xg2g', 'libavcodec'] as const

export interface Profile {
  readonly audio: AudioTarget
  /** of AAC: our own where it can (one or two channels at 32 kHz and more), or libavcodec's always */
  readonly encoder: (typeof audioEncoders)[number]
  /** bit/s, of each track */
  readonly bitrate: number
  /** most channels of the result; a track with fewer keeps its own count */
  readonly channels: ChannelCount
  /** ISO 639-2, the first wanted first; empty keeps the broadcast's order */
  readonly language: readonly string[]
  /** all tracks of those languages, or only the first that flows */
  readonly tracks: TrackChoice
  /** service id of the program; 0 takes the one that flows */
  readonly program: number
  /** keep the untranscoded track beside the transcoded one */
  readonly keepOriginal: boolean
}

export const defaultProfile: Profile = {
  audio: 'aac',
  encoder: 'xg2g',
  bitrate: 192_000,
  channels: 2,
  language: [],
  tracks: 'all',
  program: 0,
  keepOriginal: false,
}

/** The profile that the input asks for, over a base. Values are text or already typed; a value that
 *  is undefined is as good as absent. Throws BAD_REQUEST for a bad value or an unknown key. */
export function parseProfile(input: Record<string, unknown>, base: Profile = defaultProfile): Profile {
  const asked = Object.entries(input).filter(([, value]) => value !== undefined)
  const parsed = asked.map(([key, value]) => {
    if (!isKey(key))
      throw expected(`one of ${Object.keys(parsers).join(', ')}`, 'a setting of the sound', key)
    const { parse, what } = parsers[key]
    const result = parse(value)
    if (result === undefined) throw expected(what, key, value)
    return [key, result] as const
  })
  return fitTogether({ ...base, ...Object.fromEntries(parsed) }, input)
}

type Parsers = { [K in keyof Profile]: { what: string; parse: (value: unknown) => Profile[K] | undefined } }

const parsers: Parsers = {
  audio: {
    what: `one of ${audioTargets.join(', ')}`,
    parse: (value) => audioTargets.find((target) => target === value),
  },
  encoder: {
    what: `one of ${audioEncoders.join(', ')}`,
    parse: (value) => audioEncoders.find((encoder) => encoder === value),
  },
  bitrate: {
    what: `a bitrate from ${leastBitrate / 1000}k to ${mostBitrate / 1000}k such as 192k`,
    parse: (value) => within(leastBitrate, mostBitrate, fromText(value, parseBitrate)),
  },
  channels: {
    what: `one of ${channelCounts.join(', ')}`,
    parse: (value) => channelCounts.find((count) => count === fromText(value, parseWhole)),
  },
  language: {
    what: `up to ${mostLanguages} three-letter languages such as deu,eng`,
    parse: parseLanguages,
  },
  tracks: {
    what: `one of ${trackChoices.join(', ')}`,
    parse: (value) => trackChoices.find((choice) => choice === value),
  },
  program: {
    what: `a program number from 0 to ${mostProgram}`,
    parse: (value) => within(0, mostProgram, fromText(value, parseWhole)),
  },
  keepOriginal: {
    what: 'true or false',
    parse: (value) => {
      const flag = fromText(value, parseFlag)
      return typeof flag === 'boolean' ? flag : undefined
    },
  },
}

// MP3 has its own limits: what was asked for beyond them is refused, what came from the base is cut.
function fitTogether(profile: Profile, asked: Record<string, unknown>): Profile {
  if (profile.audio !== 'mp3') return profile
  const { channels, bitrate } = profile
  if (channels === 6 && asked.channels !== undefined) throw expected('1 or 2 with mp3', 'channels', channels)
  if (bitrate > mostMp3Bitrate && asked.bitrate !== undefined) {
    throw expected(`at most ${mostMp3Bitrate / 1000}k with mp3`, 'bitrate', bitrate)
  }
  return { ...profile, channels: channels === 6 ? 2 : channels, bitrate: Math.min(bitrate, mostMp3Bitrate) }
}

function isKey(key: string): key is keyof Profile {
  return Object.hasOwn(parsers, key)
}

function fromText(value: unknown, parse: (text: string) => unknown): unknown {
  return typeof value === 'string' ? parse(value) : value
}

function within(least: number, most: number, value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
    ? value
    : undefined
}

function parseWhole(text: string): number | undefined {
  return /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : undefined
}

function parseLanguages(value: unknown): string[] | undefined {
  const list: unknown = fromText(value, parseList)
  if (!Array.isArray(list) || list.length > mostLanguages) return undefined
  const languages = list.map((each: unknown) => (typeof each === 'string' ? each.toLowerCase() : ''))
  return languages.every((language) => /^[a-z]{3}$/.test(language)) ? [...new Set(languages)] : undefined
}
