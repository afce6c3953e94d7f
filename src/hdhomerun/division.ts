// Which channel is on which virtual device. Clients show some 480 channels of one device and drop the rest;
// a channel stays where it is, whatever comes or goes around it.
import type { Channel } from '../guide/guide.ts'
import type { Kept } from './registry.ts'

/** Of one device; Plex takes no more. */
export const mostChannels = 480

export type Split = 'auto' | 'bouquets' | 'off'
/** Where bouquets and channels are, by device. */
export type Places = Pick<Kept, 'bouquets' | 'channels'>

/** The channels of one device. */
export interface Part {
  readonly index: number
  /** What tells it from the first one. */
  readonly name: string | undefined
  readonly channels: readonly Channel[]
}

export interface Division {
  /** At least one. */
  readonly parts: readonly Part[]
  readonly places: Places
}

/** Divides the lineup: for each bouquet, or where there are too many for one device. */
export function divide(lineup: readonly Channel[], split: Split, known: Places): Division {
  const channels = unique(lineup)
  if (split === 'bouquets') return byBouquet(channels, known)
  if (split === 'off' || channels.length <= mostChannels)
    return { parts: [{ index: 0, name: undefined, channels }], places: known }
  return byNumber(channels, known)
}

function byBouquet(channels: readonly Channel[], known: Places): Division {
  const bouquets = { ...known.bouquets }
  let next = Math.max(-1, ...Object.values(bouquets)) + 1
  const bouquetOf = ({ groups }: Channel) => groups[0] ?? ''
  for (const bouquet of new Set(channels.map(bouquetOf))) bouquets[bouquet] ??= next++
  const indexOf = (channel: Channel) => bouquets[bouquetOf(channel)] ?? 0
  return {
    parts: partsOf(channels, indexOf, (_, [first]) => first && bouquetOf(first)),
    places: { ...known, bouquets },
  }
}

function byNumber(channels: readonly Channel[], known: Places): Division {
  const indexes = new Map<string, number>()
  const counts = new Map<number, number>()
  const hasRoom = (index: number) => (counts.get(index) ?? 0) < mostChannels
  const put = (id: string, index: number) => {
    indexes.set(id, index)
    counts.set(index, (counts.get(index) ?? 0) + 1)
  }
  for (const { id } of channels) {
    const index = known.channels[id]
    if (index !== undefined && hasRoom(index)) put(id, index)
  }
  for (const { id } of channels) {
    if (indexes.has(id)) continue
    let index = 0
    while (!hasRoom(index)) index++
    put(id, index)
  }
  // Of what programs publish nothing is kept.
  const kept = channels.flatMap(({ id, ref }) => (ref === '' ? [] : [[id, indexes.get(id) ?? 0] as const]))
  return {
    parts: partsOf(
      channels,
      ({ id }) => indexes.get(id) ?? 0,
      (index) => (index === 0 ? undefined : String(index + 1)),
    ),
    places: { ...known, channels: { ...known.channels, ...Object.fromEntries(kept) } },
  }
}

function partsOf(
  channels: readonly Channel[],
  indexOf: (channel: Channel) => number,
  nameOf: (index: number, channels: readonly Channel[]) => string | undefined,
): Part[] {
  const byIndex = Map.groupBy(channels, indexOf)
  const parts = [...byIndex].sort(([one], [other]) => one - other)
  const all = parts.map(([index, own]) => ({ index, name: nameOf(index, own), channels: own }))
  return all.length > 0 ? all : [{ index: 0, name: undefined, channels: [] }]
}

// Of two with the same number a client would find the first, and that is the one which plays.
function unique(channels: readonly Channel[]): readonly Channel[] {
  const numbers = new Set<number>()
  return channels.filter(({ number }) => !numbers.has(number) && numbers.add(number))
}
