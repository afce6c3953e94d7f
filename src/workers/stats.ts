// What the remuxers of one stream have seen together: a stream has one for each connection to its source.
import type { RemuxStats, TrackStats } from './native.ts'

/** The counts of both; all else as the later one saw it, which alone says what tracks there are. */
export function addStats(past: RemuxStats | undefined, now: RemuxStats): RemuxStats {
  if (past === undefined) return now
  return {
    ...now,
    bytesIn: past.bytesIn + now.bytesIn,
    bytesOut: past.bytesOut + now.bytesOut,
    packetsIn: past.packetsIn + now.packetsIn,
    syncLosses: past.syncLosses + now.syncLosses,
    skippedBytes: past.skippedBytes + now.skippedBytes,
    nullPackets: past.nullPackets + now.nullPackets,
    droppedPackets: past.droppedPackets + now.droppedPackets,
    teiPackets: past.teiPackets + now.teiPackets,
    invalidPackets: past.invalidPackets + now.invalidPackets,
    duplicates: past.duplicates + now.duplicates,
    continuityErrors: past.continuityErrors + now.continuityErrors,
    scrambledPackets: past.scrambledPackets + now.scrambledPackets,
    psiErrors: past.psiErrors + now.psiErrors,
    pmtVersions: past.pmtVersions + now.pmtVersions,
    accessPoints: past.accessPoints + now.accessPoints,
    discontinuities: past.discontinuities + now.discontinuities,
    tracks: now.tracks.map((track) => addTrack(past.tracks, track)),
  }
}

function addTrack(before: readonly TrackStats[], now: TrackStats): TrackStats {
  const past = before.find(({ pid, language }) => pid === now.pid && language === now.language)
  if (past === undefined) return now
  return {
    ...now,
    framesIn: past.framesIn + now.framesIn,
    framesOut: past.framesOut + now.framesOut,
    decodeErrors: past.decodeErrors + now.decodeErrors,
    lostFrames: past.lostFrames + now.lostFrames,
    silenceSamples: past.silenceSamples + now.silenceSamples,
    droppedSamples: past.droppedSamples + now.droppedSamples,
    reanchors: past.reanchors + now.reanchors,
    clockErrorTicks: Math.max(past.clockErrorTicks, now.clockErrorTicks),
  }
}
