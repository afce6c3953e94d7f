// How the box writes: the two OpenWebIF dialects, Python 2 or 3 under them, and their escapes.
// Facts from recorded answers: see test/demo/web.test.ts for the shapes.

export interface WebStyle {
  /** A: E2OpenPlugins 1.x. B: oe-alliance 2.x, which knows the relay. */
  readonly dialect: 'A' | 'B'
  /** Python 2 boxes: keys in any order, no indent, apostrophes not escaped, line breaks of DVB left in. */
  readonly isPython2: boolean
  /** JSON as Latin-1 bytes under `text/plain`, as some old images send it. */
  readonly isLatin1: boolean
  /** Services with name and reference only, as a Vu+ Ultimo sends them. */
  readonly hasShortServices: boolean
  /** `off`: no login. `basic`: login. `forbidden`: 403 for everyone, as from a foreign network. */
  readonly auth: 'off' | 'basic' | 'forbidden'
  readonly user: string
  readonly password: string
  /** The session that stream.m3u hands out as user `-sid`; a login is put there without it. */
  readonly sessionId: string | undefined
  /** Does the stream port want a login as well? */
  readonly hasStreamAuth: boolean
  /** Pages that this image does not have: 404. */
  readonly absent: readonly string[]
  /** How long the box takes for an answer. */
  readonly delayMs: number
}

export const defaultStyle: WebStyle = {
  dialect: 'B',
  isPython2: false,
  isLatin1: false,
  hasShortServices: false,
  auth: 'off',
  user: 'root',
  password: 'demo',
  sessionId: undefined,
  hasStreamAuth: false,
  absent: [],
  delayMs: 15,
}

export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined }

/** JSON as the box writes it. */
export function formatJson(value: Json, style: WebStyle): { type: string; body: Buffer } {
  const text = style.isPython2
    ? spaced(shuffled(value))
    : JSON.stringify(value, null, style.dialect === 'A' ? 2 : 1)
  if (style.isLatin1) return { type: 'text/plain', body: Buffer.from(text, 'latin1') }
  const ascii = text.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return { type: 'application/json; charset=utf-8', body: Buffer.from(ascii) }
}

/** An XML document as the box writes it: no charset in the type, UTF-8 inside. */
export function formatXml(root: string): { type: string; body: Buffer } {
  return { type: 'text/xml', body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`) }
}

/** One element; children are written as they are. */
export function element(name: string, ...children: readonly string[]): string {
  return `<${name}>${children.join('')}</${name}>`
}

/** One element with text; null is the word None, as Python prints it. */
export function textElement(name: string, value: string | number | boolean | null): string {
  const text =
    value === null ? 'None' : typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value)
  return element(name, escapeXml(text))
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Strings of guide and services inside JSON are escaped for HTML. */
export function escapeHtml(text: string, style: WebStyle): string {
  const escaped = escapeXml(text).replaceAll('"', '&quot;')
  return style.isPython2 ? escaped : escaped.replaceAll("'", '&#x27;')
}

/** Python 2 kept dictionaries in the order of their hashes: any order will do, so long as it is another. */
function shuffled(value: Json): Json {
  if (isList(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  const turned = Object.entries(value).sort(([a], [b]) => (turn(a) < turn(b) ? -1 : 1))
  return Object.fromEntries(
    turned.map(([key, inner]) => [key, inner === undefined ? undefined : shuffled(inner)]),
  )
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function turn(key: string): string {
  return [...key].reverse().join('')
}

/** On one line, with a blank behind each comma and colon. */
function spaced(value: Json): string {
  if (isList(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const rows = Object.entries(value).flatMap(([key, inner]) =>
    inner === undefined ? [] : [`${JSON.stringify(key)}: ${spaced(inner)}`],
  )
  return `{${rows.join(', ')}}`
}
