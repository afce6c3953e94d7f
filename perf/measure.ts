// What the benchmarks have in common: order statistics, and rounds in which contenders take turns.
import { randomOf } from './sound.ts'

/** A middle value and how far the others lie from it. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
  readonly count: number
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: percentile(values, 50),
    least: percentile(values, 0),
    most: percentile(values, 100),
    count: values.length,
  }
}

/** The value below which `percent` of the others lie, between neighbours where it falls between two.
 *  NaN of no values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort()
  const place = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(place)] ?? NaN
  const above = sorted[Math.ceil(place)] ?? NaN
  return below === above ? below : below + (above - below) * (place - Math.floor(place))
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The slope of the straight line nearest to the points: y per x. */
export function slope(points: readonly { x: number; y: number }[]): number {
  const x = mean(points.map((point) => point.x))
  const y = mean(points.map((point) => point.y))
  const across = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0)
  const along = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  return across / along
}

/** Measures every contender once in each round, each time in another order.
 *  @returns the values of each, by round */
export async function interleaved<Name extends string, Value>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<Value>,
): Promise<Record<Name, Value[]>> {
  const values = Object.fromEntries(names.map((name) => [name, [] as Value[]])) as Record<Name, Value[]>
  const random = randomOf(Date.now())
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names, random)) values[name].push(await measure(name, round))
  }
  return values
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item)
}
