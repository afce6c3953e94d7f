import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanLine, cleanText, decodeBytes, unescapeHtml } from '../../src/receiver/text.ts'

describe('decodeBytes', () => {
  it('reads UTF-8, and Latin-1 where the bytes are not valid UTF-8', () => {
    expect(decodeBytes(Buffer.from('Küche'))).toBe('Küche')
    expect(decodeBytes(Buffer.from('Küche', 'latin1'))).toBe('Küche')
    expect(decodeBytes(Buffer.from([0x41, 0x8a, 0xfc]))).toBe('A\u008aü') // not windows-1252
  })
})

describe('unescapeHtml', () => {
  it.each([
    ['Tag &amp; Nacht', 'Tag & Nacht'],
    ['Chris&#x27; Felder', "Chris' Felder"],
    ['&quot;Nostromo&quot; &lt;n/a&gt;', '"Nostromo" <n/a>'],
    ['&#39;s', "'s"],
    ['&amp;amp;', '&amp;'], // once
    ['Lilo & Stitch', 'Lilo & Stitch'],
    ['R&B; &unknown; &#0; &#x110000;', 'R&B; &unknown; &#0; &#x110000;'],
  ])('%s -> %s', (escaped, plain) => expect(unescapeHtml(escaped)).toBe(plain))
})

describe('cleanText', () => {
  it('breaks lines where DVB does and drops its emphasis', () => {
    expect(cleanText('\u0086Titel\u0087\u008aZeile')).toBe('Titel\nZeile')
    expect(cleanText('\ue086Titel\ue087\ue08aZeile')).toBe('Titel\nZeile')
    expect(cleanText(' eins \r\n\n\n\n zwei \u001a\u0001')).toBe('eins\n\nzwei')
  })

  it('leaves nothing that XML does not allow, and leaves what is clean as it is', () => {
    const illegal = /[^\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const clean = cleanText(text)
        expect(clean).not.toMatch(illegal)
        expect(clean.isWellFormed()).toBe(true)
        expect(cleanText(clean)).toBe(clean)
      }),
    )
    expect(cleanText('\ud800allein\udc00')).toBe('allein')
  })
})

describe('cleanLine', () => {
  it('has one line', () => expect(cleanLine('RTL\nZWEI\u008aHD')).toBe('RTL ZWEI HD'))
})
