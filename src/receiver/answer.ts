// The door for what OpenWebIF answers: JSON or XML, told apart by the first byte, both as plain values.
// XML becomes the shape that JSON would have had, without the `e2` in front of names.
import sax from 'sax'
import { AppError } from '../base/errors.ts'
import { decodeBytes } from './text.ts'

export type Value = string | number | boolean | null | readonly Value[] | Fields
export interface Fields {
  readonly [name: string]: Value | undefined
}

export interface Answer {
  readonly format: 'json' | 'xml'
  readonly value: Value
}

// Bounds for a box that sends nonsense; the largest real answers are below a tenth of them.
const deepest = 24
const mostElements = 2_000_000

// They make a document that no parser takes.
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g

/** Reads an answer. @throws RECEIVER_BROKEN for what is neither */
export function readAnswer(bytes: Uint8Array): Answer {
  const text = decodeBytes(bytes).replace(/^[\ufeff\s]+/, '')
  switch (text[0]) {
    case '{':
    case '[':
      return { format: 'json', value: readJson(text) }
    case '<':
      return { format: 'xml', value: readXml(text) }
    case undefined:
      throw new AppError('RECEIVER_BROKEN', { reason: 'it is empty' })
    default:
      throw new AppError('RECEIVER_BROKEN', { reason: 'it is neither JSON nor XML' })
  }
}

/** An object's fields; none of what is no object. */
export function fieldsOf(value: Value | undefined): Fields {
  return typeof value === 'object' && value !== null && !isList(value) ? value : {}
}

/** A list; one value alone is a list of one, as XML does not tell them apart. */
export function listOf(value: Value | undefined): readonly Value[] {
  if (value === undefined || value === null || value === '') return []
  return isList(value) ? value : [value]
}

/** The first of the fields that holds text; numbers and booleans count as such. '' if none does. */
export function textOf(fields: Fields, ...names: readonly string[]): string {
  for (const name of names) {
    const value = fields[name]
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  }
  return ''
}

/** The first of the fields that holds a number, also written as text; undefined if none does. */
export function numberOf(fields: Fields, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = fields[name]
    if (typeof value === 'number' && Number.isFinite(value)) return value
    if (typeof value === 'string' && /^\s*-?\d+(?:\.\d+)?\s*$/.test(value)) return Number(value)
  }
  return undefined
}

/** The first of the fields that says yes or no: booleans, "true", "False", 0 and 1. */
export function flagOf(fields: Fields, ...names: readonly string[]): boolean | undefined {
  const word = textOf(fields, ...names)
    .trim()
    .toLowerCase()
  if (word === 'true' || word === '1') return true
  return word === 'false' || word === '0' ? false : undefined
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function readJson(text: string): Value {
  try {
    return JSON.parse(text) as Value
  } catch {
    // Old boxes leave control characters in strings, line breaks among them.
    return parseJson(text.replace(controls, '').replace(/[\r\n\t]/g, ' '))
  }
}

function parseJson(text: string): Value {
  try {
    return JSON.parse(text) as Value
  } catch (cause) {
    throw new AppError('RECEIVER_BROKEN', { cause, reason: 'it is broken JSON' })
  }
}

interface Open {
  readonly name: string
  readonly children: Record<string, Value | Value[]>
  text: string
}

// Not strict: broadcasts put a raw `&` into text, and a missing end tag must not cost the whole answer.
function readXml(text: string): Value {
  const parser = sax.parser(false, { lowercase: true, trim: false })
  const root: Open = { name: '', children: Object.create(null) as Open['children'], text: '' }
  const path: Open[] = [root]
  let elements = 0
  parser.onopentag = ({ name, attributes }) => {
    if (++elements > mostElements || path.length > deepest)
      throw new AppError('RECEIVER_BROKEN', { reason: 'it is larger or deeper than any real one' })
    const open: Open = { name: plain(name), children: Object.create(null) as Open['children'], text: '' }
    const parent = path.at(-1)
    for (const [attribute, value] of Object.entries(attributes))
      if (parent !== undefined) add(parent, `${open.name}${attribute}`, String(value))
    path.push(open)
  }
  const onText = (piece: string): void => {
    const open = path.at(-1)
    if (open !== undefined) open.text += piece
  }
  parser.ontext = onText
  parser.oncdata = onText
  parser.onclosetag = () => {
    const closed = path.length > 1 ? path.pop() : undefined
    const parent = path.at(-1)
    if (closed !== undefined && parent !== undefined) add(parent, closed.name, valueOf(closed))
  }
  parser.onerror = () => {
    parser.resume()
  }
  parser.write(text.replace(controls, '')).close()
  if (elements === 0 || !/<e2|<\?xml/i.test(text.slice(0, 2048)))
    throw new AppError('RECEIVER_BROKEN', { reason: 'it is a page for people' })
  return root.children
}

function valueOf({ children, text }: Open): Value {
  if (Object.keys(children).length > 0) return children
  const value = text.trim()
  return value === 'None' ? null : value // Python's word for nothing
}

function add({ children }: Open, name: string, value: Value): void {
  const before = children[name]
  if (before === undefined) children[name] = value
  else if (Array.isArray(before)) before.push(value)
  else children[name] = [before, value]
}

/** `e2servicename` -> `servicename`. */
function plain(name: string): string {
  return name.replace(/^e2(?=.)/, '')
}
