// The arithmetic of one receiver's tuners: what it has, what it does with them itself, what is left for us.
// A transponder that both we and the receiver use takes one tuner, so transponders are counted, not users.
import type { Capacity } from '../receiver/occupancy.ts'

/** What of a receiver's tuners is not ours. */
export interface Tally {
  /** Undefined where the receiver does not say. */
  readonly total: number | undefined
  /** The transponder of the living room's television. */
  readonly tv: string | undefined
  /** Transponders that the receiver uses for itself and for others; we may use them too. */
  readonly foreign: ReadonlySet<string>
  /** Tuners that do something of which no more is known. */
  readonly strangers: number
}

/** How many tuners may be used. */
export interface TunerLimits {
  /** Ours at most. */
  readonly limit: 'auto' | number
  /** Kept free for the living room. */
  readonly reserved: number
}

export const unknownTally: Tally = { total: undefined, tv: undefined, foreign: new Set(), strangers: 0 }

/** Takes apart what the receiver says when we use `transponders` for `services`. Those that we have just
 *  given back belong to both: receivers go on naming them for a while. */
export function tallyOf(
  { tuners, occupied, uses }: Capacity,
  transponders: ReadonlySet<string>,
  services: ReadonlySet<string>,
): Tally {
  const others = uses.filter(({ purpose, service }) => purpose !== 'stream' || !services.has(service))
  const foreign = new Set(others.map(({ transponder }) => transponder))
  return {
    total: tuners === 0 ? undefined : tuners,
    tv: others.find(({ purpose }) => purpose === 'tv')?.transponder,
    foreign,
    strangers: Math.max(0, occupied - new Set([...foreign, ...transponders]).size),
  }
}

/** Tuners that the receiver uses and we do not. */
export function takenByReceiver({ foreign, strangers }: Tally, ours: ReadonlySet<string>): number {
  return [...foreign].filter((transponder) => !ours.has(transponder)).length + strangers
}

/** What has still to be kept free: a living room that watches television has its tuner, unless we share it
 *  and it could not leave. */
export function stillReserved({ tv }: Tally, ours: ReadonlySet<string>, reserved: number): number {
  return tv === undefined || ours.has(tv) ? reserved : Math.max(0, reserved - 1)
}

/** How many tuners are missing for us to use these transponders; 0 if it can be done. */
export function missingFor(
  tally: Tally,
  ours: ReadonlySet<string>,
  { limit, reserved }: TunerLimits,
): { byCount: number; byLimit: number } {
  const kept = stillReserved(tally, ours, reserved)
  const needed = ours.size + takenByReceiver(tally, ours) + kept
  return {
    byCount: Math.max(0, needed - (tally.total ?? Infinity)),
    byLimit: limit === 'auto' ? 0 : Math.max(0, ours.size - limit),
  }
}
