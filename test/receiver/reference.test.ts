import { describe, expect, it } from 'vitest'
import {
  decodePath,
  formatReference,
  isReferenceLike,
  parseReference,
  programNumber,
  referenceKey,
  referencePath,
  type ReferenceKind,
  transponderOf,
} from '../../src/receiver/reference.ts'

const hd = '1:0:19:132F:3EF:1:C00000:0:0:0'

// text, kind, as a receiver writes it, name
const table: readonly [string, ReferenceKind, string, string][] = [
  [`${hd}:`, 'service', `${hd}:`, ''],
  [hd, 'service', `${hd}:`, ''],
  [`${hd}::Das Erste HD`, 'service', `${hd}:`, 'Das Erste HD'],
  [`${hd}:Das Erste HD`, 'service', `${hd}:`, 'Das Erste HD'],
  [`  ${hd}: \n`, 'service', `${hd}:`, ''],
  ['1:0:19:132f:3ef:1:c00000:0:0:0:', 'service', `${hd}:`, ''],
  ['1:0:019:132F:03EF:0001:00C00000:0:0:0:', 'service', `${hd}:`, ''],
  ['1:0:2:1F:3:1:FFFF0000:0:0:0:', 'service', '1:0:2:1F:3:1:FFFF0000:0:0:0:', ''],
  ['8192:0:1:0:0:0:0:0:0:0::HDMI', 'service', '8192:0:1:0:0:0:0:0:0:0:', 'HDMI'],
  [
    `1:0:19:132F:3EF:1:C00000:0:0:0:http%3a//127.0.0.1%3a17999/1%3a0%3a19%3aABC%3a3EF%3a1%3aC00000%3a0%3a0%3a0%3a:Relayed`,
    'service',
    '1:0:19:ABC:3EF:1:C00000:0:0:0:',
    'Relayed',
  ],
  ['1:64:5:0:0:0:0:0:0:0::News', 'marker', '1:64:5:0:0:0:0:0:0:0:', ''],
  ['1:832:1:0:0:0:0:0:0:0:', 'marker', '1:832:1:0:0:0:0:0:0:0:', ''],
  [
    '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.x.tv" ORDER BY bouquet',
    'directory',
    '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.x.tv" ORDER BY bouquet',
    '',
  ],
  [
    '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "alternatives.x.tv" ORDER BY bouquet',
    'alternatives',
    '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "alternatives.x.tv" ORDER BY bouquet',
    '',
  ],
  ['1:0:0:0:0:0:0:0:0:0:/media/hdd/movie/x.ts', 'file', '1:0:0:0:0:0:0:0:0:0:/media/hdd/movie/x.ts', ''],
  [
    '4097:0:1:0:0:0:0:0:0:0:http%3a//example.invalid/a.ts:Web',
    'iptv',
    '4097:0:1:0:0:0:0:0:0:0:http%3a//example.invalid/a.ts',
    'Web',
  ],
]

describe('referencePath', () => {
  it.each([
    '1:0:19:132F:3EF:1:C00000:0:0:0:',
    '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "a#b?c%.tv" ORDER BY bouquet',
  ])('is found again in the address of %s', (ref) => {
    const { pathname, search, hash } = new URL(referencePath(ref), 'http://box')
    expect([decodePath(pathname), search, hash]).toEqual([ref, '', ''])
  })
})

describe('parseReference', () => {
  it.each(table)('reads %j as a %s', (text, kind, formatted, name) => {
    const reference = parseReference(text)
    expect(reference.kind).toBe(kind)
    expect(formatReference(reference)).toBe(formatted)
    if (name !== '') expect(reference.name).toBe(name)
    expect(formatReference(parseReference(formatReference(reference)))).toBe(formatted)
  })

  it.each([
    '',
    'index.html',
    '1:0:19:132F:3EF:1:C00000:0:0',
    '1:0:19:132G:3EF:1:C00000:0:0:0:',
    '1:0:19:132F:3EF:1:C0000000000:0:0:0:',
    '1:0:19:0:3EF:1:C00000:0:0:0:',
    '1:0:19:1FFFF:3EF:1:C00000:0:0:0:',
    `${hd}:\r\nHost: elsewhere`,
    `${hd}:${'x'.repeat(1100)}`,
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(/^Expected /)
  })
})

describe('referenceKey', () => {
  it('is the same for every way to write one service', () => {
    const keys = [`${hd}:`, `${hd}::Das Erste HD`, hd.toLowerCase()].map((text) =>
      referenceKey(parseReference(text)),
    )
    expect(new Set(keys)).toEqual(new Set([hd]))
  })
})

describe('programNumber', () => {
  it('is the service id', () => {
    expect(programNumber(parseReference(`${hd}:`))).toBe(4911)
  })
})

describe('decodePath', () => {
  it.each([
    [`/${hd}:`, `${hd}:`],
    [`/${encodeURIComponent(`${hd}:`)}`, `${hd}:`],
    [`/${encodeURIComponent(encodeURIComponent(`${hd}:`))}`, `${hd}:`],
    [`/${hd}::Das%20Erste%20HD`, `${hd}::Das Erste HD`],
    ['/%zz', '%zz'],
  ])('reads %s', (path, text) => {
    expect(decodePath(path)).toBe(text)
  })
})

describe('isReferenceLike', () => {
  it('tells references from other paths', () => {
    expect(['1:0:19', '4097:0:1:0', ' 1:0:'].every(isReferenceLike)).toBe(true)
    expect(['auto/v5', 'stream/x', '', 'favicon.ico'].some(isReferenceLike)).toBe(false)
  })
})

describe('transponderOf', () => {
  it.each([
    ['1:0:19:132F:3EF:1:C00000:0:0:0:', '3EF:1:C00000'],
    ['1:0:16:1072:301:2114:eeee0000:0:0:0::Name', '301:2114:EEEE0000'],
    [
      '1:0:19:132F:3EF:1:C00000:0:0:0:http%3a//127.0.0.1%3a17999/1%3a0%3a19%3a132F%3a3F0%3a1%3aC00000%3a0%3a0%3a0%3a',
      '3F0:1:C00000',
    ],
    ['4097:0:1:1:2:3:4:0:0:0:http%3a//example.org/a:Name', undefined],
    ['8192:0:1:0:0:0:0:0:0:0:', undefined],
    ['1:0:0:0:0:0:0:0:0:0:/media/hdd/movie/a.ts', undefined],
    [
      '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "alternatives.a.tv" ORDER BY bouquet',
      '1:134:1:0:0:0:0:0:0:0:FROM BOUQUET "alternatives.a.tv" ORDER BY bouquet',
    ],
  ])('%s is on %s', (text, transponder) => {
    expect(transponderOf(parseReference(text))).toBe(transponder)
  })
})
