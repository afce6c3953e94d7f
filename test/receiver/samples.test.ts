// Answers of real receivers: every one is read, and nothing that it says is lost.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAnswer, type Value } from '../../src/receiver/answer.ts'
import { readAbout, readStatus } from '../../src/receiver/device.ts'
import { readEvents } from '../../src/receiver/event.ts'
import { readAllServices, readServices } from '../../src/receiver/listing.ts'

const folder = '../shared/samples/openwebif'
const hasSamples = existsSync(folder)
if (!hasSamples) process.stderr.write(`skipped: the recorded receiver answers are not in ${folder}\n`)
const files = hasSamples ? readdirSync(folder) : []

const bytes = (file: string): Buffer => readFileSync(join(folder, file))
const answer = (file: string) => readAnswer(bytes(file))

describe.runIf(hasSamples)('readAnswer', () => {
  it.each(files.filter((file) => file.endsWith('.json')))('keeps every value of %s', (file) => {
    expect(answer(file)).toEqual({ format: 'json', value: JSON.parse(bytes(file).toString()) as unknown })
  })

  it.each(files.filter((file) => file.endsWith('.xml')))('keeps every text of %s', (file) => {
    const texts = [
      ...bytes(file)
        .toString()
        .matchAll(/>([^<>]*[^<>\s][^<>]*)</g),
    ]
      .map(([, text]) => text!.trim())
      .filter((text) => text !== 'None')
    expect(leaves(answer(file).value).sort()).toEqual(texts.sort())
  })
})

describe.runIf(hasSamples)('readEvents', () => {
  it.each([
    ['joba1_vti__epgservice_subset.json', 8],
    ['joba1_vti__epgnow_subset.json', 9],
    ['joba1_box17__epgnow_subset.json', undefined],
    ['fbradyirl__epgsearch_empty.json', 0],
    ['nownext__epgservicenow.xml', 1],
    ['nownext__epgservicenext.xml', 1],
    ['vu__epgservice_cyrillic.xml', 1],
    ['dreamote__epgservice_noCurrenttime.xml', 1],
  ])('reads %s without what is no event', (file, count) => {
    const events = readEvents(answer(file))
    const said = (
      bytes(file)
        .toString()
        .match(/"begin_timestamp": [1-9]|<e2eventstart>[1-9]/g) ?? []
    ).length
    expect(events).toHaveLength(count ?? said)
    expect(events).toHaveLength(said)
    for (const event of events) {
      expect(event.title).not.toMatch(/^(N\/A|None|)$|&\w+;/)
      expect(event.durationS).toBeGreaterThan(0)
      expect(event.ref).toMatch(/^1:0:/)
    }
  })

  it('decodes entities once and keeps the broadcast’s control characters', () => {
    const [, , , tag] = readEvents(answer('joba1_vti__epgservice_subset.json'))
    expect(tag).toMatchObject({
      id: 16189,
      start: 1778864700,
      durationS: 4200,
      title: 'Berlin - Tag & Nacht',
    })
    const texts = readEvents(answer('joba1_vti__epgnow_subset.json')).map(({ long }) => long)
    expect(texts.some((text) => text.includes('\u008a'))).toBe(true)
    const cyrillic = readEvents(answer('vu__epgservice_cyrillic.xml'))
    expect(cyrillic[0]).toMatchObject({ title: 'ДОМА НА ДЕРЕВЬЯХ:', genre: undefined })
    expect(
      readEvents(answer('joba1_box17__epgnow_subset.json')).find(({ id }) => id === 44389),
    ).toMatchObject({
      genre: 129,
    })
  })
})

