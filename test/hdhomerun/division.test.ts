import { describe, expect, it } from 'vitest'
import type { Channel } from '../../src/guide/guide.ts'
import { divide, type Places } from '../../src/hdhomerun/division.ts'
import { channel, channels } from './channels.ts'

const nowhere: Places = { bouquets: {}, channels: {} }
const sizes = ({ parts }: ReturnType<typeof divide>) => parts.map((part) => part.channels.length)
const deviceOf = ({ parts }: ReturnType<typeof divide>) =>
  new Map(parts.flatMap(({ index, channels: own }) => own.map(({ id }) => [id, index] as const)))

describe('divide', () => {
  it('leaves 480 channels on one device, and one that has none there', () => {
    expect(sizes(divide(channels(480), 'auto', nowhere))).toEqual([480])
    expect(sizes(divide([], 'auto', nowhere))).toEqual([0])
    expect(sizes(divide([], 'bouquets', nowhere))).toEqual([0])
  })

  it('begins another device with the next channel, each with a name of its own', () => {
    const division = divide(channels(1000), 'auto', nowhere)
    expect(sizes(division)).toEqual([480, 480, 40])
    expect(division.parts.map(({ name }) => name)).toEqual([undefined, '2', '3'])
  })

  it('leaves every channel where it is when others come, go, come back or change places', () => {
    const all = channels(1000)
    const before = divide(all, 'auto', nowhere)
    const places = deviceOf(before)
    const without = divide(all.slice(100), 'auto', before.places)
    for (const [id, index] of deviceOf(without)) expect(index).toBe(places.get(id))
    const more = divide([...channels(50, 2000), ...all.toReversed()], 'auto', without.places)
    for (const { id } of all) expect(deviceOf(more).get(id)).toBe(places.get(id))
  })

  it('fills places that have become free, and never puts too many on a device', () => {
    const all = channels(960)
    const before = divide(all, 'auto', nowhere)
    const other = divide([...all.slice(100), ...channels(100, 2000)], 'auto', before.places)
    expect(sizes(other)).toEqual([480, 480])
    const back = divide([...all, ...channels(100, 2000)], 'auto', other.places)
    expect(Math.max(...sizes(back))).toBe(480)
    expect(sizes(back).reduce((sum, size) => sum + size)).toBe(1060)
  })

  it('keeps all together where that is wanted', () => {
    expect(sizes(divide(channels(1000), 'off', nowhere))).toEqual([1000])
  })

  it('makes a device of each bouquet, every channel on one of them', () => {
    const of = (number: number, ...groups: string[]): Channel => channel(number, { groups })
    const lineup = [of(1, 'News', 'HD'), of(2, 'HD'), of(3, 'News')]
    const division = divide(lineup, 'bouquets', nowhere)
    expect(division.parts.map(({ name, channels: own }) => [name, own.map(({ number }) => number)])).toEqual([
      ['News', [1, 3]],
      ['HD', [2]],
    ])
  })

  it('keeps the device of a bouquet when another goes or is put in front', () => {
    const of = (number: number, group: string) => channel(number, { groups: [group] })
    const { places } = divide([of(1, 'News'), of(2, 'HD')], 'bouquets', nowhere)
    const later = divide([of(3, 'Kids'), of(2, 'HD')], 'bouquets', places)
    expect(later.parts.map(({ index, name }) => [index, name])).toEqual([
      [1, 'HD'],
      [2, 'Kids'],
    ])
  })

  it('lists of two channels with one number the first, which is the one that plays', () => {
    const lineup = [channel(1, { name: 'first' }), channel(1, { id: 'other', name: 'second' }), channel(2)]
    expect(divide(lineup, 'auto', nowhere).parts[0]!.channels.map(({ name }) => name)).toEqual([
      'first',
      'Channel 2',
    ])
  })

  it('keeps nothing of channels that programs publish', () => {
    const guest = channel(5000, { ref: '', path: '/stream/x' })
    const { places } = divide([...channels(480), guest], 'auto', nowhere)
    expect(Object.keys(places.channels)).toHaveLength(480)
  })
})
