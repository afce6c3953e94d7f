// The texts of SSDP: searches as they come, and what we say of a device. Knows no sockets.
// Source: UPnP Device Architecture 1.0, section 1.
import { release, type } from 'node:os'
import { version } from '../base/version.ts'
import type { Device } from './device.ts'
import { baseUrl } from './location.ts'

export const ssdpGroup = '239.255.255.250'

/** How long what we say counts, in s. */
export const maxAge = 1800

/** Somebody looks for devices. */
export interface Search {
  /** What they look for. */
  readonly target: string
  /** The most that an answer may be delayed, in s: 1 .. 5. */
  readonly mostDelay: number
}

const rootDevice = 'upnp:rootdevice'
const mediaServer = 'urn:schemas-upnp-org:device:MediaServer:1'
const searchLine = 'M-SEARCH * HTTP/1.1\r\n'
const mostSearchBytes = 1500
const server = `${type()}/${release().split('.').slice(0, 2).join('.')} UPnP/1.0 xg2g/${version}`

/** Does the datagram begin as a search does? */
export function isSearch(datagram: Buffer): boolean {
  return datagram.toString('latin1', 0, searchLine.length) === searchLine
}

/** The search in a datagram; undefined if it is none that is sound. */
export function parseSearch(datagram: Buffer): Search | undefined {
  if (!isSearch(datagram) || datagram.length > mostSearchBytes) return undefined
  const headers = headersOf(datagram.toString('latin1'))
  const target = headers.get('st')
  if (headers.get('man') !== '"ssdp:discover"' || !target) return undefined
  const most = Number(headers.get('mx'))
  return { target, mostDelay: most >= 1 ? Math.min(5, most) : 1 }
}

/** The responses to a search, one for each target that it means.
 *  @param address  of ours, where the one who asks reaches us */
export function responsesTo({ target }: Search, devices: readonly Device[], address: string): Buffer[] {
  return devices.flatMap((device) =>
    targetsOf(device)
      .filter((own) => target === 'ssdp:all' || target === own)
      .map((own) =>
        message('HTTP/1.1 200 OK', [
          ['CACHE-CONTROL', `max-age=${maxAge}`],
          ['DATE', new Date().toUTCString()],
          ['EXT', ''],
          ...describe(device, address),
          ['ST', own],
          ['USN', nameOf(device, own)],
        ]),
      ),
  )
}

/** That a device is here, one message for each of its targets. */
export function alive(device: Device, address: string): Buffer[] {
  return notify(device, 'ssdp:alive', [['CACHE-CONTROL', `max-age=${maxAge}`], ...describe(device, address)])
}

/** That a device goes, one message for each of its targets. */
export function byebye(device: Device): Buffer[] {
  return notify(device, 'ssdp:byebye', [])
}

type Header = readonly [name: string, value: string]

function notify(device: Device, kind: string, more: readonly Header[]): Buffer[] {
  return targetsOf(device).map((own) =>
    message('NOTIFY * HTTP/1.1', [
      ['HOST', `${ssdpGroup}:1900`],
      ...more,
      ['NT', own],
      ['NTS', kind],
      ['USN', nameOf(device, own)],
    ]),
  )
}

function describe(device: Device, address: string): Header[] {
  return [
    ['LOCATION', `${baseUrl(device, address)}/device.xml`],
    ['SERVER', server],
  ]
}

function targetsOf({ udn }: Device): string[] {
  return [rootDevice, `uuid:${udn}`, mediaServer]
}

function nameOf({ udn }: Device, target: string): string {
  const uuid = `uuid:${udn}`
  return target === uuid ? uuid : `${uuid}::${target}`
}

function message(start: string, headers: readonly Header[]): Buffer {
  return Buffer.from(
    [start, ...headers.map(([name, value]) => `${name}: ${value}`.trimEnd()), '', ''].join('\r\n'),
  )
}

function headersOf(text: string): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return headers
}
