import { describe, expect, it } from 'vitest'
import { Rack } from '../../src/hdhomerun/rack.ts'
import type { WatchedService } from '../../src/stream/feeds.ts'

// Two channels of the transponder 3EF, and one each of others.
const [first, neighbour, second, third] = [
  '1:0:19:1:3EF:1:C00000:0:0:0',
  '1:0:19:2:3EF:1:C00000:0:0:0',
  '1:0:19:3:3F0:1:C00000:0:0:0',
  '1:0:19:4:3F1:1:C00000:0:0:0',
] as const

/** A rack, and who watches what. */
function rackOf(count: number, isLimit = false) {
  const services = new Map<string, WatchedService>()
  const watch = (key: string, viewers = 1) => {
    const clients = Array.from({ length: viewers }, () => '192.0.2.1')
    services.set(key, { name: key, key, clients, bitrate: 1 })
  }
  const rack = new Rack({
    feeds: {
      get watched() {
        return [...services.values()]
      },
    },
    count: () => count,
    isLimit: () => isLimit,
  })
  const seat = (key: string, wanted?: number) => {
    watch(key)
    return rack.seat(key, wanted)
  }
  return { rack, watch, seat, end: (key: string) => services.delete(key) }
}

const codeOf = (act: () => void): string => {
  try {
    act()
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('Rack.seat', () => {
  it('gives every channel a tuner, and all who watch it the same one', () => {
    const { rack, seat } = rackOf(4)
    expect([seat(first), seat(second), seat(first), seat(third)]).toEqual([0, 1, 0, 2])
    expect(rack.list().map(({ service }) => service?.key)).toEqual([first, second, third, undefined])
  })

  it('keeps the number while somebody watches, whoever comes and goes beside', () => {
    const { seat, end } = rackOf(4)
    seat(first)
    seat(second)
    end(first)
    seat(third)
    expect([seat(second), seat(third)]).toEqual([1, 0])
  })

  it('takes the wanted tuner where nobody watches it, and that of the channel where that one runs', () => {
    const { seat } = rackOf(4)
    expect([seat(first, 2), seat(second, 2), seat(first, 3)]).toEqual([2, 0, 2])
  })

  it('takes the number of a channel that only lingers, when there is no other', () => {
    const { rack, seat, watch } = rackOf(2)
    seat(first)
    seat(second)
    watch(first, 0)
    expect(seat(third)).toBe(0)
    expect(rack.list().map(({ service }) => service?.key)).toEqual([third, second])
  })

  it('gives a channel back its tuner when somebody comes while it lingers', () => {
    const { seat, watch } = rackOf(2)
    seat(first)
    seat(second)
    watch(second, 0)
    expect(seat(second)).toBe(1)
  })

  it('puts what needs no further tuner on that of its transponder when all are taken', () => {
    const { seat } = rackOf(2)
    seat(second)
    seat(first)
    expect([seat(neighbour), seat(third), seat('http://elsewhere/')]).toEqual([1, undefined, undefined])
  })

  it('numbers what others than its own clients watch, too', () => {
    const { rack, watch, seat } = rackOf(4)
    watch(first)
    expect(seat(second)).toBe(1)
    expect(rack.list()[0]!.service?.key).toBe(first)
  })
})

describe('Rack.admit', () => {
  it('refuses a tuner that plays another channel, not one that plays this or none', () => {
    const { rack, seat, watch } = rackOf(4)
    seat(first)
    expect(codeOf(() => rack.admit(second, 0))).toBe('TUNER_IN_USE')
    expect(codeOf(() => rack.admit(first, 0))).toBe('none')
    expect(codeOf(() => rack.admit(second, 1))).toBe('none')
    expect(codeOf(() => rack.admit(second, 4))).toBe('NOT_FOUND')
    watch(first, 0)
    expect(codeOf(() => rack.admit(second, 0))).toBe('none')
  })

  it('refuses only where the number of tuners is a limit of its own', () => {
    for (const [isLimit, code] of [
      [true, 'NO_TUNER'],
      [false, 'none'],
    ] as const) {
      const { rack, seat } = rackOf(1, isLimit)
      seat(first)
      expect(codeOf(() => rack.admit(second))).toBe(code)
      expect(codeOf(() => rack.admit(neighbour))).toBe('none')
    }
  })
})
