// How long a viewer waits for the first picture, by the bytes that come and by what a decoder makes of them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { channels, type Channel, type Kind } from '../../src/demo/channels.ts'
import { Recording } from './stream.ts'
import { visit } from './visit.ts'

export const longestWaitMs = 12_000

/** The demo receiver's channel of a kind. */
export function channelOf(kind: Kind): Channel {
  const channel = channels.find((each) => each.kind === kind)
  if (channel === undefined) throw new TypeError(`there is no channel ${kind}`)
  return channel
}

export function videoOf({ programme }: Channel): number {
  return programme.video?.pid ?? 0
}

/** ms from the request until PAT, PMT and the whole of a picture that a decoder can begin with have come;
 *  infinite if none came.
 *  @param path  without its slash */
export async function pictureFrom(port: number, channel: Channel, path = channel.ref): Promise<number> {
  const recording = new Recording()
  const there = Promise.withResolvers<undefined>()
  let looked = 0
  const { askedAt, leave } = visit(port, path, (bytes) => {
    recording.add(bytes)
    // Looked for from time to time only; the time itself is that of the bytes.
    const now = performance.now()
    if (now - looked < 500) return
    looked = now
    if (recording.firstPicture(videoOf(channel)) !== undefined) there.resolve(undefined)
  })
  await Promise.race([there.promise, delay(longestWaitMs, undefined, { ref: false })])
  leave()
  return (recording.firstPicture(videoOf(channel)) ?? Infinity) - askedAt
}

/** ms until a new ffmpeg process has decoded its first picture. */
export async function decodedFrom(url: string): Promise<number> {
  const startedAt = performance.now()
  const how = ['-map', '0:v:0', '-frames:v', '1', '-vf', 'scale=64:36', '-f', 'rawvideo', '-']
  const child = spawn('ffmpeg', ['-v', 'quiet', '-nostdin', '-i', url, ...how], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let waitMs = Infinity
  child.stdout.once('data', () => (waitMs = performance.now() - startedAt))
  child.stdout.resume()
  await once(child, 'close')
  return waitMs
}
