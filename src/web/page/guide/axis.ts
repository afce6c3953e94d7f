// Where a moment lies in the grid. One day, from midnight to midnight of this browser's time zone.

const quarterS = 900
const hourS = 3600

export interface Axis {
  /** Unix seconds. */
  readonly from: number
  readonly to: number
  readonly pixelsPerHour: number
}

/** Of the day that holds this moment; days with a change of the clock are shorter or longer. */
export function axisOf(at: number, pixelsPerHour: number): Axis {
  const start = new Date(at * 1000)
  const from = start.setHours(0, 0, 0, 0) / 1000
  const to = start.setDate(start.getDate() + 1) / 1000
  return { from, to, pixelsPerHour }
}

/** Pixels from the left edge; moments outside of the day lie at its edges. */
export function place({ from, to, pixelsPerHour }: Axis, at: number): number {
  return ((Math.min(to, Math.max(from, at)) - from) / hourS) * pixelsPerHour
}

/** The moment at a place. */
export function moment({ from, pixelsPerHour }: Axis, pixels: number): number {
  return from + (pixels / pixelsPerHour) * hourS
}

/** Every half hour of the day. */
export function ticks({ from, to }: Axis): number[] {
  const step = 2 * quarterS
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => from + at * step)
}

interface Span {
  readonly start: number
  readonly stop: number
}

/** The one of them that is on at this moment, else the nearest. -1 if there are none. */
export function nearest(spans: readonly Span[], at: number): number {
  const distance = ({ start, stop }: Span) => (at < start ? start - at : at >= stop ? at - stop + 1 : 0)
  return spans.reduce(
    (best, span, index) => (best === -1 || distance(span) < distance(spans[best] ?? span) ? index : best),
    -1,
  )
}
