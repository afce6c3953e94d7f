// What a control request asks for, and the reply to it. Knows bytes, no sockets.
import type { DeviceHost } from './device.ts'
import { encodeFrame, frameTypes, type Frame } from './frame.ts'
import type { Outcome } from './gate.ts'
import { decodeTags, encodeTags, tags, valueOf, type Tagged } from './tag.ts'
import { answerVariable, unknownVariable } from './variables.ts'

/** The reply to a request, if it has one, and how it counts. The protocol cannot say which of several devices
 *  is meant: the first one answers, whose tuners all of them share. */
export function answerRequest(
  { type, payload }: Frame,
  host: DeviceHost,
): { outcome: Outcome; reply?: Buffer } {
  if (type === frameTypes.variableRequest) {
    const reply = encodeFrame(frameTypes.variableReply, encodeTags(answerTags(payload, host)))
    return { outcome: 'answered', reply }
  }
  if (type === frameTypes.upgradeRequest) {
    const refusal = encodeTags([text(tags.error, 'ERROR: there is no firmware here')])
    return { outcome: 'refused', reply: encodeFrame(frameTypes.upgradeReply, refusal) }
  }
  return { outcome: 'ignored' }
}

function answerTags(payload: Buffer, host: DeviceHost): Tagged[] {
  const list = decodeTags(payload) ?? []
  const name = textOf(valueOf(list, tags.name))
  const [device] = host.devices
  const isWrite = valueOf(list, tags.value) !== undefined
  const answer =
    device === undefined
      ? unknownVariable
      : answerVariable({ name, isWrite, device, tuners: () => host.tuners(device) })
  if ('error' in answer) return [text(tags.error, answer.error)]
  return [text(tags.name, name), text(tags.value, answer.value)]
}

// Text ends with a zero, which counts.
function text(tag: number, value: string): Tagged {
  return { tag, value: Buffer.from(`${value}\0`) }
}

function textOf(value: Buffer | undefined): string {
  return value?.toString().replace(/\0$/, '') ?? ''
}
