// The lineup: all channels of the chosen bouquets, each once, with a number that it keeps.
import type { BouquetRow, ServiceRow } from '../receiver/listing.ts'
import { isReferenceLike, parseReference } from '../receiver/reference.ts'
import { channelId, channelOf, type ChannelDraft } from './channel.ts'
import type { Channel, ChannelFilter } from './guide.ts'

export interface Bouquet extends BouquetRow {
  readonly isRadio: boolean
}

/** A bouquet with what the receiver lists in it. */
export interface FilledBouquet extends Bouquet {
  readonly rows: readonly ServiceRow[]
}

/** What is kept of a channel besides what everybody sees. */
export interface LineupChannel extends Channel {
  readonly piconPath?: string | undefined
}

export interface Choice {
  readonly chosen: readonly Bouquet[]
  /** Wanted and not there. */
  readonly missing: readonly string[]
}

/** The wanted bouquets in the wanted order, by name or reference; all that there are where none is wanted. */
export function chooseBouquets(available: readonly Bouquet[], wanted: readonly string[]): Choice {
  if (wanted.length === 0) return { chosen: available, missing: [] }
  const found = wanted.map((want) => ({ want, bouquets: available.filter((one) => isMeant(one, want)) }))
  return {
    chosen: [...new Set(found.flatMap(({ bouquets }) => bouquets))],
    missing: found.filter(({ bouquets }) => bouquets.length === 0).map(({ want }) => want),
  }
}

/** The channels of the bouquets in their order.
 *  @param numbers  of all channels ever seen, by id: new ones get the next numbers behind them */
export function buildLineup(
  bouquets: readonly FilledBouquet[],
  numbers: ReadonlyMap<string, number>,
): LineupChannel[] {
  const drafts = new Map<string, { draft: ChannelDraft; groups: Set<string> }>()
  for (const { name: group, isRadio, rows } of bouquets) {
    for (const row of rows) {
      const draft = channelOf(row, isRadio)
      if (draft === undefined) continue
      const known = drafts.get(draft.id)
      if (known === undefined) drafts.set(draft.id, { draft, groups: new Set([group]) })
      else known.groups.add(group)
    }
  }
  let highest = [...numbers.values()].reduce((most, number) => Math.max(most, number), 0)
  return [...drafts.values()].map(({ draft, groups }) => ({
    ...draft,
    groups: [...groups],
    number: numbers.get(draft.id) ?? ++highest,
    picon: draft.piconPath !== '',
  }))
}

/** Channels in their order, found by everything that names one. */
export class Lineup {
  readonly channels: readonly LineupChannel[]
  readonly groups: readonly string[]
  readonly #byId: ReadonlyMap<string, LineupChannel>
  readonly #byNumber: ReadonlyMap<number, LineupChannel>

  constructor(channels: readonly LineupChannel[]) {
    this.channels = channels
    this.groups = [...new Set(channels.flatMap(({ groups }) => groups))]
    this.#byId = new Map(channels.map((channel) => [channel.id, channel]))
    // Of two with the same number the first has it.
    this.#byNumber = new Map(channels.toReversed().map((channel) => [channel.number, channel]))
  }

  list({ group, isRadio }: ChannelFilter = {}): readonly LineupChannel[] {
    if (group === undefined && isRadio === undefined) return this.channels
    return this.channels.filter(
      (channel) =>
        (group === undefined || channel.groups.includes(group)) &&
        (isRadio === undefined || channel.isRadio === isRadio),
    )
  }

  /** By id, number or service reference, with or without its name. */
  find(text: string): LineupChannel | undefined {
    if (/^\d{1,9}$/.test(text)) return this.#byNumber.get(Number(text))
    return this.#byId.get(isReferenceLike(text) ? idOf(text) : text)
  }
}

function isMeant({ name, ref }: Bouquet, wanted: string): boolean {
  const want = wanted.trim()
  return ref === want || name.toLowerCase() === want.toLowerCase()
}

function idOf(ref: string): string {
  try {
    return channelId(parseReference(ref))
  } catch {
    return ''
  }
}
