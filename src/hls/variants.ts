// What a player can choose from: a channel as it is configured, and with the broadcast's own sound where that is worth
// something by itself. The latter costs nothing until somebody plays it.
import type { PackagedTrack } from '../workers/packaging.ts'
import type { Lore } from './lore.ts'
import type { Variant } from './multivariant.ts'
import { ticksPerSecond } from './segment.ts'
import type { Session } from './session.ts'

/** Until the first segments have been measured, the busiest one to come is taken to be so much busier. */
const peakMargin = 1.5
const measuredEnoughTicks = 30 * ticksPerSecond
/** The most that AC-3 takes, bit/s. Source: ATSC A/52, table 5.18. */
const surroundBitrate = 640_000

/** @param session  of the configured sound, its tracks known */
export function variantsOf(session: Session, { peak, original = [] }: Lore): Variant[] {
  const main = mainVariant(session, peak)
  const { kind, rates } = main
  if (!original.some(isSurround)) return [main]
  const more = (rate: number) => rate + surroundBitrate
  const further = { peak: more(rates.peak), average: more(rates.average) }
  return [main, { kind: { ...kind, sound: 'original' }, tracks: original, rates: further }]
}

function mainVariant({ kind, tracks }: Session, knownPeak = 0): Variant {
  const all = [...tracks.values()].filter(({ window }) => !window.isEnded)
  const main = tracks.get(0)
  const others = all.filter((track) => track !== main).map(({ rates }) => rates)
  const measured = main?.rates ?? { peak: 0, average: 0 }
  const isSure = knownPeak > 0 || (main?.measuredTicks ?? 0) >= measuredEnoughTicks
  const peak = Math.max(knownPeak, isSure ? measured.peak : Math.round(measured.peak * peakMargin))
  const most = (key: 'peak' | 'average') => Math.max(0, ...others.map((rates) => rates[key]))
  return {
    kind,
    tracks: all.map(({ about }) => about),
    rates: { peak: peak + most('peak'), average: measured.average + most('average') },
  }
}

function isSurround({ codecs }: PackagedTrack): boolean {
  return /\b(?:ac-3|ec-3)\b/.test(codecs)
}
