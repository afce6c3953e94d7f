// Values with units, read from text at the edge (settings, command line, query) and written back.
// Absence of a meaning is `undefined`; who asked makes the error, since only they know the name.

/** Where to listen. `host` is undefined for every address of the machine. */
export interface Listen {
  readonly host: string | undefined
  readonly port: number
}

/** `192k`, `192000` or `1.5M` in bit/s. */
export function parseBitrate(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/i.exec(text.trim())
  if (match === null) return undefined
  const bits = Number(match[1]) * { '': 1, k: 1e3, m: 1e6 }[(match[2] ?? '').toLowerCase() as '' | 'k' | 'm']
  return Number.isSafeInteger(bits) && bits > 0 ? bits : undefined
}

/** Bit/s as `192k` where it is whole thousands. */
export function formatBitrate(bits: number): string {
  return bits % 1000 === 0 ? `${bits / 1000}k` : String(bits)
}

/** `:8080`, `8080`, `127.0.0.1:8080`, `[::1]:8080`; port 0 lets the system choose. */
export function parseListen(text: string): Listen | undefined {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+))?:)?(\d{1,5})$/i.exec(text.trim())
  if (match === null) return undefined
  const port = Number(match[3])
  if (port > 65535) return undefined
  return { host: match[1] ?? match[2], port }
}

export function formatListen({ host, port }: Listen): string {
  if (host === undefined) return `:${port}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const msPer = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `5s`, `2m`, `1h`, `7d` in milliseconds; a bare number is seconds. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim())
  if (match === null) return undefined
  const ms = Number(match[1]) * msPer[(match[2] ?? 's') as keyof typeof msPer]
  return Number.isFinite(ms) ? Math.round(ms) : undefined
}

/** Milliseconds in the largest unit of which they are a whole number. */
export function formatDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((one) => ms > 0 && ms % msPer[one] === 0) ?? 'ms'
  return `${ms / msPer[unit]}${unit}`
}

/** `0660` or `660`: permissions of a file, in octal digits. */
export function parseMode(text: string): number | undefined {
  return /^0?[0-7]{3}$/.test(text.trim()) ? Number.parseInt(text, 8) : undefined
}

/** Permissions as `0660`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** true/false, yes/no, on/off, 1/0. */
export function parseFlag(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (['true', 'yes', 'on', '1'].includes(word)) return true
  return ['false', 'no', 'off', '0'].includes(word) ? false : undefined
}

/** Comma-separated words, blanks dropped. */
export function parseList(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
