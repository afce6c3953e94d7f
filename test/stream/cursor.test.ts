import { describe, expect, it } from 'vitest'
import { Cursor, type Cut, type Readable } from '../../src/stream/cursor.ts'
import { Reel } from '../../src/stream/reel.ts'
import type { MarkKind } from '../../src/workers/native.ts'
import { audioPid, Programme, readStream, videoPid } from './programme.ts'

const gop = 3600 * 8

// A rendition with a clock of its own, written by a programme.
class Source implements Readable {
  now = 0
  readonly reel: Reel
  programme = new Programme()
  cuts: Cut[] = []
  isEnded = false
  error = undefined

  constructor(limits = {}) {
    this.reel = new Reel(limits, () => this.now)
  }

  flow(): void {
    this.reel.append(this.programme.take())
  }

  mark(pts: number, kind: MarkKind = 'recovery'): void {
    this.reel.mark({ offset: this.reel.end, pts, pcr: -1, kind })
  }

  /** An open group: an access point, its tables, two pictures that lead it, sound, and one that follows. */
  openGroup(pts: number): void {
    const { programme } = this
    programme.sound(pts - 3000)
    this.flow()
    this.mark(pts)
    programme
      .picture(pts)
      .tables()
      .more(audioPid)
      .picture(pts - 7200)
    programme
      .sound(pts)
      .picture(pts - 3600)
      .picture(pts + 3600)
      .sound(pts + 1920)
    this.flow()
  }

  /** What comes next is of another connection, whose counters begin anew. */
  cut(isBlind = false): void {
    const { reel } = this
    this.cuts.push({ offset: reel.end, isBlind })
    this.programme = new Programme()
  }

  cursor(options = {}): Cursor {
    return new Cursor(this, { now: () => this.now, ...options })
  }
}

function readAll(cursor: Cursor): Buffer {
  const parts: Buffer[] = []
  for (let piece = cursor.next(); piece !== undefined; piece = cursor.next()) {
    parts.push(Buffer.from(piece.bytes))
    piece.release()
  }
  return Buffer.concat(parts)
}

// A stream that has run for so long that its beginning is gone.
function running(groups = 30): Source {
  const source = new Source({ keepMs: 0 })
  for (let group = 1; group <= groups; group++) {
    source.openGroup(group * gop)
    for (let filler = 0; filler < 100; filler++) source.programme.more(0x1000)
    source.flow()
    source.now += 1000
  }
  return source
}

// Of all that is kept only one access point, the one at 50 groups, and not yet a picture that follows it.
function incomplete(): Source {
  const source = running()
  for (let filler = 0; filler < 30_000; filler++) source.programme.more(0x1000)
  source.flow()
  source.now += 1000
  source.mark(50 * gop)
  source.programme.picture(50 * gop).tables()
  source.flow()
  source.now += 1000
  for (let filler = 0; filler < 400; filler++) source.programme.more(0x1000)
  source.flow()
  return source
}

describe('a client that opens the stream', () => {
  it('gets all that comes, from the first byte on', () => {
    const source = new Source()
    const cursor = source.cursor()
    source.programme.picture(1).tables()
    const bytes = source.programme.take()
    source.reel.append(bytes)
    expect(readAll(cursor).equals(bytes)).toBe(true)
  })
})

