// The memory of a channel's segments, from the ring of the packager to the window and back.
import { describe, expect, it } from 'vitest'
import { Window } from '../../src/hls/window.ts'
import type { PackagedPart } from '../../src/workers/packaging.ts'
import { RecordReader, RecordWriter } from '../../src/workers/records.ts'
import { createRing } from '../../src/workers/ring.ts'
import { broadcast, second, take } from './records.ts'

const slotTicks = 2 * second

// Each part is full of its own number.
function open() {
  const memory = createRing(64 * 1024)
  const [writer, reader] = [new RecordWriter(memory), new RecordReader(memory)]
  let nowMs = 0
  const window = new Window({ slotTicks, listedTicks: 12 * second, now: () => nowMs })
  let count = 0
  const push = async (parts: readonly PackagedPart[]) => {
    const memories = new Set<ArrayBufferLike>()
    for (const part of parts) {
      nowMs += part.duration / 90
      const bytes = Buffer.alloc(4000 + ((count * 977) % 9000), ++count)
      await writer.write({ ...part, bytes })
      for (const record of reader.read())
        if (record.kind === 'part') {
          memories.add(record.bytes.buffer)
          window.push(record)
        }
    }
    return memories.size
  }
  return { window, push }
}

describe('the memory of segments', () => {
  it('is used again: an hour takes no more of it than some minutes do', async () => {
    const { push } = open()
    const parts = take(broadcast(), 3600 * second)
    const early = await push(parts.slice(0, 2000))
    const late = await push(parts.slice(2000))
    expect(late).toBeLessThan(1.1 * early)
  })

  it('stays as it is while it is being read', async () => {
    const { window, push } = open()
    const parts = take(broadcast(), 900 * second)
    await push(parts.slice(0, 100))
    const segment = window.segment(window.listed[0]!.msn)!
    const release = segment.hold()
    const read = () => Buffer.concat(segment.pieces(undefined)!)
    const before = read()
    await push(parts.slice(100))
    expect(window.segment(segment.msn)).toBeUndefined()
    expect(read().equals(before)).toBe(true)
    release()
  })
})
