// Times and amounts as people read them, by the browser's language.

const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

const minuteS = 60
const hourS = 3600
const dayS = 86_400

/** Unix seconds, now. */
export function now(): number {
  return Math.floor(Date.now() / 1000)
}

/** `20:15` @param at  unix seconds */
export function clock(at: number): string {
  return clockFormat.format(at * 1000)
}

/** `20:15 – 21:45` */
export function span({ start, stop }: { start: number; stop: number }): string {
  return `${clock(start)} – ${clock(stop)}`
}

/** `Today`, `Tomorrow`, `Thu, 4 Dec` */
export function day(at: number, from = now()): string {
  const days = Math.round((midnight(at) - midnight(from)) / dayS)
  if (Math.abs(days) > 1) return dayFormat.format(at * 1000)
  const word = relative.format(days, 'day')
  return word.charAt(0).toUpperCase() + word.slice(1)
}

/** The local midnight before, unix seconds. */
export function midnight(at: number): number {
  return new Date(at * 1000).setHours(0, 0, 0, 0) / 1000
}

/** `3 days`, `2 h 5 min`, `40 s` */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < minuteS) return `${whole} s`
  if (whole < hourS) return `${Math.floor(whole / minuteS)} min`
  if (whole < 2 * dayS) {
    const minutes = Math.floor((whole % hourS) / minuteS)
    return `${Math.floor(whole / hourS)} h${minutes === 0 ? '' : ` ${minutes} min`}`
  }
  return `${Math.floor(whole / dayS)} days`
}

/** `5 minutes ago` @param at  anything that Date reads */
export function ago(at: string): string {
  const seconds = Math.round((Date.parse(at) - Date.now()) / 1000)
  const size = Math.abs(seconds)
  if (size < minuteS) return relative.format(seconds, 'second')
  if (size < hourS) return relative.format(Math.round(seconds / minuteS), 'minute')
  if (size < 2 * dayS) return relative.format(Math.round(seconds / hourS), 'hour')
  return relative.format(Math.round(seconds / dayS), 'day')
}

/** `9.8 Mbit/s` */
export function rate(bitsPerSecond: number): string {
  if (bitsPerSecond < 1e6) return `${Math.round(bitsPerSecond / 1000)} kbit/s`
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
}

/** `1.2 GB` */
export function size(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit] ?? ''}`
}

/** `1 channel`, `3 channels` */
export function count(amount: number, word: string): string {
  return `${amount.toLocaleString()} ${word}${amount === 1 ? '' : 's'}`
}

/** How much of it has passed, 0 .. 1. */
export function passed({ start, stop }: { start: number; stop: number }, at = now()): number {
  return Math.min(1, Math.max(0, (at - start) / Math.max(1, stop - start)))
}
