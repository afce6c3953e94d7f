// From the events of a receiver to the programmes of a channel: cleaned, sorted, each time taken once.
// Gaps stay gaps.
import type { EventRow } from '../receiver/event.ts'
import { cleanLine, cleanText } from '../receiver/text.ts'
import { findEpisode } from './episode.ts'
import type { Episode } from './guide.ts'

/** A programme as it is kept: without its channel. */
export interface StoredProgramme {
  readonly id: number | undefined
  /** Unix seconds. */
  readonly start: number
  readonly stop: number
  readonly title: string
  readonly subtitle: string
  readonly description: string
  /** Content nibbles; 0 where the broadcaster says nothing. */
  readonly genre: number
  readonly episode: Episode | undefined
}

interface Draft extends Omit<StoredProgramme, 'stop'> {
  /** 0 until the next start is known. */
  stop: number
}

const shortOverlapS = 300 // broadcasters are late by minutes: the earlier programme ends earlier then
const assumedS = 1800 // of a programme without length and without a next one
const longestAssumedS = 4 * 3600
const longestS = 7 * 86_400
const longestSubtitle = 120 // characters; what is longer is a description
const longestTitle = 500
const longestDescription = 8000

/** All events as programmes that do not overlap, in their order. */
export function arrange(events: readonly EventRow[]): StoredProgramme[] {
  const drafts = events.map(draftOf).filter((draft) => draft !== undefined)
  drafts.sort((a, b) => a.start - b.start || worth(b) - worth(a))
  const single = drafts.filter((draft, index) => drafts[index - 1]?.start !== draft.start)
  fillLengths(single)
  return withoutOverlaps(single)
}

function draftOf(event: EventRow): Draft | undefined {
  const title = cut(cleanLine(event.title), longestTitle)
  const { durationS } = event
  const start = Math.floor(event.start)
  if (title === '' || title === 'N/A' || !(start > 0) || durationS < 0 || durationS > longestS)
    return undefined
  const words = wordsOf(title, event)
  return {
    id: event.id,
    start,
    stop: durationS === 0 ? 0 : start + Math.floor(durationS),
    title,
    ...words,
    genre: Math.max(0, Math.floor(event.genre ?? 0)) & 0xff,
    episode: findEpisode(title, words.subtitle, words.description),
  }
}

// The first line of the short text is what others call a subtitle, unless another text begins with it.
function wordsOf(title: string, { short, long }: EventRow): { subtitle: string; description: string } {
  const brief = known(cleanText(short))
  const detail = known(cleanText(long))
  const [line = '', ...rest] = brief.split('\n')
  if (brief === '' || title.startsWith(line) || detail.startsWith(brief))
    return { subtitle: '', description: cut(joined(rest, detail, brief), longestDescription) }
  if (line.length > longestSubtitle)
    return { subtitle: '', description: cut(joined([brief], detail, ''), longestDescription) }
  return { subtitle: line, description: cut(joined(rest, detail, ''), longestDescription) }
}

// The rest of the short text, then the long one; nothing twice.
function joined(rest: readonly string[], detail: string, whole: string): string {
  const more = rest.join('\n').trim()
  if (more === '' || detail.includes(more) || detail.startsWith(whole || '\0')) return detail
  return detail === '' ? more : `${more}\n${detail}`
}

function known(text: string): string {
  return text === 'N/A' || text === 'None' ? '' : text
}

function cut(text: string, most: number): string {
  return text.length > most
    ? text
        .slice(0, most)
        .toWellFormed()
        .replace(/\ufffd$/, '')
    : text
}

/** Of two programmes at one time the one with an id, then the one with more to say is kept. */
function worth({ id, title, subtitle, description }: Draft): number {
  return (id === undefined ? 0 : 1e6) + title.length + subtitle.length + description.length
}

function fillLengths(drafts: readonly Draft[]): void {
  for (const [index, draft] of drafts.entries()) {
    if (draft.stop !== 0) continue
    const next = drafts[index + 1]?.start
    draft.stop = next === undefined ? draft.start + assumedS : Math.min(next, draft.start + longestAssumedS)
  }
}

function withoutOverlaps(drafts: readonly Draft[]): StoredProgramme[] {
  const kept: Draft[] = []
  for (const draft of drafts) {
    const before = kept.at(-1)
    if (before === undefined || draft.start >= before.stop) {
      kept.push(draft)
      continue
    }
    const isInside = draft.stop <= before.stop && before.stop - draft.start > shortOverlapS
    const isSame = draft.id !== undefined && draft.id === before.id && draft.title === before.title
    if (isInside) continue
    if (isSame) {
      before.stop = Math.max(before.stop, draft.stop)
      continue
    }
    before.stop = draft.start
    kept.push(draft)
  }
  return kept
}
