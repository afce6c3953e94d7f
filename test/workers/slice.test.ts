import { beforeEach, describe, expect, it } from 'vitest'
import { mostPushBytes } from '../../src/workers/native.ts'
import { Slice, sliceMs } from '../../src/workers/slice.ts'

let now = 0
let slice: Slice

beforeEach(() => {
  now = 0
  slice = new Slice(() => now)
})

/** Works off one slice of a stream that takes so long for a KiB. @returns its bytes and how long it was */
function work(msPerKib: number): { bytes: number; ms: number } {
  slice.begin()
  const from = now
  let bytes = 0
  do {
    const piece = slice.pieceBytes
    now += (piece / 1024) * msPerKib
    bytes += piece
    slice.note(piece)
  } while (!slice.isOver)
  return { bytes, ms: now - from }
}

describe('Slice', () => {
  it.each([
    ['television', 0.0066],
    ['radio', 0.22],
    ['a stream of nothing but sound in six channels', 0.25],
  ])('is half as long again as it should be at most: %s', (_, msPerKib) => {
    for (let turn = 0; turn < 20; turn++) {
      const { ms } = work(msPerKib)
      expect(ms).toBeGreaterThanOrEqual(sliceMs)
      expect(ms).toBeLessThanOrEqual(1.5 * sliceMs)
    }
  })

  it('takes large pieces of what is quick', () => {
    work(0.0066)
    expect(slice.pieceBytes).toBeGreaterThanOrEqual(mostPushBytes / 2)
    expect(slice.pieceBytes).toBeLessThanOrEqual(mostPushBytes)
  })

  it('takes smaller pieces of what becomes slow', () => {
    work(0.001)
    expect(slice.pieceBytes).toBe(mostPushBytes)
    for (let turn = 0; turn < 5; turn++) work(0.22)
    expect(work(0.22).ms).toBeLessThanOrEqual(1.5 * sliceMs)
  })

  it('learns nothing from scraps', () => {
    const before = slice.pieceBytes
    for (let turn = 0; turn < 100; turn++) {
      slice.begin()
      slice.note(188)
    }
    expect(slice.pieceBytes).toBe(before)
  })

  it('is not over before something has been done, however late it is', () => {
    slice.begin()
    now += 50
    expect(slice.isOver).toBe(false)
    slice.note(188)
    expect(slice.isOver).toBe(true)
    slice.begin()
    expect(slice.isOver).toBe(false)
  })
})
