// Guide events out of a receiver's answers. The shapes in which a box says that it has no guide are dropped.
import { AppError } from '../base/errors.ts'
import { fieldsOf, listOf, numberOf, textOf, type Answer, type Fields } from './answer.ts'
import { unescapeHtml } from './text.ts'

/** One event as the receiver tells it: text decoded, but as the broadcaster wrote it. */
export interface EventRow {
  readonly id: number | undefined
  /** Unix seconds. */
  readonly start: number
  /** 0 where the receiver does not know. */
  readonly durationS: number
  readonly title: string
  readonly short: string
  readonly long: string
  readonly ref: string
  readonly name: string
  /** Content nibbles of EN 300 468, table 28; undefined where it does not say. */
  readonly genre: number | undefined
}

/** The events of an answer to any of the EPG pages, in its order.
 *  @throws RECEIVER_BROKEN for an answer that is no list of events */
export function readEvents({ format, value }: Answer): EventRow[] {
  const fields = fieldsOf(value)
  const name = format === 'json' ? 'events' : 'eventlist'
  if (!(name in fields)) throw new AppError('RECEIVER_BROKEN', { reason: 'it names no events' })
  const rows = listOf(format === 'json' ? fields.events : fieldsOf(fields.eventlist).event)
  const read = format === 'json' ? jsonEvent : xmlEvent
  return rows.map((row) => read(fieldsOf(row))).filter((event) => event !== undefined)
}

function jsonEvent(row: Fields): EventRow | undefined {
  const text = (...names: string[]): string => unescapeHtml(textOf(row, ...names))
  return eventOf({
    id: numberOf(row, 'id'),
    start: numberOf(row, 'begin_timestamp', 'begin') ?? 0,
    durationS: numberOf(row, 'duration_sec') ?? 0,
    title: text('title'),
    short: text('shortdesc', 'description'),
    long: text('longdesc', 'descriptionextended'),
    ref: textOf(row, 'sref').trim(),
    name: text('sname'),
    genre: numberOf(row, 'genreid'),
  })
}

function xmlEvent(row: Fields): EventRow | undefined {
  return eventOf({
    id: numberOf(row, 'eventid'),
    start: numberOf(row, 'eventstart') ?? 0,
    durationS: numberOf(row, 'eventduration') ?? 0,
    title: textOf(row, 'eventtitle'),
    short: textOf(row, 'eventdescription'),
    long: textOf(row, 'eventdescriptionextended'),
    ref: textOf(row, 'eventservicereference').trim(),
    name: textOf(row, 'eventservicename'),
    genre: numberOf(row, 'eventgenreid'),
  })
}

// No begin, or neither duration nor title: that is how boxes say that there is nothing.
function eventOf(event: EventRow): EventRow | undefined {
  const isNothing = event.start <= 0 || event.title.trim() === '' || event.durationS < 0
  return isNothing || (event.title === 'N/A' && event.durationS === 0) ? undefined : event
}
