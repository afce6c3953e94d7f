// Every channel through ffmpeg, across the end of its loop: pictures and sound without one complaint.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { channels } from '../../../src/demo/channels.ts'
import { Playback } from '../../../src/demo/signal/playback.ts'
import { generationMs } from '../client.ts'
import { decodable } from '../inspect.ts'
import { loopOf } from './loops.ts'

const afterSec = 2
const longGopSec = 8.64

// A decoder that begins at a recovery point is told to forget a picture that it has never had.
const lostReference = /^\[h264 @ \w+\] mmco: unref short failure\s*$/gm

describe.each(channels)('a stream of $kind', ({ kind, programme }) => {
  it(
    'decodes without an error',
    async () => {
      const loop = await loopOf(kind)
      const beforeSec = kind === 'h264-long-gop' ? longGopSec : 2
      const perSec = (loop.packets * 90_000) / loop.durationTicks
      const playback = new Playback(loop, Math.floor(1000 * loop.packets - beforeSec * perSec), { programme })
      const begin = playback.opening()
      const bytes = Buffer.concat([begin, playback.next(Math.floor((beforeSec + afterSec) * perSec))])
      const sent = programme.audio.filter(({ sounds }) => sounds.length > 0)
      const maps = [...(programme.video ? [programme.video.pid] : []), ...sent.map(({ pid }) => pid)]
      const { errors, frames } = await decode(decodable(bytes, programme.video?.pid), maps)
      expect(kind === 'open-gop' ? errors.replace(lostReference, '') : errors).toBe('')
      expect(Object.keys(frames)).toHaveLength(maps.length)
      for (const count of Object.values(frames)) expect(count).toBeGreaterThan(40)
    },
    generationMs,
  )
})

/** Decodes streams by PID. @returns ffmpeg's complaints, and decoded frames by stream */
async function decode(
  bytes: Buffer,
  pids: readonly number[],
): Promise<{ errors: string; frames: Record<string, number> }> {
  const maps = pids.flatMap((pid) => ['-map', `0:#0x${pid.toString(16)}`])
  const input = ['-hide_banner', '-nostdin', '-v', 'error', '-xerror', '-f', 'mpegts', '-i', 'pipe:0']
  const child = spawn('ffmpeg', [...input, ...maps, '-f', 'framecrc', 'pipe:1'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let errors = ''
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stdin.on('error', () => undefined)
  child.stdin.end(bytes)
  await once(child, 'close')
  const frames: Record<string, number> = {}
  for (const line of output.split('\n')) {
    const stream = /^(\d+),/.exec(line)?.[1]
    if (stream !== undefined) frames[stream] = (frames[stream] ?? 0) + 1
  }
  return { errors: complaints(errors), frames }
}

/** What ffmpeg says about streams that are announced and never come is no complaint about those that do. */
function complaints(errors: string): string {
  return errors
    .split('\n')
    .filter((line) => !/Could not find codec parameters|Consider increasing the value/.test(line))
    .join('\n')
}
