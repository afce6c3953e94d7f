// Which channels a viewer wants to see: those of a group or his favourites, with some words in them.
import type { Channel, NowNext } from '../base/answers.ts'

/** A group's name, or one of these. */
export const everything = ''
export const favourites = '\u2605'

export interface Choice {
  readonly group: string
  readonly text: string
}

/** Without capitals and accents, as people type. */
export function plain(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase()
}

/** Is the channel among those? Each word must be in its name, its number or what is on. */
export function isChosen(
  channel: Pick<Channel, 'id' | 'name' | 'number' | 'groups'>,
  { group, text }: Choice,
  marked: ReadonlySet<string>,
  onAir?: NowNext,
): boolean {
  const isInGroup =
    group === everything || (group === favourites ? marked.has(channel.id) : channel.groups.includes(group))
  if (!isInGroup) return false
  const words = plain(text)
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return true
  const { now, next } = onAir ?? {}
  const known = plain(`${channel.number} ${channel.name} ${now?.title ?? ''} ${next?.title ?? ''}`)
  return words.every((word) => known.includes(word))
}