describe('a client that joins', () => {
  it('gets tables, then the access point, and none of the pictures that lead it', () => {
    const source = running()
    const { units, first, faults } = readStream(readAll(source.cursor()))
    expect(first.slice(0, 3)).toEqual([0, 0x100, videoPid])
    expect(units.get(videoPid)).toEqual([30 * gop, 30 * gop + 3600])
    expect(faults).toEqual([])
  })

  it('keeps the clocks of the pictures that are left out', () => {
    expect(readStream(readAll(running().cursor())).clocks).toBe(4)
  })

  it('gets sound from a whole unit on', () => {
    const { units } = readStream(readAll(running().cursor()))
    expect(units.get(audioPid)).toEqual([30 * gop, 30 * gop + 1920])
  })

  it('goes on without a break as the stream does', () => {
    const source = running()
    const cursor = source.cursor()
    const begin = readAll(cursor)
    source.openGroup(31 * gop)
    const { faults, breaks, units } = readStream(Buffer.concat([begin, readAll(cursor)]))
    expect([faults, breaks]).toEqual([[], 0])
    expect(units.get(videoPid)?.slice(-4)).toEqual([
      31 * gop,
      31 * gop - 7200,
      31 * gop - 3600,
      31 * gop + 3600,
    ])
  })

  it('takes the access point before, while the last one is not complete', () => {
    const source = running()
    source.mark(40 * gop)
    source.programme
      .picture(40 * gop)
      .tables()
      .picture(40 * gop - 3600)
    source.flow()
    expect(readStream(readAll(source.cursor())).units.get(videoPid)?.[0]).toBe(30 * gop)
  })

  it('waits for the only one that there is', () => {
    const source = incomplete()
    const cursor = source.cursor()
    expect(readAll(cursor)).toHaveLength(0)
    source.programme.picture(50 * gop + 3600)
    source.flow()
    expect(readStream(readAll(cursor)).units.get(videoPid)).toEqual([50 * gop, 50 * gop + 3600])
  })

  it('does not wait for ever', () => {
    const source = incomplete()
    const cursor = source.cursor()
    expect(readAll(cursor)).toHaveLength(0)
    source.now += 2000
    const { first, faults, units } = readStream(readAll(cursor))
    expect(first.slice(0, 3)).toEqual([0, 0x100, videoPid])
    expect([units.get(videoPid), faults]).toEqual([[50 * gop], []])
  })

  it.each([
    ['PAT', 348],
    ['PMT', 347],
  ])('begins with tables also where no access point is told, what is kept with the %s', (_, packets) => {
    const source = new Source({ keepMs: 0 })
    for (let packet = 0; packet < packets; packet++) source.programme.more(audioPid)
    source.programme.tables()
    for (let packet = 0; packet < 50; packet++) source.programme.more(audioPid)
    source.programme.tables().sound(1920)
    source.flow()
    expect(source.reel.start).toBeGreaterThan(0)
    const { first, faults } = readStream(readAll(source.cursor()))
    expect([first.slice(0, 2), faults]).toEqual([[0, 0x100], []])
  })

  it('enters radio at a mark of sound', () => {
    const source = new Source({ keepMs: 0 })
    for (let unit = 1; unit <= 500; unit++) {
      if (unit % 50 === 0) source.mark(unit * 1920, 'audio')
      source.programme.sound(unit * 1920)
      if (unit % 50 === 0) source.programme.tables()
      source.flow()
      source.now += 100
    }
    const { first, faults, units } = readStream(readAll(source.cursor()))
    expect(first.slice(0, 3)).toEqual([0, 0x100, audioPid])
    expect([units.get(audioPid)?.[0], faults]).toEqual([500 * 1920, []])
  })
})

describe('a client that is too slow', () => {
  it('goes on at an access point, with the break told on every PID', () => {
    const source = new Source({ keepMs: 0, mostBytes: 200_000 })
    const cursor = source.cursor()
    source.openGroup(gop)
    const begin = readAll(cursor)
    for (let group = 2; group < 40; group++) {
      source.openGroup(group * gop)
      for (let filler = 0; filler < 100; filler++) source.programme.more(0x1000)
      source.flow()
      source.now += 1000
    }
    const { faults, breaks, units } = readStream(Buffer.concat([begin, readAll(cursor)]))
    expect(faults).toEqual([])
    expect(breaks).toBe(5)
    expect(units.get(videoPid)?.slice(-2)).toEqual([39 * gop, 39 * gop + 3600])
    expect(cursor.skips).toBe(1)
  })

  it('is dropped where that is the policy', () => {
    const source = new Source({ keepMs: 0, mostBytes: 200_000 })
    const cursor = source.cursor({ slow: 'drop' })
    for (let filler = 0; filler < 5000; filler++) source.programme.more(0x1000)
    source.flow()
    expect(cursor.next()).toBeUndefined()
    expect([cursor.isDropped, cursor.isDone]).toEqual([true, true])
  })
})

