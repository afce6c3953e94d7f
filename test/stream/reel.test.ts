import { describe, expect, it } from 'vitest'
import { Reel } from '../../src/stream/reel.ts'
import { packets, packetBytes } from './packets.ts'

const chunk = 348

describe('Reel', () => {
  it('gives back what was put in, chunk by chunk', () => {
    const reel = new Reel()
    const bytes = packets(1000)
    for (let at = 0; at < bytes.length; at += 777) reel.append(bytes.subarray(at, at + 777))
    const parts: Buffer[] = []
    for (let at = 0; at < reel.end;) {
      const piece = reel.piece(at)!
      parts.push(Buffer.from(piece.bytes))
      at += piece.bytes.length
      piece.release()
    }
    expect(Buffer.concat(parts).equals(bytes)).toBe(true)
    expect(reel.piece(reel.end)).toBeUndefined()
  })

  it('holds no more than its bound, whatever comes', () => {
    const reel = new Reel({ mostBytes: 1_000_000 }, () => 0)
    for (let round = 0; round < 100; round++) {
      reel.append(packets(500))
      expect(reel.heldBytes).toBeLessThan(1_000_000 + 4 * chunk * packetBytes)
    }
    expect(reel.end - reel.start).toBeGreaterThan(900_000)
  })

  it('lets go what is older than the time to keep, when there is no access point', () => {
    let now = 0
    const reel = new Reel({ keepMs: 1000 }, () => now)
    for (let round = 0; round < 50; round++, now += 100) reel.append(packets(chunk))
    expect(reel.end - reel.start).toBeLessThan(13 * chunk * packetBytes)
    expect(reel.end - reel.start).toBeGreaterThan(9 * chunk * packetBytes)
  })

  it('keeps the last access point, however long ago it was', () => {
    let now = 0
    const reel = new Reel({ keepMs: 1000 }, () => now)
    reel.append(packets(10 * chunk))
    const offset = reel.end
    reel.mark({ offset, pts: 1, pcr: -1, kind: 'idr' })
    for (let round = 0; round < 100; round++, now += 100) reel.append(packets(chunk))
    expect(reel.start).toBeLessThanOrEqual(offset)
    expect(reel.marks).toHaveLength(1)
  })

  it('lets go of access points that are forgotten, and of what was kept for them', () => {
    let now = 0
    const reel = new Reel({ keepMs: 1000 }, () => now)
    reel.mark({ offset: 0, pts: 1, pcr: -1, kind: 'idr' })
    for (let round = 0; round < 50; round++, now += 100) reel.append(packets(chunk))
    expect(reel.start).toBe(0)
    reel.forgetMarks()
    reel.append(packets(chunk))
    expect(reel.end - reel.start).toBeLessThan(13 * chunk * packetBytes)
  })

  it('does not write over what is still being read', () => {
    const reel = new Reel({ mostBytes: 200_000 }, () => 0)
    reel.append(packets(chunk, 0))
    const piece = reel.piece(0)!
    for (let round = 1; round < 50; round++) reel.append(packets(chunk, round * chunk))
    expect(Buffer.from(piece.bytes).equals(packets(chunk))).toBe(true)
    expect(() => reel.piece(0)).toThrow(/Expected an offset from/)
    piece.release()
  })
})
