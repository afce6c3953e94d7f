// Where a device is found by those who reach us at an address of ours.
import { isIP } from 'node:net'
import type { Device } from './device.ts'

/** The device's base URL, without a slash at its end.
 *  @param address  an IP address of this machine */
export function baseUrl({ port, path }: Device, address: string): string {
  return `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}${path}`
}
