// Bouquets and services out of a receiver's answers, in the shapes of all images.
import { AppError } from '../base/errors.ts'
import { fieldsOf, listOf, textOf, type Answer, type Fields, type Value } from './answer.ts'
import { cleanLine, unescapeHtml } from './text.ts'

export interface BouquetRow {
  readonly ref: string
  readonly name: string
}

export interface ServiceRow {
  readonly ref: string
  readonly name: string
  /** Path of the picon on the receiver's web port; '' if it has none, undefined if it does not say. */
  readonly picon?: string | undefined
}

/** The bouquets: pairs in JSON, also where an old image answers `getallservices` alike. */
export function readBouquets({ format, value }: Answer): BouquetRow[] {
  const fields = fieldsOf(value)
  const rows =
    format === 'json'
      ? demand(fields, 'bouquets')
      : [...inside(fields, 'bouquetlist', 'bouquet'), ...inside(fields, 'servicelist', 'service')]
  return rows.map((row) => bouquetOf(row, format)).filter(({ ref }) => ref !== '')
}

/** The content of a bouquet, markers and all, in its order. */
export function readServices({ format, value }: Answer): ServiceRow[] {
  const fields = fieldsOf(value)
  const rows = format === 'json' ? demand(fields, 'services') : demandXml(fields)
  return rows.map((row) => serviceOf(fieldsOf(row), format)).filter(({ ref }) => ref !== '')
}

/** All bouquets with their content. */
export function readAllServices({ format, value }: Answer): Array<BouquetRow & { services: ServiceRow[] }> {
  const fields = fieldsOf(value)
  const list = fieldsOf(fields.servicelistrecursive)
  const rows =
    format === 'json' ? demand(fields, 'services') : [...listOf(list.service), ...listOf(list.bouquet)]
  return rows.map(fieldsOf).map((row) => ({
    ref: textOf(row, 'servicereference').trim(),
    name: cleanLine(textOf(row, 'servicename')),
    services: (format === 'json' ? listOf(row.subservices) : inside(row, 'servicelist', 'service'))
      // Names are not escaped here, unlike in `getservices`: `<n/a>` stands as it is.
      .map((inner) => serviceOf(fieldsOf(inner), 'xml')),
  }))
}

function bouquetOf(row: Value, format: Answer['format']): BouquetRow {
  if (format === 'xml') {
    const fields = fieldsOf(row)
    return {
      ref: textOf(fields, 'servicereference').trim(),
      name: cleanLine(textOf(fields, 'servicename')),
    }
  }
  const [ref, name] = listOf(row)
  return {
    ref: typeof ref === 'string' ? unescapeHtml(ref).trim() : '',
    name: typeof name === 'string' ? cleanLine(unescapeHtml(name)) : '',
  }
}

function serviceOf(row: Fields, format: Answer['format']): ServiceRow {
  const name = textOf(row, 'servicename')
  return {
    ref: textOf(row, 'servicereference').trim(),
    name: cleanLine(format === 'json' ? unescapeHtml(name) : name),
    picon: piconOf(row.picon),
  }
}

// The box's own default picture stands for every service without a picon: it is none.
function piconOf(value: Value | undefined): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' && value.startsWith('/') && !value.includes('default_picon') ? value : ''
}

function inside(fields: Fields, list: string, item: string): readonly Value[] {
  return listOf(fieldsOf(fields[list])[item])
}

function demand(fields: Fields, name: string): readonly Value[] {
  if (!(name in fields)) throw new AppError('RECEIVER_BROKEN', { reason: `it names no ${name}` })
  return listOf(fields[name])
}

function demandXml(fields: Fields): readonly Value[] {
  if (!('servicelist' in fields)) throw new AppError('RECEIVER_BROKEN', { reason: 'it names no services' })
  return inside(fields, 'servicelist', 'service')
}
