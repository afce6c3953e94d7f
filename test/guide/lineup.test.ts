import { describe, expect, it } from 'vitest'
import { buildLineup, chooseBouquets, Lineup, type Bouquet } from '../../src/guide/lineup.ts'

const ref = (sid: string, type = '19') => `1:0:${type}:${sid}:3FB:1:C00000:0:0:0:`
const bouquet = (name: string, isRadio = false): Bouquet => ({
  name,
  ref: `1:7:1:0:0:0:0:0:0:0:${name}`,
  isRadio,
})
const filled = (name: string, rows: Array<[string, string]>, isRadio = false) => ({
  ...bouquet(name, isRadio),
  rows: rows.map(([ref, name]) => ({ ref, name })),
})
const build = (rows: Array<[string, string]>, isRadio = false) =>
  buildLineup([filled('A', rows, isRadio)], new Map())

describe('chooseBouquets', () => {
  const [a, b, c] = [bouquet('Kino & Küche'), bouquet('Sport'), bouquet('Sport')] as const

  it('takes all where none is wanted, else the wanted ones in the wanted order', () => {
    expect(chooseBouquets([a, b, c], []).chosen).toEqual([a, b, c])
    expect(chooseBouquets([a, b, c], [' sport ', a.ref]).chosen).toEqual([b, c, a])
  })

  it('names what is missing and takes the others', () => {
    expect(chooseBouquets([a, b], ['Fehlt', 'Sport'])).toEqual({ chosen: [b], missing: ['Fehlt'] })
  })
})

describe('buildLineup', () => {
  it.each([
    ['a marker', '1:64:1:0:0:0:0:0:0:0::Kino', 'Kino'],
    ['a numbered marker', '1:320:1:0:0:0:0:0:0:0::Kino', 'Kino'],
    ['a hidden marker', '1:832:1:0:0:0:0:0:0:0::Kino', 'Kino'],
    ['a bouquet', '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "x.tv" ORDER BY bouquet', 'Ordner'],
    ['the HDMI input', '8192:0:1:0:0:0:0:0:0:0:', 'HDMI-IN'],
    ['a name that is none', ref('1'), '<n/a>'],
    ['a dot', ref('1'), '.'],
    ['a file', '1:0:0:0:0:0:0:0:0:0:/hdd/movie/a.ts', 'Film'],
    ['what is no reference', 'x', 'X'],
    ['an address on the box itself', '4097:0:1:0:0:0:0:0:0:0:http%3a//127.0.0.1%3a8088/a:A', 'A'],
    ['an address that is none', '4097:0:1:0:0:0:0:0:0:0:javascript%3aalert(1):A', 'A'],
  ])('leaves out %s', (_, row, name) => expect(build([[row, name]])).toEqual([]))

  it('lists a service once, with all its groups', () => {
    const rows: Array<[string, string]> = [[ref('283D'), 'Das Erste HD']]
    const lineup = buildLineup([filled('A', rows), filled('B', rows), filled('A', rows)], new Map())
    expect(lineup).toMatchObject([
      { id: '1-0-19-283D-3FB-1-C00000.enigma2', number: 1, groups: ['A', 'B'], isHd: true, isRadio: false },
    ])
  })

  it('knows spellings, names and relays of one service', () => {
    const lineup = build([
      [ref('283D'), 'Das Erste HD'],
      [ref('283d').toLowerCase(), 'das erste'],
      [
        `${ref('283D')}http%3a//127.0.0.1%3a17999/1%3a0%3a19%3a283D%3a3FB%3a1%3aC00000%3a0%3a0%3a0%3a:Relais`,
        'Relais',
      ],
    ])
    expect(lineup).toHaveLength(1)
    expect(lineup[0]!.ref).toBe(ref('283D'))
  })

  it('keeps IPTV entries apart, with their own addresses', () => {
    const lineup = build([
      ['4097:0:1:0:0:0:0:0:0:0:http%3a//example.org%3a81/a.ts?token=1:Eins', 'Eins'],
      ['4097:0:1:0:0:0:0:0:0:0:https%3a//example.org/b.ts:Zwei', 'Zwei'],
    ])
    expect(lineup.map(({ url }) => url)).toEqual([
      'http://example.org:81/a.ts?token=1',
      'https://example.org/b.ts',
    ])
    expect(new Set(lineup.map(({ id }) => id)).size).toBe(2)
    for (const { id } of lineup) expect(id).toMatch(/^[\w-]+\.enigma2$/)
  })

  it('tells radio by its type or its bouquet', () => {
    expect(
      build([
        [ref('1', '2'), 'A'],
        [ref('2', 'A'), 'B'],
        [ref('3', '1'), 'C'],
      ]).map(({ isRadio }) => isRadio),
    ).toEqual([true, true, false])
    expect(build([[ref('3', '1'), 'C']], true)[0]!.isRadio).toBe(true)
  })

  it('gives new channels the next numbers and leaves all others theirs', () => {
    const first = build([
      [ref('1'), 'A'],
      [ref('2'), 'B'],
      [ref('3'), 'C'],
    ])
    const numbers = new Map(first.map(({ id, number }) => [id, number]))
    const later = buildLineup(
      [
        filled('A', [
          [ref('4'), 'D'],
          [ref('3'), 'C'],
          [ref('1'), 'Neuer Name'],
        ]),
      ],
      numbers,
    )
    expect(later.map(({ name, number }) => [name, number])).toEqual([
      ['D', 4],
      ['C', 3],
      ['Neuer Name', 1],
    ])
  })
})

describe('Lineup', () => {
  it('lists by group and kind', () => {
    const lineup = new Lineup(
      buildLineup(
        [filled('TV', [[ref('1'), 'A']]), filled('Radio', [[ref('2', '2'), 'B']], true)],
        new Map(),
      ),
    )
    expect(lineup.groups).toEqual(['TV', 'Radio'])
    expect(lineup.list({ group: 'Radio' }).map(({ name }) => name)).toEqual(['B'])
    expect(lineup.list({ isRadio: false }).map(({ name }) => name)).toEqual(['A'])
    expect(lineup.list({ group: 'TV', isRadio: true })).toEqual([])
  })
})
