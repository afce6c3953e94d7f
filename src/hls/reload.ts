// What a player asks of a playlist in its query: to wait for something, to leave out what it has. All else is kept
// and goes into the addresses that it gets.
// Source: draft-pantos-hls-rfc8216bis, 6.2.5.
import { expected } from '../base/errors.ts'

export interface Reload {
  /** The segment to wait for; undefined does not wait. */
  readonly msn: number | undefined
  /** Its part. */
  readonly part: number | undefined
  readonly isDelta: boolean
}

/** It is repeated in each address of a playlist. */
const mostQueryLength = 512

/** @throws BAD_REQUEST */
export function parseReload(query: URLSearchParams): Reload {
  const msn = whole(query, '_HLS_msn')
  const part = whole(query, '_HLS_part')
  const skip = query.get('_HLS_skip')
  if (part !== undefined && msn === undefined) throw expected('_HLS_msn too', '_HLS_part', part)
  if (skip !== null && skip !== 'YES' && skip !== 'v2') throw expected('YES or v2', '_HLS_skip', skip)
  return { msn, part, isDelta: skip !== null }
}

/** What stands behind each address of the answer: '' or a query with its question mark.
 *  @param dropped  what is the answer's own affair
 *  @throws BAD_REQUEST */
export function keptQuery(query: URLSearchParams, dropped: readonly string[] = []): string {
  const kept = [...query].filter(([name]) => !name.startsWith('_HLS_') && !dropped.includes(name))
  const text = new URLSearchParams(kept).toString()
  if (text.length > mostQueryLength)
    throw expected(`at most ${mostQueryLength} characters`, 'the query', text)
  return text === '' ? '' : `?${text}`
}

/** Where a player may begin that asks for it: seconds from the beginning, or from the end if negative.
 *  @throws BAD_REQUEST */
export function parseStart(query: URLSearchParams): number | undefined {
  const text = query.get('start')
  if (text === null) return undefined
  if (!/^-?\d{1,6}$/.test(text)) throw expected('whole seconds such as -600', 'start', text)
  return Number(text)
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw expected('a whole number', name, text)
  return Number(text)
}
