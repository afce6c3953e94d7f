// Packets as nobody should send them: known ones changed by chance, and noise.
import type { Dice } from '../chaos/dice.ts'
import { vectors } from './devices.ts'
import { crc } from './oracle.ts'

const values = [
  '10439efd00000005',
  '00000001',
  'ffffffff',
  '10439efd',
  '124205a5',
  '00000005',
  '',
  '00',
  '0000000100000005',
]
const names = ['/sys/model', '/tuner0/status', '/tuner1/debug', '/tuner9/x', 'help', '', '/', '\u{1f4fa}']
const known = Object.values(vectors)

/** One packet: sound, nearly sound, or not at all. */
export function mutated(dice: Dice): Buffer {
  const kind = dice.whole(0, 9)
  if (kind === 0) return dice.bytes(dice.whole(0, 80))
  if (kind === 1) return sealed(dice.whole(0, 9), dice.bytes(dice.whole(0, 60)))
  if (kind <= 4) return sealed(dice.chance(0.9) ? 2 : dice.whole(0, 9), tagged(dice))
  if (kind <= 6) return sealed(dice.chance(0.9) ? 4 : dice.whole(0, 9), named(dice))
  const packet = Buffer.from(dice.pick(known)!)
  if (kind === 7) return packet
  for (let change = dice.whole(1, 3); change > 0; change--)
    packet[dice.whole(0, packet.length - 1)] = dice.whole(0, 255)
  const cut = dice.chance(0.3) ? packet.subarray(0, dice.whole(0, packet.length)) : packet
  return dice.chance(0.5) ? cut : sealed(packet.readUInt16BE(0), packet.subarray(4, -4))
}

// With a right checksum.
function sealed(type: number, payload: Buffer): Buffer {
  const head = Buffer.from([type >> 8, type & 0xff, payload.length >> 8, payload.length & 0xff])
  const bytes = Buffer.concat([head, payload])
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(crc(bytes))
  return Buffer.concat([bytes, sum])
}

function tagged(dice: Dice): Buffer {
  const parts = Array.from({ length: dice.whole(0, 4) }, () => {
    const value = dice.chance(0.9) ? Buffer.from(dice.pick(values)!, 'hex') : dice.bytes(dice.whole(0, 200))
    const length = dice.chance(0.9) ? value.length : dice.whole(0, 255)
    const isLong = length > 127 || dice.chance(0.1)
    const header = isLong ? [(length & 0x7f) | 0x80, length >> 7] : [length]
    return Buffer.concat([Buffer.from([dice.pick([1, 1, 2, 0x2d, 3, 0x77]), ...header]), value])
  })
  return Buffer.concat(parts)
}

function named(dice: Dice): Buffer {
  const name = Buffer.from(`${dice.pick(names)!}\0`)
  const value = dice.chance(0.2) ? Buffer.from([4, 2, 0x31, 0]) : Buffer.alloc(0)
  return Buffer.concat([Buffer.from([3, name.length]), name, value])
}
