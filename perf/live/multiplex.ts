// Spreads the sound of a CBR stream over its time, as a broadcast multiplexer does. ffmpeg's sends each PES
// packet at once, and sound that is due while a large picture is being sent only behind that picture.
import { packetAt, packetBytes, ptsOf } from './stream.ts'

const nullPid = 0x1fff
const nullPacket = Buffer.alloc(packetBytes, 0xff)
nullPacket.set([0x47, 0x1f, 0xff, 0x10])

interface Due {
  readonly packet: Uint8Array
  /** The first slot of the output that it may have. */
  readonly slot: number
}

/** The same packets in an order in which those of the audio PID are evenly spaced, each at most one frame later
 *  than ffmpeg's earliest.
 *  @param bytesPerSecond  of the stream, null packets included */
export function spread(bytes: Uint8Array, audioPid: number, bytesPerSecond: number): Buffer {
  const slots = Math.floor(bytes.length / packetBytes)
  const units: { pts: number; slot: number; packets: Uint8Array[] }[] = []
  const others: Due[] = []
  for (let slot = 0; slot < slots; slot++) {
    const packet = bytes.subarray(slot * packetBytes, (slot + 1) * packetBytes)
    const { pid, isStart, payloadAt } = packetAt(packet, 0)
    if (pid === audioPid) {
      if (isStart) units.push({ pts: ptsOf(packet.subarray(payloadAt)), slot, packets: [] })
      units.at(-1)?.packets.push(packet)
    } else if (pid !== nullPid) {
      others.push({ packet, slot })
    }
  }
  const slotsPerTick = bytesPerSecond / packetBytes / 90_000
  const lead = Math.min(...units.map(({ pts, slot }) => slot - pts * slotsPerTick))
  const sound = units.flatMap(({ pts, packets }, index): Due[] => {
    const lasts = ((units[index + 1]?.pts ?? pts) - pts) * slotsPerTick
    return packets.map((packet, place) => ({
      packet,
      slot: pts * slotsPerTick + lead + (place * lasts) / packets.length,
    }))
  })
  return Buffer.concat(merge(sound, others))
}

function merge(first: readonly Due[], second: readonly Due[]): Uint8Array[] {
  const merged: Uint8Array[] = []
  let [ofFirst, ofSecond] = [0, 0]
  while (ofFirst < first.length || ofSecond < second.length) {
    const isDue = (due: Due | undefined) => due !== undefined && due.slot <= merged.length
    if (isDue(first[ofFirst])) merged.push(first[ofFirst++]?.packet ?? nullPacket)
    else if (isDue(second[ofSecond])) merged.push(second[ofSecond++]?.packet ?? nullPacket)
    else merged.push(nullPacket)
  }
  return merged
}
