// What single settings may be: the values that only one or two of them have. Those of many are in setting.ts.
import { availableParallelism } from 'node:os'
import { isDeviceId, repairDeviceId } from './deviceid.ts'
import { parseDestination, parseNetwork } from './network.ts'
import { durationOrOff, list, parseAddress, parseWhole, read } from './setting.ts'
import { parseBitrate, parseMode } from './units.ts'

const mostLanguages = 16 // what a stream's profile takes
export const bitrate = read('a bitrate between 32k and 512k such as 192k', (value) => {
  const bits = parseBitrate(value)
  return bits !== undefined && bits >= 32_000 && bits <= 512_000 ? bits : undefined
})
export const languages = list('three-letter languages (ISO 639-2) such as deu,eng', (word) =>
  /^[a-z]{3}$/.test(word) ? word : undefined,
).refine((all) => all.length <= mostLanguages, `at most ${mostLanguages} languages`)
export const networks = list('addresses or networks such as 192.168.0.0/16', parseNetwork)
export const destinations = list(
  'hosts, addresses or networks such as box.lan:8001 or 192.168.1.0/24',
  (word) => (parseDestination(word) === undefined ? undefined : word),
)
export const origins = list('origins such as https://tv.example.org, or *', (word) =>
  word === '*' || URL.parse(word)?.origin === word ? word : undefined,
)
export const token = read('a token of at least 8 characters without blanks', (value) =>
  /^[\x21-\x7e]{8,256}$/.test(value) ? value : undefined,
)
export const bouquets = list('names or references of bouquets', (word) =>
  /^[^\x00-\x1f]{1,200}$/.test(word) ? word : undefined,
)
export const workers = read('auto or a whole number from 1 to 256', (value) =>
  value === 'auto' ? Math.max(1, availableParallelism() - 1) : parseWhole(value, 1, 256),
)

export const tuners = read('auto or a whole number from 1 to 64', (value) =>
  value === 'auto' ? value : parseWhole(value, 1, 64),
)
export const receivers = list('http:// or https:// addresses of receivers', parseAddress)
export const deviceId = read(
  (value) => `8 hex digits with a right check digit such as ${repairDeviceId(value.trim())}`,
  (value) => (isDeviceId(value.trim()) ? value.trim().toUpperCase() : undefined),
)
export const deviceNetworks = list('private, or addresses and networks such as 192.168.0.0/16', (word) =>
  word === 'private' ? word : parseNetwork(word),
)

export const socketPath = read('off or a path with a slash in it such as /run/xg2g/remux.sock', (value) => {
  const path = value.trim()
  if (path === 'off' || path === 'false') return 'off' // YAML 1.1 reads off as false
  return /^[^\0]*\/[^\0/]+$/.test(path) ? path : undefined
})
export const socketMode = read(
  'three octal digits that let the owner read and write such as 0660',
  (value) => {
    const mode = parseMode(value)
    return mode !== undefined && (mode & 0o600) === 0o600 ? mode : undefined
  },
)
const systemName = /^[^\s:,/]{1,64}$/ // of a user or a group, or its number
export const socketGroup = read('the name or number of a group', (value) =>
  systemName.test(value.trim()) ? value.trim() : undefined,
)
export const socketUsers = list('names or numbers of users such as tv,1000', (word) =>
  systemName.test(word) ? word : undefined,
)

export const hlsPart = durationOrOff(100, 2000, 'off or a time from 100ms to 2s such as 200ms')
export const hlsDvr = durationOrOff(60_000, 4 * 3_600_000, 'off or a time from 1m to 4h such as 2h')
