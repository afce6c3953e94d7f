// The document against the tools that others check guides with.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeBody } from '../../src/guide/body.ts'
import type { Channel, Programme } from '../../src/guide/guide.ts'
import { Xmltv, type WriteBody, type XmltvVersion } from '../../src/guide/xmltv.ts'
import { generationMs } from '../demo/client.ts'
import { house, readXmltv } from './house.ts'

const dtd = '/usr/share/xmltv/xmltv.dtd'
const hasTools = existsSync(dtd) && ['tv_validate_file', 'tv_sort', 'xmllint'].every(isInstalled)
if (!hasTools) process.stderr.write('skipped: XMLTV checks need the packages xmltv-util and libxml2-utils\n')

function isInstalled(tool: string): boolean {
  return spawnSync('which', [tool]).status === 0
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xg2g-xmltv-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const channel = (number: number, name: string): Channel => ({
  id: `1-0-19-${number}-1-1-C00000.enigma2`,
  number,
  name,
  ref: `1:0:19:${number}:1:1:C00000:0:0:0:`,
  groups: ['A'],
  isRadio: false,
  isHd: true,
  picon: true,
})
const channels = [channel(1, 'Eins & "Zwei" <HD>'), channel(2, 'Leer')]
const programme: Programme = {
  channelId: channels[0]!.id,
  id: 5,
  start: 1_774_746_000, // 2026-03-29 01:00 UTC, when clocks in Berlin jump
  stop: 1_774_749_600,
  title: 'Tag & Nacht <1>',
  subtitle: 'Der "Anfang"',
  description: 'Zeile eins\nZeile zwei ]]> ü 𝄞',
  categories: ['Movie', 'Thriller'],
  episode: { season: 2, number: 5, total: 12 },
}
let listed: readonly Programme[] = []
const write: WriteBody = (path, all) =>
  writeBody(path, all, ({ id }) => listed.filter(({ channelId }) => channelId === id))
const never = new AbortController().signal

async function build(xmltv: Xmltv, list: readonly Programme[]): Promise<XmltvVersion> {
  let kept: XmltvVersion | undefined
  listed = list
  await xmltv.build(channels, (version) => (kept = version), never)
  return kept!
}

describe('Xmltv.open', () => {
  it('has the children of a programme in their order, times in UTC, and escapes', async () => {
    const xmltv = new Xmltv(folder, write, undefined)
    await build(xmltv, [programme])
    expect(await text((await xmltv.open('http://h:1'))!.open('identity'))).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv generator-info-name="xg2g">
<channel id="1-0-19-1-1-1-C00000.enigma2"><display-name>Eins &amp; &quot;Zwei&quot; &lt;HD&gt;</display-name><display-name>1 Eins &amp; &quot;Zwei&quot; &lt;HD&gt;</display-name><display-name>1</display-name><icon src="http://h:1/picons/1-0-19-1-1-1-C00000.enigma2.png"/></channel>
<channel id="1-0-19-2-1-1-C00000.enigma2"><display-name>Leer</display-name><display-name>2 Leer</display-name><display-name>2</display-name><icon src="http://h:1/picons/1-0-19-2-1-1-C00000.enigma2.png"/></channel>
<programme start="20260329010000 +0000" stop="20260329020000 +0000" channel="1-0-19-1-1-1-C00000.enigma2"><title>Tag &amp; Nacht &lt;1&gt;</title><sub-title>Der &quot;Anfang&quot;</sub-title><desc>Zeile eins
Zeile zwei ]]&gt; ü 𝄞</desc><category lang="en">Movie</category><category lang="en">Thriller</category><episode-num system="xmltv_ns">1.4/12.</episode-num><episode-num system="onscreen">S02E05/12</episode-num></programme>
</tv>
`,
    )
  })

  it('gives a reader the version that it opened, also when a new one comes meanwhile', async () => {
    const xmltv = new Xmltv(folder, write, undefined)
    await build(xmltv, [programme])
    const old = (await xmltv.open(undefined))!
    const before = await text(old.open('identity'))
    await build(xmltv, [{ ...programme, title: 'Neu' }])
    expect(await text(old.open('identity'))).toBe(before)
    expect(await text((await xmltv.open(undefined))!.open('identity'))).toContain('<title>Neu</title>')
    await build(xmltv, [])
    expect(readdirSync(folder)).toHaveLength(2) // the one of now and the one before
  })

  it('is the same after a restart, and nothing when somebody removed the file', async () => {
    const version = await build(new Xmltv(folder, write, undefined), [programme])
    const again = new Xmltv(folder, write, version)
    const document = (await again.open(undefined))!
    expect(gunzipSync(await buffer(document.open('gzip')))).toEqual(await buffer(document.open('identity')))
    await rm(join(folder, version.file))
    expect(await again.open(undefined)).toBeUndefined()
  })

  it('ends when its reader leaves', async () => {
    const xmltv = new Xmltv(folder, write, undefined)
    await build(
      xmltv,
      Array.from({ length: 20_000 }, (_, index) => ({ ...programme, start: programme.start + index })),
    )
    for (const encoding of ['gzip', 'identity'] as const) {
      const stream = (await xmltv.open(undefined))!.open(encoding)
      await stream[Symbol.asyncIterator]().next()
      stream.destroy()
      await once(stream, 'close')
      expect(stream.destroyed).toBe(true)
    }
  })
})

describe('Xmltv.build', () => {
  it('leaves the last version and no half file when writing fails', async () => {
    let isBroken = false
    const xmltv = new Xmltv(
      folder,
      async (path, all, signal) => {
        const summary = await write(path, all, signal)
        if (isBroken) throw new Error('disk full')
        return summary
      },
      undefined,
    )
    const { hash } = await build(xmltv, [programme])
    isBroken = true
    await expect(build(xmltv, [])).rejects.toThrow('disk full')
    expect(xmltv.version!.hash).toBe(hash)
    expect(readdirSync(folder)).toHaveLength(1)
  })

  it('keeps name and date while the content is the same', async () => {
    const xmltv = new Xmltv(folder, write, undefined)
    const first = await build(xmltv, [programme])
    const second = await build(xmltv, [programme])
    expect(second).toMatchObject({ hash: first.hash, changedAt: first.changedAt })
  })
})

describe.runIf(hasTools)('the document of the demo receiver', () => {
  it(
    'is valid for tv_validate_file, xmllint and tv_sort',
    async () => {
      await using home = await house()
      const guide = home.open()
      await guide.refresh('all').done
      const file = join(folder, 'guide.xml')
      writeFileSync(file, await readXmltv(guide, 'http://tv.example.org:8080'))
      const run = (tool: string, ...args: string[]) =>
        spawnSync(tool, args, {
          encoding: 'utf8',
          env: { ...process.env, XMLTV_SUPPLEMENT: '/usr/share/xmltv' },
        })
      expect(run('xmllint', '--noout', '--dtdvalid', dtd, file)).toMatchObject({ status: 0 })
      expect(run('tv_validate_file', file)).toMatchObject({ status: 0, stdout: 'Validated ok.\n' })
      expect(
        run('tv_sort', '--by-channel', '--duplicate-error', '--output', '/dev/null', file),
      ).toMatchObject({ status: 0, stderr: '' })
    },
    generationMs,
  )
})
