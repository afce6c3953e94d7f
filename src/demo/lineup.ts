// The bouquets as the box lists them: channels, and everything else that real lists hold and that is no
// channel (markers, alternatives, IPTV, HDMI input, relay entries, names that are none).
import { type Channel, type Kind, referenceKey } from './channels.ts'

export interface ServiceRow {
  readonly ref: string
  readonly name: string
}

export interface Bouquet extends ServiceRow {
  readonly isRadio: boolean
  readonly rows: readonly ServiceRow[]
}

// A service whose address is a relay on the box itself, with the real reference inside, quoted or not.
const relayEntry = /^1:.*https?(?:%3a|:)\/\/127\.0\.0\.1(?:%3a|:)\d+\/((?:[0-9a-f]+(?:%3a|:)){10})/i
const alternatives = bouquetRef('alternatives.testbild.tv', 134)

/** All bouquets of the box, TV first.
 *  @param streamPort  where the IPTV entry finds one of the channels */
export function bouquetsOf(channels: readonly Channel[], streamPort: number): Bouquet[] {
  const tv = channels.filter(({ isRadio }) => !isRadio).map(rowOf)
  const radio = channels.filter(({ isRadio }) => isRadio).map(rowOf)
  const hd = tv.filter(({ name }) => name.endsWith('HD'))
  const others = tv.filter(({ name }) => !name.endsWith('HD'))
  return [
    bouquet('Favourites (TV)', 'favourites.tv', [
      marker(0, 'In hoher Auflösung'),
      ...hd,
      marker(1, '-- Noch mehr --', 320),
      ...others,
    ]),
    bouquet('Kino & Küche', 'kino.tv', [...hd, marker(0, 'unsichtbar', 832)]),
    bouquet('Sonderlinge', 'sonderlinge.tv', oddRows(channels, streamPort)),
    bouquet('Leer', 'leer.tv', []),
    bouquet('Kino & Küche', 'kino2.tv', others),
    bouquet('Favourites (Radio)', 'favourites.radio', [marker(0, 'Nur Ton'), ...radio], true),
  ]
}

/** The reference behind alternatives and relay entries; any other comes back as it is. */
export function resolveReference(ref: string, channels: readonly Channel[]): string {
  if (ref.trim().startsWith('1:134:')) return channels[0]?.ref ?? ref
  const relayed = relayEntry.exec(ref.trim())?.[1]
  return relayed === undefined ? ref : relayed.replaceAll(/%3a/gi, ':')
}

/** The programme number of a reference, 0 for what is no DVB service. */
export function programNumber(ref: string): number {
  const fields = ref.trim().split(':')
  const isService = fields[0] === '1' && fields[1] === '0'
  return isService ? parseInt(fields[3] ?? '0', 16) || 0 : 0
}

export function isMarker(ref: string): boolean {
  return (Number(ref.split(':')[1]) & 64) !== 0
}

function oddRows(channels: readonly Channel[], streamPort: number): ServiceRow[] {
  const first = channels.at(0)
  const last = channels.at(-1)
  const rows: ServiceRow[] = [
    { ref: alternatives, name: 'Testbild (Alternativen)' },
    { ref: '8192:0:1:0:0:0:0:0:0:0:', name: 'HDMI-IN' },
    { ref: '1:0:16:33A6:3EB:1:C00000:0:0:0:', name: '<n/a>' },
    { ref: '1:0:16:332F:45B:1:C00000:0:0:0:', name: '.' },
  ]
  if (first === undefined || last === undefined) return rows
  const inner = (channel: Channel): string => referenceKey(channel.ref).replaceAll(':', '%3a')
  return [
    ...rows,
    {
      ref: `4097:0:1:0:0:0:0:0:0:0:http%3a//127.0.0.1%3a${streamPort}/${inner(first)}%3a:IPTV-Testbild`,
      name: 'IPTV-Testbild',
    },
    {
      ref: `${last.ref}http%3a//127.0.0.1%3a17999/${inner(last)}%3a:${last.name}`,
      name: `${last.name} (Relais)`,
    },
    { ref: last.ref.toLowerCase(), name: last.name.toLowerCase() },
  ]
}

function rowOf({ ref, name }: Channel): ServiceRow {
  return { ref, name }
}

function marker(number: number, name: string, flags = 64): ServiceRow {
  return { ref: `1:${flags}:${number}:0:0:0:0:0:0:0::${name}`, name }
}

function bouquet(name: string, file: string, rows: readonly ServiceRow[], isRadio = false): Bouquet {
  return { ref: bouquetRef(`userbouquet.${file}`), name, isRadio, rows }
}

function bouquetRef(file: string, flags = 7): string {
  return `1:${flags}:1:0:0:0:0:0:0:0:FROM BOUQUET "${file}" ORDER BY bouquet`
}

/** Channels of a lineup that the relay serves: those that its whitelist names. */
export function isRelayed({ kind }: { kind: Channel['kind'] }): boolean {
  const relayed: ReadonlyArray<Kind | 'file'> = ['hevc', 'switching']
  return relayed.includes(kind)
}
