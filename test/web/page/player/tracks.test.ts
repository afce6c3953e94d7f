// The tracks of sound, as they are called and remembered.
import { describe, expect, it } from 'vitest'
import { describeTracks, preferred } from '../../../../src/web/page/player/tracks.ts'

describe('describeTracks', () => {
  const description = 'public.accessibility.describes-video'
  const tracks = describeTracks([
    { name: 'x', lang: 'de' },
    { name: 'x', lang: 'de', characteristics: description },
    { name: 'x', lang: 'eng' },
    { name: 'x', lang: 'de' },
    { name: 'Original' },
  ])

  it('names languages and audio description, and tells apart what looks alike', () => {
    expect(tracks.map(({ label }) => label)).toEqual([
      'German',
      'German, audio description',
      'English',
      'German 2',
      'Original',
    ])
  })

  it('finds the same kind again on another channel', () => {
    expect(preferred(tracks, 'de+description')?.id).toBe(1)
    expect(preferred(tracks, 'fr')).toBeUndefined()
    expect(preferred(tracks, '')).toBeUndefined()
  })
})
