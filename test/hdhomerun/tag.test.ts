import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeTags, encodeTags, number32, numbersOf, valueOf } from '../../src/hdhomerun/tag.ts'

describe('encodeTags', () => {
  it.each([
    [0, '0500'],
    [1, '0501'],
    [127, '057f'],
    [128, '058001'],
    [300, '05ac02'],
    [32_767, '05ffff'],
  ])('writes a length of %i as %s', (length, header) => {
    expect(encodeTags([{ tag: 5, value: Buffer.alloc(length) }]).toString('hex', 0, header.length / 2)).toBe(
      header,
    )
  })
})

describe('decodeTags', () => {
  it('gives back whatever was encoded', () => {
    const tagged = fc.record({
      tag: fc.nat(255),
      value: fc.uint8Array({ maxLength: 1000 }).map((bytes) => Buffer.from(bytes)),
    })
    fc.assert(
      fc.property(fc.array(tagged), (list) => {
        expect(decodeTags(encodeTags(list))).toEqual(list)
      }),
    )
  })

  it.each(['05', '0502ff', '0580', '058001ff', '0100 05ff'])(
    'finds nothing in %s, which is cut short',
    (hex) => {
      expect(decodeTags(Buffer.from(hex.replace(' ', ''), 'hex'))).toBeUndefined()
    },
  )

  it('never reads beyond the bytes, whatever they are', () => {
    const within = (bytes: Uint8Array) => {
      const list = decodeTags(Buffer.from(bytes)) ?? []
      const length = list.reduce((sum, { value }) => sum + 2 + value.length, 0)
      expect(length).toBeLessThanOrEqual(bytes.length)
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), within))
  })
})

describe('valueOf', () => {
  it('takes the first of its tag', () => {
    const list = [3, 4, 4].map((tag, index) => ({ tag, value: Buffer.from([index]) }))
    expect(valueOf(list, 4)).toEqual(Buffer.from([1]))
    expect(valueOf(list, 5)).toBeUndefined()
  })
})

describe('numbersOf', () => {
  it('reads what number32 wrote', () => {
    expect(numbersOf(Buffer.concat([number32(1), number32(0xffffffff)]))).toEqual([1, 0xffffffff])
    expect(numbersOf(Buffer.alloc(0))).toEqual([])
    expect(numbersOf(Buffer.alloc(5))).toBeUndefined()
  })
})
