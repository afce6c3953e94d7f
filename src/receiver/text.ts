// Text as receivers send it: which bytes it is made of, entities, and the control characters of broadcasts.
// Every text is decoded once, at the edge; what comes out can stand in XML.

const entity = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos|nbsp));/gi
const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
}

/** The text of an answer: UTF-8, or Latin-1 where the bytes are not valid UTF-8. */
export function decodeBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Not TextDecoder('latin1'), which means windows-1252 and would lose DVB's control characters.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
}

/** Undoes HTML escapes once. A raw `&` and what is no entity stay as they are. */
export function unescapeHtml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(entity, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole
    const code = hex === undefined ? Number(decimal) : parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** Text of several lines without what must not leave this house: control characters, halves of
 *  surrogate pairs, non-characters. DVB's line break becomes a line break.
 *  @source ETSI EN 300 468, annex A.1 (0x8A, 0x86, 0x87; 0xE08A ... in two-byte tables) */
export function cleanText(text: string): string {
  const marked = text.replace(/\r\n?|[\u008a\ue08a\u0085\u2028\u2029]/g, '\n')
  return marked
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ue080-\ue09f\ufffe\uffff]/g, '')
    .toWellFormed()
    .replaceAll('\ufffd', '')
    .normalize('NFC')
    .replace(/[ \t\u00a0]*\n[ \t]*/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** The same on one line, as titles and names are. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/g, ' ')
}
