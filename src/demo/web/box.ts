// What the pages know about the box that they belong to, and what a page is.
import type { Channel } from '../channels.ts'
import type { Guide } from '../guide.ts'
import type { Bouquet } from '../lineup.ts'
import type { Tuners } from '../tuners.ts'
import type { Visit } from './server.ts'
import type { Json, WebStyle } from './style.ts'

export interface Box {
  readonly style: WebStyle
  readonly channels: readonly Channel[]
  readonly guide: Guide
  readonly tuners: Tuners
  /** What the living room watches; undefined in standby. */
  readonly tv: Channel | undefined
  /** What it records now. */
  readonly recordings: readonly Channel[]
  /** Known once the servers listen. */
  readonly ports: { readonly stream: number; readonly relay: number }
  readonly hasRelay: boolean
  /** How far the guide of one service reaches. */
  readonly guideDays: number
  bouquets(): Bouquet[]
  /** The channel of a reference, also behind alternatives and relay entries. */
  find(ref: string): Channel | undefined
  /** Unix seconds. */
  now(): number
}

export interface Page {
  /** Without these parameters the box answers that it cannot. */
  readonly needs?: readonly string[]
  json(visit: Visit, box: Box): Json
  xml(visit: Visit, box: Box): string
}