describe('where another connection begins', () => {
  it('waits for its first access point', () => {
    const source = new Source()
    const cursor = source.cursor()
    for (let other = 0; other < 5; other++) source.programme.more(0x12)
    source.openGroup(gop)
    const begin = readAll(cursor)
    source.cut()
    source.programme.more(videoPid).more(0x12).more(0x12)
    source.flow()
    expect(readAll(cursor)).toHaveLength(0)
    source.openGroup(2 * gop)
    source.programme.more(0x12)
    source.flow()
    const { faults, units } = readStream(Buffer.concat([begin, readAll(cursor)]))
    expect(faults).toEqual([])
    expect(units.get(videoPid)?.slice(-2)).toEqual([2 * gop, 2 * gop + 3600])
  })

  it('goes on without one after a while', () => {
    const source = new Source()
    const cursor = source.cursor()
    source.openGroup(gop)
    readAll(cursor)
    source.cut()
    source.programme.more(videoPid)
    source.flow()
    expect(readAll(cursor)).toHaveLength(0)
    source.now += 2000
    expect(readStream(readAll(cursor))).toMatchObject({ breaks: 1, faults: [] })
  })
})

describe('where an engine begins anew that tells of no access points', () => {
  it('goes on at once, and tells the break of each PID with its next packet, however late that comes', () => {
    const source = new Source()
    const cursor = source.cursor()
    for (let other = 0; other < 5; other++) source.programme.more(0x12).more(0x1000)
    source.openGroup(gop)
    const got = [readAll(cursor)]
    source.cut(true)
    source.programme.more(0x1000)
    source.flow()
    got.push(readAll(cursor))
    expect(got.at(-1)).toHaveLength(2 * 188) // the word, and the packet
    source.openGroup(2 * gop)
    got.push(readAll(cursor))
    source.now += 10_000
    source.programme.more(0x12).more(0x12).more(0x1000)
    source.flow()
    got.push(readAll(cursor))
    expect(readStream(Buffer.concat(got))).toMatchObject({ faults: [], breaks: 6 })
  })

  it('tells the break also on a PID of which nothing is kept any more', () => {
    const source = new Source({ keepMs: 0 })
    const cursor = source.cursor()
    const got: Buffer[] = []
    source.openGroup(gop)
    source.flow()
    got.push(readAll(cursor))
    for (let packet = 0; packet < 1000; packet++) source.programme.more(0x1fff) // while nothing else comes
    source.flow()
    got.push(readAll(cursor))
    source.cut(true)
    source.openGroup(2 * gop)
    got.push(readAll(cursor))
    expect(readStream(Buffer.concat(got))).toMatchObject({ faults: [], breaks: 4 })
  })
})

describe('an access point that is told of before its bytes have come', () => {
  it('is none yet, also where no memory for them is there', () => {
    const source = running()
    const filler = 348 - ((source.reel.end / 188) % 348)
    for (let packet = 0; packet < filler; packet++) source.programme.more(0x1000)
    source.flow()
    const before = readAll(source.cursor()).length
    source.mark(100 * gop)
    expect(readAll(source.cursor())).toHaveLength(before)
  })
})

describe('Cursor.end', () => {
  it('gives what has come so far and no more', () => {
    const source = new Source()
    const cursor = source.cursor()
    source.programme.picture(1)
    source.flow()
    cursor.end()
    source.programme.picture(2)
    source.flow()
    expect(readAll(cursor)).toHaveLength(3 * 188)
    expect(cursor.isDone).toBe(true)
  })
})
