import { describe, expect, it } from 'vitest'
import { channels, referenceKey, transponderOf } from '../../src/demo/channels.ts'

describe('channels', () => {
  it('are on more transponders than the box has tuners', () => {
    expect(new Set(channels.map(({ transponder }) => transponder)).size).toBeGreaterThan(4)
    expect(channels.length).toBeGreaterThan(10)
  })

  it('have references, PIDs and names of their own', () => {
    const isUnique = (list: ReadonlyArray<string | number>): boolean => new Set(list).size === list.length
    expect(isUnique(channels.map(({ ref }) => ref))).toBe(true)
    expect(isUnique(channels.map(({ name }) => name))).toBe(true)
    expect(isUnique(channels.map(({ programme }) => programme.pmtPid))).toBe(true)
    for (const { programme } of channels) {
      const pids = [
        programme.pmtPid,
        programme.teletextPid,
        programme.video?.pid,
        ...programme.audio.map(({ pid }) => pid),
      ]
      const used = pids.filter((pid) => pid !== undefined)
      expect(isUnique(used)).toBe(true)
    }
  })

  it.each([
    ['1:0:19:132f:3ef:1:c00000:0:0:0:', '1:0:19:132F:3EF:1:C00000:0:0:0', '3EF:1:C00000'],
    [' 1:0:1:6D66:437:66:FFFF0000:0:0:0::Name ', '1:0:1:6D66:437:66:FFFF0000:0:0:0', '437:66:FFFF0000'],
  ])('%s has a key and a transponder', (ref, key, transponder) => {
    expect(referenceKey(ref)).toBe(key)
    expect(transponderOf(ref)).toBe(transponder)
  })
})
