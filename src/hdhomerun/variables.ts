// The named variables of a device that its control port tells of. All are read only: who watches what is
// decided by who asks for a stream over HTTP.
import { version } from '../base/version.ts'
import type { Device, TunerState } from './device.ts'

/** What a variable is asked for. */
export interface Question {
  readonly name: string
  readonly isWrite: boolean
  readonly device: Device
  readonly tuners: () => readonly TunerState[]
}

/** A value, or why there is none. */
export type Answer = { readonly value: string } | { readonly error: string }

export const unknownVariable: Answer = { error: 'ERROR: unknown getset variable' }

const mostWord = 31 // characters that clients read of a word
const datagramBits = 8 * 7 * 188 // of a stream, as clients expect it to be sent

const ofDevice = new Map<string, (device: Device) => string>([
  ['help', help],
  ['/sys/copyright', () => `xg2g ${version}, MIT licence`],
  ['/sys/features', () => 'channelmap: eu-bcast eu-cable\nmodulation: auto\nauto-modulation: auto\n'],
  ['/sys/hwmodel', ({ model }) => model],
  ['/sys/model', ({ model }) => model],
  ['/sys/version', ({ firmware }) => firmware],
])

const ofTuner = new Map<string, (tuner: TunerState) => string>([
  ['channel', carrier],
  ['channelmap', () => 'eu-bcast'],
  ['debug', debug],
  ['filter', () => '0x0000-0x1fff'],
  ['lockkey', () => 'none'],
  ['program', () => '0'],
  ['status', (tuner) => `${signal(tuner)} bps=${rate(tuner)} pps=${datagrams(tuner)}`],
  ['streaminfo', () => 'none'],
  ['target', ({ target }) => target ?? 'none'],
  ['vchannel', ({ channel }) => word(channel?.number)],
  [
    'vstatus',
    ({ channel }) => `vch=${word(channel?.number)} name=${word(channel?.name)} auth=unspecified cci=none`,
  ],
])

/** Answers who reads a variable, or wants to write it. */
export function answerVariable(question: Question): Answer {
  const read = readerOf(question)
  if (read === undefined) return unknownVariable
  if (question.isWrite) return { error: 'ERROR: read only: streams are asked for over HTTP' }
  return { value: read() }
}

function readerOf({ name, device, tuners }: Question): (() => string) | undefined {
  const [, index, variable = ''] = /^\/tuner(\d{1,3})\/(\w+)$/.exec(name) ?? []
  if (index === undefined) {
    const read = ofDevice.get(name)
    return read && (() => read(device))
  }
  const tuner = tuners().find((one) => one.index === Number(index))
  const read = ofTuner.get(variable)
  return tuner && read && (() => read(tuner))
}

function help(): string {
  const names = [...ofDevice.keys(), ...Array.from(ofTuner.keys(), (name) => `/tuner<n>/${name}`)]
  return `Supported configuration options:\n${names.join('\n')}\n`
}

function carrier({ channel }: TunerState): string {
  return channel === undefined ? 'none' : `auto:v${word(channel.number)}`
}

// A receiver that says nothing of its signal has one all the same, as long as it sends.
function signal(tuner: TunerState): string {
  const isTuned = tuner.channel !== undefined
  const unknown = isTuned ? 100 : 0
  const { strength = unknown, quality = unknown, symbols = unknown } = tuner
  return `ch=${carrier(tuner)} lock=${isTuned ? 'auto' : 'none'} ss=${percent(strength)} snq=${percent(quality)} seq=${percent(symbols)}`
}

function debug(tuner: TunerState): string {
  return `tun: ${signal(tuner)}\ndev: bps=${rate(tuner)}\nnet: pps=${datagrams(tuner)}\n`
}

function rate({ bitrate = 0 }: TunerState): number {
  return Math.round(bitrate)
}

function datagrams({ target, bitrate = 0 }: TunerState): number {
  return target === undefined ? 0 : Math.round(bitrate / datagramBits)
}

function percent(value: number): number {
  return Math.round(Math.min(100, Math.max(0, value)))
}

// Clients read up to the next blank.
function word(text: string | undefined): string {
  return text?.replace(/[\s\p{C}]+/gu, '-').slice(0, mostWord) || 'none'
}
