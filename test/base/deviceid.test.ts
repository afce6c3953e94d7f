import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checksum,
  deriveDeviceId,
  isDeviceId,
  makeDeviceId,
  repairDeviceId,
} from '../../src/base/deviceid.ts'

describe('checksum', () => {
  it.each([
    ['10439EFD', 0],
    ['124205A5', 0],
    ['131ED0E0', 0],
    ['1038F5A6', 0],
    ['1038F5AC', 0xa],
    ['12345678', 0xc],
    ['12345670', 0x4],
  ])('of %s is %i', (id, sum) => {
    expect(checksum(parseInt(id, 16))).toBe(sum)
  })
})

describe('isDeviceId', () => {
  it('takes 8 hex digits in either case, when the last one is right', () => {
    expect(['10439EFD', '10439efd', '10439EFC', '0439EFD', 'XG2G1234', ''].map(isDeviceId)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ])
  })
})

describe('repairDeviceId', () => {
  it.each([
    ['1038F5AC', '1038F5A6'],
    ['12345678', '12345674'],
    ['12345670', '12345674'],
    ['10439efd', '10439EFD'],
  ])('makes of %s %s', (id, repaired) => {
    expect(repairDeviceId(id)).toBe(repaired)
  })

  it('changes the last digit alone', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (id) => {
        const text = id.toString(16).toUpperCase().padStart(8, '0')
        const repaired = repairDeviceId(text)
        expect(repaired.slice(0, 7)).toBe(text.slice(0, 7))
        expect(isDeviceId(repaired)).toBe(true)
      }),
    )
  })

  it('makes always the same valid id of other text', () => {
    expect(isDeviceId(repairDeviceId('XG2G1234'))).toBe(true)
    expect(repairDeviceId('XG2G1234')).toBe(repairDeviceId('XG2G1234'))
    expect(repairDeviceId('XG2G1235')).not.toBe(repairDeviceId('XG2G1234'))
  })
})

describe('makeDeviceId', () => {
  it('is valid and begins as those of real devices do', () => {
    const ids = Array.from({ length: 100 }, makeDeviceId)
    expect(ids.filter((id) => !isDeviceId(id) || !id.startsWith('10'))).toEqual([])
    expect(new Set(ids).size).toBeGreaterThan(90)
  })
})

describe('deriveDeviceId', () => {
  it('gives each device another valid id, the same each time', () => {
    const derived = (id: string) => Array.from({ length: 40 }, (_, index) => deriveDeviceId(id, index))
    const ids = derived('10FFFFF6')
    expect(ids[0]).toBe(repairDeviceId('10FFFFF6'))
    expect(ids.filter((id) => !isDeviceId(id) || !id.startsWith('10'))).toEqual([])
    expect(new Set(ids).size).toBe(40)
    expect(derived('10FFFFF6')).toEqual(ids)
  })
})
