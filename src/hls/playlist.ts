// The text of a media playlist. Everything in it follows from what it is given: two servers that have packaged the
// same broadcast write the same.
// Source: RFC 8216; draft-pantos-hls-rfc8216bis.
import type { Container } from '../workers/packaging.ts'
import { initName, partName, playlistName, segmentName } from './names.ts'
import { Segment, ticksPerSecond, type Listing } from './segment.ts'

export interface PlaylistView {
  readonly track: number
  readonly container: Container
  readonly slotTicks: number
  /** Of the parts; undefined lists none, nor the segment that is being made. */
  readonly partTicks: number | undefined
  /** Complete segments, oldest first. */
  readonly listed: readonly Listing[]
  /** The one that is being made; its parts are listed. */
  readonly open: Segment | undefined
  readonly discontinuitySequence: number
  readonly isEnded: boolean
  /** Each segment can be decoded without the one before it. */
  readonly isIndependent: boolean
  /** Other tracks, and the newest part of each. */
  readonly reports: readonly Report[]
  /** Where a player that is asked to may begin, in seconds from the beginning, or from the end if negative. */
  readonly startS: number | undefined
}

export interface Report {
  readonly track: number
  readonly msn: number
  readonly part: number
}

export interface PlaylistOptions {
  /** Behind each address: '' or a query with its question mark. */
  readonly query: string
  /** Leaves out what the client has. */
  readonly isDelta: boolean
}

/** How long players are asked to stay behind, in parts and in target durations. */
export const partHoldBack = 3
const holdBack = 3
/** In target durations: what is older need not be repeated, and lists its parts no more. */
const skipBoundary = 6
const partsListed = 3

/** In whole seconds; never changes for the same slots. */
export function targetDuration(slotTicks: number): number {
  return Math.ceil((2 * slotTicks) / ticksPerSecond)
}

export function mediaPlaylist(view: PlaylistView, { query, isDelta }: PlaylistOptions): string {
  const { listed, open, slotTicks, isEnded } = view
  const skipped = isDelta ? skippable(view) : 0
  const lines = ['#EXTM3U', `#EXT-X-VERSION:9`, `#EXT-X-TARGETDURATION:${targetDuration(slotTicks)}`]
  lines.push(...controls(view))
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${(listed[0] ?? open)?.msn ?? 0}`)
  lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${view.discontinuitySequence}`)
  if (view.isIndependent) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  if (view.startS !== undefined) lines.push(`#EXT-X-START:TIME-OFFSET=${round(view.startS)}`)
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`)
  pushSegments(lines, view, { query, skipped })
  if (isEnded) lines.push('#EXT-X-ENDLIST')
  else pushEdge(lines, view, query)
  return `${lines.join('\n')}\n`
}

function controls({ slotTicks, partTicks }: PlaylistView): string[] {
  const targetS = targetDuration(slotTicks)
  const attributes = [
    'CAN-BLOCK-RELOAD=YES',
    `CAN-SKIP-UNTIL=${skipBoundary * targetS}`,
    ...(partTicks === undefined ? [] : [`PART-HOLD-BACK=${seconds(partHoldBack * partTicks)}`]),
    `HOLD-BACK=${holdBack * targetS}`,
  ]
  return [
    `#EXT-X-SERVER-CONTROL:${attributes.join(',')}`,
    ...(partTicks === undefined ? [] : [`#EXT-X-PART-INF:PART-TARGET=${seconds(partTicks)}`]),
  ]
}

function pushSegments(
  lines: string[],
  view: PlaylistView,
  { query, skipped }: { query: string; skipped: number },
): void {
  const { track, container, listed, slotTicks } = view
  const hasParts = view.partTicks !== undefined
  let left = ticksOf(view) // from the beginning of each segment to the end
  let init = listed[skipped - 1]?.init
  const head = (listing: Listing, isFirst: boolean) => {
    if (listing.isDiscontinuous) lines.push('#EXT-X-DISCONTINUITY')
    if (listing.init !== undefined && (listing.init !== init || isFirst))
      lines.push(`#EXT-X-MAP:URI="${initName(track, listing.init)}${query}"`)
    init = listing.init ?? init
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(listing.utcMs).toISOString()}`)
  }
  listed.forEach((listing, index) => {
    const isRecent = left <= partsListed * targetDuration(slotTicks) * ticksPerSecond
    left -= listing.durationTicks
    if (index < skipped) return
    head(listing, index === 0)
    if (hasParts && isRecent && listing instanceof Segment) pushParts(lines, listing, view, query)
    if (listing.isGap) lines.push('#EXT-X-GAP')
    lines.push(`#EXTINF:${seconds(listing.durationTicks)},`)
    lines.push(`${segmentName(track, listing.msn, container)}${query}`)
  })
  if (!hasParts || view.open === undefined) return
  head(view.open, listed.length === 0)
  pushParts(lines, view.open, view, query)
}

function pushParts(
  lines: string[],
  segment: Segment,
  { track, container }: PlaylistView,
  query: string,
): void {
  for (const { msn, part, duration, isIndependent, bytes } of segment.parts) {
    const uri = `${partName(track, { msn, part }, container)}${query}`
    const independent = isIndependent ? ',INDEPENDENT=YES' : ''
    const missing = bytes.length === 0 ? ',GAP=YES' : ''
    lines.push(`#EXT-X-PART:DURATION=${seconds(duration)},URI="${uri}"${independent}${missing}`)
  }
}

// What comes next, and how far the others are.
function pushEdge(lines: string[], view: PlaylistView, query: string): void {
  const { track, container, partTicks, listed, open } = view
  if (partTicks === undefined) return
  const last = listed.at(-1)
  const next = open === undefined ? last && { msn: last.msn + 1, part: 0 } : nextOf(open)
  if (next !== undefined)
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partName(track, next, container)}${query}"`)
  for (const report of view.reports) {
    const uri = `${playlistName(report.track)}${query}`
    lines.push(`#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${report.msn},LAST-PART=${report.part}`)
  }
}

function nextOf({ msn, parts }: Segment): { msn: number; part: number } {
  return { msn, part: parts.length }
}

// How many of the first segments end before the boundary.
function skippable(view: PlaylistView): number {
  const boundary = skipBoundary * targetDuration(view.slotTicks) * ticksPerSecond
  let left = ticksOf(view)
  let count = 0
  for (const { durationTicks } of view.listed) {
    left -= durationTicks
    if (left <= boundary) break
    count++
  }
  return count
}

function ticksOf({ listed, open, partTicks }: PlaylistView): number {
  const whole = listed.reduce((all, { durationTicks }) => all + durationTicks, 0)
  return whole + (partTicks === undefined ? 0 : (open?.durationTicks ?? 0))
}

function seconds(ticks: number): string {
  return String(round(ticks / ticksPerSecond))
}

function round(s: number): number {
  return Math.round(s * 1e5) / 1e5
}