describe.runIf(hasSamples)('readServices', () => {
  it.each([
    ['notes__getservices_sf8008.json', [['1:0:19:1B13:802:2:11A0000:0:0:0:', 'BBC One SE HD']]],
    [
      'notes__getservices_vuultimo.json',
      [
        ['1:0:19:1B13:802:2:11A0000:0:0:0:', 'BBC One SE HD'],
        ['1:0:19:1B1C:802:2:11A0000:0:0:0:', 'BBC Two HD'],
      ],
    ],
    ['dreamote__getservices_empty.xml', []],
    [
      'vusolo2__getservices_bouquet.xml',
      [
        ['1:64:1:0:0:0:0:0:0:0::-- CD Standaardzenders --', '-- CD Standaardzenders --'],
        ['1:0:19:5225:C99:3:EB0000:0:0:0:', 'NPO1 HD'],
        ['1:0:19:17C0:C82:3:EB0000:0:0:0:', 'NPO2 HD'],
      ],
    ],
    [
      'vusolo2__getservices_root.xml',
      [
        [
          '1:7:1:0:0:0:0:0:0:0:FROM BOUQUET "userbouquet.favourites-hd.tv" ORDER BY bouquet',
          'Favorieten HD 10-04-2015',
        ],
      ],
    ],
  ])('reads %s', (file, rows) => {
    expect(readServices(answer(file)).map(({ ref, name }) => [ref, name])).toEqual(rows)
  })
})

describe.runIf(hasSamples)('readAllServices', () => {
  it('reads a complete old answer: four bouquets, 91 services, names that are none', () => {
    const bouquets = readAllServices(answer('joba1_vti__getallservices.json'))
    expect(bouquets).toHaveLength(4)
    const services = bouquets.flatMap((bouquet) => bouquet.services)
    expect(services.filter(({ ref }) => !ref.startsWith('1:64:'))).toHaveLength(91)
    expect(services.map(({ name }) => name)).toEqual(expect.arrayContaining(['<n/a>', '.']))
  })

  it('tells an empty bouquet from a filled one in XML', () => {
    const bouquets = readAllServices(answer('haenigma__getallservices.xml'))
    expect(bouquets.map(({ name, services }) => [name, services.length])).toEqual([
      ['Favourites (TV)', 0],
      ['01.0W - UPC+DIGI MIX', 1],
    ])
    expect(bouquets[1]?.services[0]?.ref).toBe('1:0:1:FC8:D:1:E062E2F:0:0:0:')
  })

  it('reads newer boxes', () => {
    const bouquets = readAllServices(answer('joba1_box17__getallservices_subset.json'))
    expect(bouquets.map(({ services }) => services.length)).toEqual([12, 6])
    expect(bouquets[0]?.services[10]?.name).toBe('WDR HD Köln')
  })
})

describe.runIf(hasSamples)('readAbout', () => {
  it.each([
    ['homeassistant__about.json', { brand: 'GigaBlue', model: 'UHD QUAD 4K', webif: 'OWIF 2.2.0' }, 9],
    ['homeassistant__about_without_mac.json', { image: 'openATV', imageVersion: '7.5.20241101' }, 9],
    ['fbradyirl__about.json', { model: 'M1', image: 'OpenATV', canTranscode: false }, 3],
    ['dreamote__about_dm800.xml', { model: 'dm800', webif: '1.6.6' }, 1],
    ['dm8000__deviceinfo.xml', { model: 'dm8000', imageVersion: '2015-05-28-tarball' }, 4],
  ])('reads %s', (file, about, tuners) => {
    const read = readAbout(answer(file))
    expect(read).toMatchObject(about)
    expect(read.tuners).toHaveLength(tuners)
    expect(read.tuners.every(({ name, type }) => name.startsWith('Tuner ') && type !== '')).toBe(true)
  })
})

describe.runIf(hasSamples)('readStatus', () => {
  it.each([
    ['fbradyirl__statusinfo_on.json', false],
    ['fbradyirl__statusinfo_standby.json', true],
    ['homeassistant__statusinfo_on.json', false],
    ['homeassistant__statusinfo_standby.json', true],
  ])('reads %s', (file, isStandby) => {
    expect(readStatus(answer(file))).toMatchObject({ isStandby, isRecording: false })
  })
})

function leaves(value: Value | undefined): string[] {
  if (value === null || value === undefined || value === '') return []
  return typeof value === 'object' ? Object.values(value).flatMap(leaves) : [String(value)]
}
