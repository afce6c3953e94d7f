import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame, frameOf, FrameReader, readFrame } from '../../src/hdhomerun/frame.ts'
import { vectors } from './devices.ts'

const anyFrame = fc.record({
  type: fc.nat(0xffff),
  payload: fc.uint8Array({ maxLength: 1452 }).map((bytes) => Buffer.from(bytes)),
})

/** The bytes cut into pieces of these sizes, over and over. */
function piecesOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length)
    pieces.push(bytes.subarray(at, at + sizes[pieces.length % sizes.length]!))
  return pieces
}

describe('encodeFrame', () => {
  it.each(Object.entries(vectors))('writes %s as clients and devices do', (_, bytes) => {
    const payload = bytes.subarray(4, -4)
    expect(encodeFrame(bytes.readUInt16BE(0), payload)).toEqual(bytes)
  })

  it('refuses a payload that is too long', () => {
    expect(encodeFrame(5, Buffer.alloc(1452))).toHaveLength(1460)
    expect(() => encodeFrame(5, Buffer.alloc(1453))).toThrow('Expected at most 1452 bytes')
  })
})

describe('frameOf', () => {
  it('gives back whatever was encoded', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(frameOf(encodeFrame(frame.type, frame.payload))).toEqual(frame)
      }),
    )
  })

  it('knows a packet with any one bit changed for damaged', () => {
    for (const bytes of Object.values(vectors))
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(frameOf(changed)).toBeUndefined()
      }
  })

  it('takes nothing that is shorter or longer than it says', () => {
    const { anyDevice } = vectors
    for (let length = 0; length < anyDevice.length; length++)
      expect(frameOf(anyDevice.subarray(0, length))).toBeUndefined()
    expect(frameOf(Buffer.concat([anyDevice, Buffer.alloc(1)]))).toBeUndefined()
  })
})

describe('readFrame', () => {
  it('does not wait for a frame that would be too long', () => {
    expect(readFrame(Buffer.from('000405ac', 'hex'))).toBe('incomplete')
    expect(readFrame(Buffer.from('000405ad', 'hex'))).toBe('damaged')
  })
})

describe('FrameReader.push', () => {
  it('finds the same frames in pieces of any sizes', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), sizes, (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)))
        const reader = new FrameReader()
        const found = piecesOf(bytes, sizes).map((piece) => reader.push(piece))
        expect(found.flatMap((one) => one.frames)).toEqual(frames)
        expect(found.some(({ isDamaged }) => isDamaged)).toBe(false)
        expect(reader.hasPart).toBe(false)
      }),
    )
  })

  it('gives what came before damage', () => {
    const reader = new FrameReader()
    const { frames, isDamaged } = reader.push(Buffer.concat([vectors.getModel, Buffer.from('ffffffffff')]))
    expect([frames.length, isDamaged, reader.hasPart]).toEqual([1, true, false])
  })

  it('never keeps more than a frame', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 })), (pieces) => {
        const reader = new FrameReader()
        let kept = 0
        for (const piece of pieces) {
          const { isDamaged } = reader.push(Buffer.from(piece))
          kept = reader.hasPart ? kept + piece.length : 0
          expect(isDamaged || kept < 1460 + piece.length).toBe(true)
        }
      }),
    )
  })
})
