// Blocks in the XMLTV document for channels of which the receiver knows nothing: Plex takes a channel without
// programmes for one that is not broadcasting (xteve-project/xTeVe#89), tv_validate_file for an error. Only
// the document has them: store and API say what is known.
import type { Channel, Programme } from './guide.ts'

/** What the document needs to know of a channel to fill it. */
export type Listed = Pick<Channel, 'id' | 'name'>

/** From when to when channels are filled, unix seconds. */
export interface Span {
  readonly from: number
  readonly to: number
}

const daySec = 86_400
const blockSec = 3 * 3600

/** Whole days from the one that holds `now`, in UTC: the blocks, and with them the document, change once a day. */
export function spanOf(now: number, days: number): Span {
  const from = Math.floor(now / daySec) * daySec
  return { from, to: from + (days + 1) * daySec }
}

/** The programmes, followed by blocks under the channel's name where none of them is in the span. */
export function filled({ id, name }: Listed, known: readonly Programme[], { from, to }: Span): Programme[] {
  const isKnown = known.some(({ start, stop }) => stop > from && start < to)
  if (isKnown) return [...known]
  const starts = Array.from(
    { length: Math.ceil((to - from) / blockSec) },
    (_, index) => from + index * blockSec,
  )
  return [
    ...known.filter(({ stop }) => stop <= from),
    ...starts.map((start) => ({
      channelId: id,
      id: undefined,
      start,
      stop: Math.min(to, start + blockSec),
      title: name,
      categories: [],
    })),
  ]
}
