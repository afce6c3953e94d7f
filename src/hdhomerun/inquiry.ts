// What a discovery request asks for, and the reply of a device to it. Knows bytes, no sockets.
import type { Device } from './device.ts'
import { encodeFrame, frameOf, frameTypes } from './frame.ts'
import { baseUrl } from './location.ts'
import { decodeTags, encodeTags, number32, numbersOf, tags, valueOf, type Tagged } from './tag.ts'

/** Which tuners a request means: the one with this id, or all. */
export interface Inquiry {
  readonly deviceId: number | undefined
}

const tunerType = 1
const any = 0xffffffff // type or id
const mostTuners = 255 // that a reply can tell of

/** The request in a datagram; undefined if it is none, is damaged, or means no tuners. */
export function parseInquiry(datagram: Buffer): Inquiry | undefined {
  const frame = frameOf(datagram)
  if (frame?.type !== frameTypes.discoverRequest) return undefined
  const list = decodeTags(frame.payload)
  if (list === undefined || !meansTuners(list)) return undefined
  const id = valueOf(list, tags.deviceId)
  if (id === undefined) return { deviceId: undefined }
  if (id.length !== 4) return undefined
  const deviceId = id.readUInt32BE()
  return { deviceId: deviceId === any ? undefined : deviceId }
}

/** The replies to a request, one for each device that it means.
 *  @param address  of ours, where the one who asks reaches us */
export function repliesTo({ deviceId }: Inquiry, devices: readonly Device[], address: string): Buffer[] {
  return devices
    .filter(({ id }) => deviceId === undefined || deviceId === Number.parseInt(id, 16))
    .map((device) => replyOf(device, baseUrl(device, address)))
}

// Newer clients list types where older ones name one.
function meansTuners(list: readonly Tagged[]): boolean {
  const one = numbersOf(valueOf(list, tags.deviceType) ?? Buffer.alloc(0))
  if (one?.length === 1 && (one[0] === tunerType || one[0] === any)) return true
  return numbersOf(valueOf(list, tags.deviceTypes) ?? Buffer.alloc(0))?.includes(tunerType) ?? false
}

// No more than clients need: what is short cannot be used against somebody else.
function replyOf({ id, tuners }: Device, url: string): Buffer {
  const payload = encodeTags([
    { tag: tags.deviceType, value: number32(tunerType) },
    { tag: tags.deviceId, value: number32(Number.parseInt(id, 16)) },
    { tag: tags.baseUrl, value: Buffer.from(url) },
    { tag: tags.tunerCount, value: Buffer.from([Math.min(tuners, mostTuners)]) },
    { tag: tags.lineupUrl, value: Buffer.from(`${url}/lineup.json`) },
  ])
  return encodeFrame(frameTypes.discoverReply, payload)
}
