// The device's description as UPnP has it. Source: UPnP Device Architecture 1.0, 2.1.
import { element } from '../guide/markup.ts'
import type { Device } from './device.ts'

/** @param base  where clients find the device; no slash at the end */
export function describe({ name, model, id, udn }: Device, base: string): string {
  const fields = {
    deviceType: 'urn:schemas-upnp-org:device:MediaServer:1',
    friendlyName: name,
    manufacturer: 'Silicondust',
    modelName: model,
    modelNumber: model,
    serialNumber: id,
    UDN: `uuid:${udn}`,
  }
  const device = Object.entries(fields).map(([field, value]) => `    ${element(field, value)}\n`)
  return `<?xml version="1.0" encoding="UTF-8"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
  <specVersion><major>1</major><minor>0</minor></specVersion>
  ${element('URLBase', base)}
  <device>
${device.join('')}  </device>
</root>
`
}
