// The kinds of damage that are counted while a stream runs. The worker counts them into the header
// of the output ring, one counter for each kind in this order; main reads them without a message.
import type { RemuxStats, TrackStats } from './native.ts'

export const damageKinds = [
  'sync',
  'skipped',
  'tei',
  'duplicate',
  'continuity',
  'scrambled',
  'psi',
  'decode',
  'lost',
  'silence',
  'reanchor',
] as const
export type DamageKind = (typeof damageKinds)[number]

/** Counts by kind. skipped is bytes, scrambled packets, silence samples, the others events. */
export type Damage = Record<DamageKind, number>

const errorKinds = ['sync', 'tei', 'continuity', 'psi', 'decode'] as const satisfies DamageKind[]

/** A remuxer's counts by kind. */
export function damageOf(stats: RemuxStats): Damage {
  const sum = (of: (track: TrackStats) => number) => stats.tracks.reduce((all, track) => all + of(track), 0)
  return {
    sync: stats.syncLosses,
    skipped: stats.skippedBytes,
    tei: stats.teiPackets,
    duplicate: stats.duplicates,
    continuity: stats.continuityErrors,
    scrambled: stats.scrambledPackets,
    psi: stats.psiErrors,
    decode: sum((track) => track.decodeErrors),
    lost: sum((track) => track.lostFrames),
    silence: sum((track) => track.silenceSamples),
    reanchor: sum((track) => track.reanchors),
  }
}

/** Faults of the source among the damage; what follows from them or is no fault is left out. */
export function errorsOf(damage: Damage): number {
  return errorKinds.reduce((all, kind) => all + damage[kind], 0)
}

/** A count for each kind. */
export function eachDamage(count: (kind: DamageKind, counter: number) => number): Damage {
  return Object.fromEntries(damageKinds.map((kind, counter) => [kind, count(kind, counter)])) as Damage
}
