// Channels for the tests here.
import type { Channel } from '../../src/guide/guide.ts'

/** A channel with this number, on a transponder of its own unless it is told which. */
export function channel(number: number, about: Partial<Channel> = {}): Channel {
  return {
    id: `c${number}.enigma2`,
    number,
    name: `Channel ${number}`,
    ref: `1:0:19:${number.toString(16)}:${number.toString(16)}:1:C00000:0:0:0:`,
    groups: ['All'],
    isRadio: false,
    isHd: false,
    picon: false,
    ...about,
  }
}

export function channels(count: number, from = 1): Channel[] {
  return Array.from({ length: count }, (_, index) => channel(from + index))
}
