// Why a channel does not play, in words for the person in front of it.
import { errorIn } from '../base/client.ts'
import { nameOf } from './codecs.ts'

export interface Trouble {
  readonly title: string
  readonly text: string
  /** May another player do better? */
  readonly isOurs: boolean
  /** May it work in a while? */
  readonly isPassing: boolean
}

const reasons: Readonly<Record<string, Omit<Trouble, 'isOurs'>>> = {
  NO_TUNER: {
    title: 'All tuners are in use',
    text: 'The receiver is busy with other channels. End another stream, or try again in a while.',
    isPassing: true,
  },
  LIMIT_REACHED: {
    title: 'Too many viewers',
    text: 'As many streams as allowed are running. Try again in a while.',
    isPassing: true,
  },
  POOL_FULL: {
    title: 'Too many streams',
    text: 'All places for streams are taken. Try again in a while.',
    isPassing: true,
  },
  NOT_FOUND: {
    title: 'This channel cannot be had here',
    text: 'It is not in the lineup any more, or HLS is switched off (XG2G_HLS_ENABLED).',
    isPassing: false,
  },
  UNAUTHORIZED: { title: 'A token is needed', text: 'Give it under System.', isPassing: false },
}

/** What the server said. */
export function refused(status: number, body: string): Trouble {
  const { code = '', message } = errorIn(parsed(body))
  const known = reasons[code]
  if (known !== undefined) return { ...known, isOurs: false }
  if (status === 0) {
    return {
      title: 'The connection was lost',
      text: 'xg2g does not answer. Is it running, and is this device on its network?',
      isOurs: false,
      isPassing: true,
    }
  }
  const text = message ?? `The server answered with ${status}.`
  return { title: 'This channel is not available now', text: sentence(text), isOurs: false, isPassing: true }
}

/** Codecs that the browser lacks. */
export function undecodable(codecs: readonly string[], isPicture: boolean): Trouble {
  const names = [...new Set(codecs.map(nameOf))].join(' and ')
  const what = isPicture ? 'picture' : 'sound'
  const which = names === '' ? 'of a kind' : names
  return {
    title: `This browser cannot ${isPicture ? 'show' : 'play'} this channel`,
    text: `The channel's ${what} is ${which}, which this browser cannot ${isPicture ? 'show' : 'play'}. Another player can, VLC for example.`,
    isOurs: true,
    isPassing: false,
  }
}

/** It has failed for a reason that only the browser knows. */
export function broken(detail: string): Trouble {
  return {
    title: 'The playback stopped',
    text: `The browser could not go on (${detail}).`,
    isOurs: true,
    isPassing: true,
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
