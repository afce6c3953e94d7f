// Enigma2 service references: `type:flags:servicetype:SID:TSID:ONID:NAMESPACE:parentSID:parentTSID:unused:[path][:name]`.
// Type and flags are decimal, the other eight fields hexadecimal. Says what a reference is; dials nothing.
import { expected } from '../base/errors.ts'

/** What a reference stands for. Only `service` and `alternatives` can be played through the stream server. */
export type ReferenceKind = 'service' | 'alternatives' | 'marker' | 'directory' | 'file' | 'iptv'

export interface Reference {
  readonly kind: ReferenceKind
  /** The first ten fields: upper case, no leading zeros. */
  readonly fields: readonly string[]
  /** What follows the ten fields: a bouquet query, a file or a URL; decoded, '' for a plain service. */
  readonly path: string
  readonly name: string
}

const longestReference = 1024 // characters; the longest real ones (IPTV with a token) stay below 600
const isMarkerFlag = 64
const isGroupFlag = 128
const isDirectoryFlags = 7
const dvbTypes = ['1', '8192'] // 8192: HDMI input
const reference = /^(\d{1,10}:\d{1,10}(?::[0-9a-f]{1,8}){8})(?::(.*))?$/i
const relayed = /^https?:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?\/(.+)$/is

/** Reads a reference as it stands in a bouquet, a playlist or a decoded URL path.
 *  A relay entry (a URL on the box's own loopback around another reference) becomes the inner reference.
 *  @throws BAD_REQUEST naming what was expected */
export function parseReference(text: string): Reference {
  const match = text.length <= longestReference ? reference.exec(text.trim()) : null
  if (match === null || hasControl(match[0]))
    throw expected('a service reference of ten fields', 'reference', text)
  const fields = (match[1] ?? '').split(':').map(field)
  const rest = match[2] ?? ''
  const inner = relayed.exec(decode(rest))?.[1]
  if (inner !== undefined) return { ...parseReference(decode(inner)), name: nameAfter(rest) }

  const path = pathOf(rest)
  const kind = kindOf(fields, path)
  if (kind === 'service' && !isService(fields))
    throw expected('a reference with a service id', 'reference', text)
  return {
    kind,
    fields,
    path: kind === 'service' ? '' : path,
    name: kind === 'service' ? rest.replace(/^:/, '') : nameAfter(rest),
  }
}

/** Does this look like a service reference, so that a mistake in it deserves an explanation? */
export function isReferenceLike(text: string): boolean {
  return /^\s*\d+:\d+:/.test(text)
}

/** The path of a request without its slash, percent-decoded: once, or twice where a player encoded it
 *  twice. A broken encoding stays as it is. */
export function decodePath(path: string): string {
  const once = decode(path.replace(/^\//, ''))
  return once.includes(':') ? once : decode(once)
}

/** The reference as a receiver writes it, without the name: a plain service ends with `:`. */
export function formatReference({ fields, path }: Reference): string {
  return `${fields.join(':')}:${path.replaceAll('%', '%25').replaceAll(':', '%3a')}`
}

/** The path under which a reference stands in an address: encoded but for its colons, which players and
 *  people know it by. */
export function referencePath(ref: string): string {
  return `/${encodeURIComponent(ref).replaceAll('%3A', ':')}`
}

/** What two references of one service share: the ten fields, without the name. */
export function referenceKey({ fields }: Reference): string {
  return fields.join(':')
}

/** The programme to pick from the PAT: the service id. 0 where the reference names none. */
export function programNumber({ fields }: Reference): number {
  return Number.parseInt(fields[3] ?? '0', 16)
}

/** What one tuner receives at a time: transport stream, network and namespace, which services share.
 *  Alternatives have one of their own, since it is not known which service they will be. Undefined for what
 *  takes no tuner (IPTV, files, the HDMI input). */
export function transponderOf(reference: Reference): string | undefined {
  if (reference.kind === 'alternatives') return formatReference(reference)
  const transponder = reference.fields.slice(4, 7).join(':')
  return reference.kind === 'service' && transponder !== '0:0:0' ? transponder : undefined
}

function field(text: string): string {
  return text.toUpperCase().replace(/^0+(?=.)/, '')
}

function kindOf(fields: readonly string[], path: string): ReferenceKind {
  const flags = Number(fields[1])
  if (flags & isMarkerFlag) return 'marker'
  if (flags & isGroupFlag) return 'alternatives'
  if (flags & isDirectoryFlags) return 'directory'
  if (path.startsWith('/')) return 'file'
  if (!dvbTypes.includes(fields[0] ?? '') || /^[a-z]+:\/\//i.test(path)) return 'iptv'
  return 'service'
}

// A service id is 16 bits wide and never 0; the HDMI input has none.
function isService(fields: readonly string[]): boolean {
  const sid = Number.parseInt(fields[3] ?? '', 16)
  return fields[0] === '8192' || (sid > 0 && sid <= 0xffff)
}

// `path:name`, where colons inside the path are written %3a. A URL that came with bare colons
// (a player decoded it) keeps them all: its name cannot be told apart any more.
function pathOf(rest: string): string {
  if (/^[a-z]+:\/\//i.test(rest)) return rest
  return decode(rest.split(':', 1)[0] ?? '')
}

function nameAfter(rest: string): string {
  const colon = rest.lastIndexOf(':')
  return colon < 0 ? '' : rest.slice(colon + 1)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\x7f')
}
