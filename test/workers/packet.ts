// Numbered packets for the tests of lane and pool. Only the first byte is 0x47, so that a relay that
// begins in the middle of a packet finds the next one.

export const packetBytes = 188

/** What a packet can ask of the thread that sees it (see standin.ts). */
export const commands = [
  'none',
  'fail',
  'throw',
  'reject',
  'exit',
  'loop',
  'block',
  'pause',
  'memory',
] as const
export type Command = (typeof commands)[number]

/** One packet.
 *  @param number  0 .. 2^28-1 */
export function makePacket(number: number, command: Command = 'none'): Uint8Array {
  const packet = new Uint8Array(packetBytes).fill(0xff)
  packet[0] = 0x47
  packet[1] = commands.indexOf(command)
  for (let place = 0; place < 4; place++) packet[2 + place] = 0x80 | ((number >> (7 * place)) & 0x7f)
  return packet
}

/** Packets first .. first + count - 1. */
export function makePackets(first: number, count: number): Uint8Array {
  const packets = new Uint8Array(count * packetBytes)
  for (let place = 0; place < count; place++) packets.set(makePacket(first + place), place * packetBytes)
  return packets
}

export function readNumber(packet: Uint8Array): number {
  let number = 0
  for (let place = 0; place < 4; place++) number |= ((packet[2 + place] ?? 0) & 0x7f) << (7 * place)
  return packet[0] === 0x47 ? number : -1
}

export function readCommand(packet: Uint8Array): Command {
  return commands[packet[1] ?? 0] ?? 'none'
}
