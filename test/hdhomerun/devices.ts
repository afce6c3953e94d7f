// Virtual devices for tests, and packets as clients send them.
import type { Device, DeviceHost, TunerState } from '../../src/hdhomerun/device.ts'

/** The device of the documented reply. */
export const device: Device = {
  id: '10439EFD',
  udn: '2f402f80-da50-11e1-9b23-001788255acc',
  name: 'Living room',
  model: 'HDHR5-4DT',
  firmware: '20250506',
  auth: 'abcdefghijklmnopqrstuvwx',
  tuners: 4,
  port: 5004,
  path: '',
}

export const second: Device = {
  ...device,
  id: '124205A5',
  udn: 'b7d1a2c4-0c3e-4f7a-9a51-77f0e5c7c3d2',
  path: '/2',
}

export const idle: TunerState[] = [0, 1, 2, 3].map((index) => ({ index }))

export function hostOf(
  devices: readonly Device[] = [device],
  tuners: readonly TunerState[] = idle,
): DeviceHost {
  return { devices, tuners: () => tuners }
}

/** Packets whose bytes are known from clients, with the checksum that they sent. */
export const vectors = {
  anyDevice: Buffer.from('0002000c0104ffffffff0204ffffffff73cc7d8f', 'hex'),
  tunersOnly: Buffer.from('00020006010400000001393077e7', 'hex'),
  severalTypes: Buffer.from('0002000a2d0800000001000000054f63391f', 'hex'),
  getModel: Buffer.from('0004000d030b2f7379732f6d6f64656c008f5b54b5', 'hex'),
  /** Of `device`, reached at 192.168.1.10. */
  reply: Buffer.from(
    '0003004f010400000001020410439efd2a18687474703a2f2f3139322e3136382e312e31303a35303034100104' +
      '2724687474703a2f2f3139322e3136382e312e31303a353030342f6c696e6575702e6a736f6eaf25b2d5',
    'hex',
  ),
}
