// The two playlists that there are of a track: what is live, with its parts, and what can be gone back to. To those who
// answer requests they are alike.
import { partHoldBack, type PlaylistView, type Report } from './playlist.ts'
import type { Shelf } from './reply.ts'
import { Segment, ticksPerSecond } from './segment.ts'
import type { Session } from './session.ts'
import type { Track } from './track.ts'

export interface List {
  /** Its texts in the forms that were asked for. */
  readonly replies: Shelf
  /** Moves with every change. */
  readonly version: number
  readonly isEnded: boolean
  /** Where parts are listed, players reload it with each of them. */
  readonly hasParts: boolean
  /** The newest that it has. */
  readonly last: { readonly msn: number; readonly part: number } | undefined
  /** Does it have so much? @param part  undefined: the whole segment */
  readonly hasReached: (msn: number, part?: number) => boolean
  view(): PlaylistView
}

/** Undefined while there is no such track, or nothing of it. */
export function liveList(session: Session, number: number): List | undefined {
  const track = session.tracks.get(number)
  if (track === undefined || track.window.listed.length === 0) return undefined
  const { window, replies } = track
  const { version, isEnded, last } = window
  return {
    replies,
    version,
    isEnded,
    hasParts: session.partTicks > 0,
    last,
    hasReached: (msn, part) => window.hasReached(msn, part),
    view: () => ({
      ...commonView(session, track),
      partTicks: session.partTicks || undefined,
      listed: window.listed,
      open: window.open,
      discontinuitySequence: window.discontinuitySequence,
      reports: reportsBeside(session, track),
      startS: startOf(session, track),
    }),
  }
}

/** As liveList(). @param startS  where a player may begin, see PlaylistView */
export function archiveList(session: Session, number: number, startS: number | undefined): List | undefined {
  const track = session.tracks.get(number)
  const reel = session.archive?.track(number)
  if (track === undefined || reel === undefined) return undefined
  const { replies, version, kept, discontinuitySequence } = reel
  const { isEnded } = track.window
  const newest = kept.at(-1)
  return {
    replies,
    version,
    isEnded,
    hasParts: false,
    last: newest && { msn: newest.msn, part: 0 },
    hasReached: (msn) => track.window.isEnded || reel.hasReached(msn),
    view: () => ({
      ...commonView(session, track),
      partTicks: undefined,
      listed: kept,
      open: undefined,
      discontinuitySequence,
      reports: [],
      startS,
    }),
  }
}

function commonView({ kind, slotTicks }: Session, { about, window }: Track) {
  return {
    track: about.track,
    container: kind.container,
    slotTicks,
    isEnded: window.isEnded,
    isIndependent: about.kind === 'audio', // pictures that lead an access point need those before it
  }
}

// Who begins as near to the end as parts allow finds there no access point for seconds, where groups of pictures are
// longer than a slot: he is told of the last segment that begins with one. Seconds from the end; undefined elsewhere.
function startOf({ partTicks }: Session, { about, window }: Track): number | undefined {
  if (about.kind !== 'video' || partTicks === 0) return undefined
  let ticks = 0
  let isFirst = true
  for (const listing of [...window.listed, ...(window.open === undefined ? [] : [window.open])].reverse()) {
    ticks += listing.durationTicks
    if (ticks < partHoldBack * partTicks) continue
    if (listing instanceof Segment && listing.isIndependent)
      return isFirst ? undefined : -ticks / ticksPerSecond
    isFirst = false
  }
  return undefined
}

function reportsBeside({ tracks }: Session, own: Track): Report[] {
  return [...tracks].flatMap(([track, other]) => {
    const { last, isEnded } = other.window
    return other === own || isEnded || last === undefined ? [] : [{ track, ...last }]
  })
}
