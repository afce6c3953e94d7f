import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import type { LineupChannel } from '../../src/guide/lineup.ts'
import { piconNames, Picons } from '../../src/guide/picons.ts'

const png = Buffer.from('\x89PNG\r\n\x1a\nBild', 'latin1')
const channel: LineupChannel = {
  id: '1-0-19-132F-3EF-1-C00001.enigma2',
  number: 1,
  name: 'Kino & Küche+ HD',
  ref: '1:0:19:132F:3EF:1:C00001:0:0:0:',
  groups: [],
  isRadio: false,
  isHd: true,
  picon: true,
}

let folder: string
let asked: string[]
let files: Record<string, Buffer>
const client = {
  file(path: string) {
    asked.push(path)
    const bytes = files[path.replace(/^\//, '')]
    return Promise.resolve(bytes && { type: 'image/png', bytes })
  },
}
const picons = (own?: string) => new Picons({ client, cache: join(folder, 'cache'), folder: own })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xg2g-picons-'))
  asked = []
  files = {}
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('piconNames', () => {
  it('are those that receivers look for, in their order', () => {
    expect(piconNames(channel)).toEqual([
      '1_0_19_132F_3EF_1_C00001_0_0_0',
      '1_0_19_132F_3EF_1_C00000_0_0_0',
      '1_0_1_132F_3EF_1_C00001_0_0_0',
      'Kino & Küche+ HD',
      'kinoandkucheplushd',
      'kinoandkucheplus',
    ])
  })

  it('stay in their folder, whatever the receiver calls its channels', () => {
    for (const name of ['../../etc/passwd', '..', '/etc/passwd', 'a\0b', '.hidden'])
      for (const file of piconNames({ ...channel, name })) expect(file).not.toMatch(/[/\\\0]|^\./)
  })
})

describe('Picons.get', () => {
  it('asks the receiver for the picon that it named, once', async () => {
    files['picon/a.png'] = png
    const found = await picons().get({ ...channel, piconPath: '/picon/a.png' })
    expect(found).toMatchObject({
      type: 'image/png',
      bytes: png,
      etag: expect.stringMatching(/^"[\w-]{16}"$/) as unknown,
    })
    expect(await picons().get({ ...channel, piconPath: '/picon/a.png' })).toEqual(found)
    expect(asked).toEqual(['/picon/a.png'])
  })

  it('tries the names in their order where the receiver names none', async () => {
    files['picon/1_0_1_132F_3EF_1_C00001_0_0_0.png'] = png
    expect(await picons().get(channel)).toBeDefined()
    expect(asked).toHaveLength(3)
  })

  it('asks for nothing where the receiver said that there is none', async () => {
    expect(await picons().get({ ...channel, piconPath: '' })).toBeUndefined()
    expect(asked).toEqual([])
  })

  it('remembers that there is none', async () => {
    expect(await picons().get(channel)).toBeUndefined()
    const count = asked.length
    expect(await picons().get(channel)).toBeUndefined()
    expect(asked).toHaveLength(count)
  })

  it('takes pictures for what they are, and nothing else', async () => {
    const kinds: Array<[Buffer, string | undefined]> = [
      [Buffer.from('\xff\xd8\xff\xe0', 'latin1'), 'image/jpeg'],
      [Buffer.from('<?xml version="1.0"?>\n<svg xmlns="x"/>'), 'image/svg+xml'],
      [Buffer.from('<html><svg></html>'), undefined],
      [Buffer.alloc(0), undefined],
      [Buffer.concat([png, Buffer.alloc(2 ** 20)]), undefined],
    ]
    for (const [index, [bytes, type]] of kinds.entries()) {
      files['picon/a.png'] = bytes
      const found = await picons().get({ ...channel, id: `${index}.enigma2`, piconPath: '/picon/a.png' })
      expect(found?.type).toBe(type)
    }
  })

  it('prefers the user’s own folder', async () => {
    const own = join(folder, 'own')
    mkdirSync(own)
    writeFileSync(join(own, 'kinoandkucheplus.svg'), '<svg/>')
    files['picon/a.png'] = png
    expect(await picons(own).get({ ...channel, piconPath: '/picon/a.png' })).toMatchObject({
      type: 'image/svg+xml',
    })
    expect(asked).toEqual([])
  })

  it('keeps nothing of a receiver that was away', async () => {
    let isAway = true
    const away = {
      file: (path: string) =>
        isAway ? Promise.reject(new AppError('RECEIVER_UNREACHABLE')) : client.file(path),
    }
    const some = new Picons({ client: away, cache: join(folder, 'cache') })
    await expect(some.get(channel)).rejects.toMatchObject({ code: 'RECEIVER_UNREACHABLE' })
    isAway = false
    files['picon/1_0_19_132F_3EF_1_C00001_0_0_0.png'] = png
    expect(await some.get(channel)).toBeDefined()
  })
})
