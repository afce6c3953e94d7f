import { crc32, deflateRawSync, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinCrc, wrap } from '../../src/guide/gzip.ts'

const bytes = fc.uint8Array({ maxLength: 5000 }).map((array) => Buffer.from(array))

describe('joinCrc', () => {
  it('is the checksum of both pieces', () => {
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        expect(joinCrc(crc32(first), crc32(second), second.length)).toBe(
          crc32(Buffer.concat([first, second])),
        )
      }),
    )
  })

  it('knows lengths beyond 4 GiB: as many zeros in two steps as in one', () => {
    const zeros = crc32(Buffer.alloc(0))
    const far = 5 * 2 ** 30
    expect(joinCrc(joinCrc(123, zeros, far), zeros, 3)).toBe(joinCrc(123, zeros, far + 3))
  })
})

describe('wrap', () => {
  it('makes one gzip file of a new head and an old body', () => {
    fc.assert(
      fc.property(bytes, bytes, (head, body) => {
        const { before, after } = wrap(head, { crc: crc32(body), bytes: body.length })
        const file = Buffer.concat([before, deflateRawSync(body), after])
        expect(gunzipSync(file)).toEqual(Buffer.concat([head, body]))
      }),
    )
  })
})
