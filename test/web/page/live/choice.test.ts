// Which channels a viewer sees for a group and some words.
import { describe, expect, it } from 'vitest'
import { everything, favourites, isChosen, plain } from '../../../../src/web/page/live/choice.ts'

const channel = { id: 'one', name: 'Küstenkanal HD', number: 7, groups: ['Kino & Küche'] }
const programme = { channelId: 'one', start: 0, stop: 1, title: 'Züge der Welt', categories: [] }
const onAir = { channelId: 'one', now: programme }
const none = new Set<string>()

describe('isChosen', () => {
  it.each([
    ['', true],
    ['kustenkanal', true],
    ['KÜSTEN', true],
    ['7', true],
    ['zuge welt', true],
    ['welt kusten', true],
    ['kusten mond', false],
  ])('for %j: %s', (text, expected) => {
    expect(isChosen(channel, { group: everything, text }, none, onAir)).toBe(expected)
  })

  it('looks at the group', () => {
    expect(isChosen(channel, { group: 'Kino & Küche', text: '' }, none)).toBe(true)
    expect(isChosen(channel, { group: 'Radio', text: '' }, none)).toBe(false)
  })

  it('knows favourites by their id', () => {
    expect(isChosen(channel, { group: favourites, text: '' }, none)).toBe(false)
    expect(isChosen(channel, { group: favourites, text: '' }, new Set(['one']))).toBe(true)
  })
})

describe('plain', () => {
  it('forgets capitals and accents', () => {
    expect(plain('ÉCLAIR Größe')).toBe('eclair große')
  })
})
