import { afterEach, describe, expect, it, vi } from 'vitest'
import { filled, spanOf } from '../../src/guide/filler.ts'
import type { Programme } from '../../src/guide/guide.ts'
import { generationMs } from '../demo/client.ts'
import { house, readXmltv } from './house.ts'

const hour = 3600
const day = 24 * hour
const midnight = 1_774_742_400 // 2026-03-29, UTC
const channel = { id: 'a.enigma2', name: 'Mono Lokal' }
const programme = (start: number, stop: number): Programme => ({
  channelId: channel.id,
  id: 1,
  start,
  stop,
  title: 'Tagesblick',
  categories: [],
})
const span = spanOf(midnight + 20 * hour, 1)

describe('filled', () => {
  it('has the channel itself on air, in blocks without a gap, where nothing is known', () => {
    const blocks = filled(channel, [], span)
    expect(blocks).toHaveLength(16)
    expect(blocks[0]).toMatchObject({ channelId: channel.id, start: midnight, title: 'Mono Lokal' })
    expect(blocks.at(-1)!.stop).toBe(midnight + 2 * day)
    for (const [index, { start, stop }] of blocks.entries())
      expect([stop - start, start]).toEqual([3 * hour, blocks[index - 1]?.stop ?? start])
  })

  it('leaves gaps alone where anything is known', () => {
    const known = [programme(midnight + 30 * hour, midnight + 31 * hour)]
    expect(filled(channel, known, span)).toEqual(known)
  })

  it('goes on behind programmes of the days before', () => {
    const past = programme(midnight - hour, midnight)
    expect(filled(channel, [past], span).slice(0, 2)).toMatchObject([past, { start: midnight }])
  })
})

describe('the document', () => {
  afterEach(() => vi.useRealTimers())

  it(
    'has every channel with programmes, the others in the API with none, and is made anew each day',
    async () => {
      await using home = await house({ streams: ['mono-44k1'] })
      const guide = home.open({ days: 2 })
      await guide.refresh('all').done
      const [mono] = guide.channels()
      const titles = async () => (await readXmltv(guide)).match(/<title>Mono Lokal<\/title>/g)
      expect(await titles()).toHaveLength(24)
      expect(guide.nowNext().get(mono!.id)).toEqual({})
      const { etag } = (await guide.xmltv())!
      await guide.refresh('channels').done
      expect((await guide.xmltv())!.etag).toBe(etag)
      vi.useFakeTimers({ now: Date.now() + 1000 * day, toFake: ['Date'] })
      await guide.refresh('channels').done
      expect((await guide.xmltv())!.etag).not.toBe(etag)
      expect(await titles()).toHaveLength(24)
    },
    generationMs,
  )
})
