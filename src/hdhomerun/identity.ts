// Who a virtual device is. All of it follows from its id, so that nothing else has to be kept.
import { createHash } from 'node:crypto'
import { deriveDeviceId } from '../base/deviceid.ts'
import type { Device } from './device.ts'

/** In no need of a promise: `HDTC` in it would announce hardware transcoding. */
export const model = 'HDHR5-4DT'
export const firmware = '20250506'

/** @param id     of the first device of the house
 *  @param index  of this one, 0 for the first */
export function identityOf(id: string, index: number): Pick<Device, 'id' | 'udn' | 'auth' | 'path'> {
  const own = deriveDeviceId(id, index)
  return {
    id: own,
    udn: uuidOf(`xg2g udn ${own}`),
    auth: createHash('sha256').update(`xg2g auth ${own}`).digest('hex').slice(0, 24),
    path: index === 0 ? '' : `/${own}`,
  }
}

// Version 8, variant 1. Source: RFC 9562, 5.8.
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x80
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
