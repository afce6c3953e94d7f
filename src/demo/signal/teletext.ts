// Teletext as PES payloads that fill exactly one transport packet each: three lines per PES.
// Sources: EN 300 472 (carriage), EN 300 706 (page header, Hamming 8/4, odd parity).

/** Length of the PES header in front of teletext: with it three lines make 184 bytes. */
export const teletextHeaderBytes = 45

const linesPerPes = 3
const columns = 40

/** The PES payloads (behind the header) that carry one page, e.g. number 0x100. */
export function teletextPage(page: number, rows: readonly string[]): Buffer[] {
  const magazine = (page >> 8) & 7
  const header = `  ${page.toString(16)} ${rows[0] ?? ''}`
  const lines = [headerLine(magazine, page & 0xff, header)]
  rows.slice(1, 24).forEach((text, index) => lines.push(line(magazine, index + 1, parity(text, columns))))
  while (lines.length % linesPerPes !== 0) lines.push(stuffingLine())
  const payloads: Buffer[] = []
  for (let from = 0; from < lines.length; from += linesPerPes) {
    const units = lines.slice(from, from + linesPerPes).map((unit, index) => placed(unit, from + index))
    payloads.push(Buffer.concat([Buffer.of(0x10), ...units]))
  }
  return payloads
}

function headerLine(magazine: number, page: number, text: string): Buffer {
  const eraseFlag = 8
  const serialFlag = 1
  const digits = [page & 15, page >> 4, 0, eraseFlag, 0, 0, 0, serialFlag]
  return line(magazine, 0, Buffer.concat([Buffer.from(digits.map(hamming)), parity(text, 32)]))
}

/** One data unit of 46 bytes; line and field are set by `placed`. */
function line(magazine: number, row: number, data: Buffer): Buffer {
  const address = [hamming(magazine | ((row & 1) << 3)), hamming(row >> 1)]
  const sent = [...address, ...data].map(reversed)
  return Buffer.from([0x02, 0x2c, 0, 0xe4, ...sent])
}

function stuffingLine(): Buffer {
  return Buffer.from([0xff, 0x2c, ...Array<number>(44).fill(0xff)])
}

function placed(unit: Buffer, index: number): Buffer {
  const isStuffing = unit.readUInt8(0) === 0xff
  if (!isStuffing) unit.writeUInt8(0xe0 | (7 + (index % 16)), 2) // first field, lines 7..22
  return unit
}

function parity(text: string, length: number): Buffer {
  const codes = [...text.padEnd(length).slice(0, length)].map((character) => character.charCodeAt(0) & 0x7f)
  return Buffer.from(codes.map((code) => (ones(code) % 2 === 0 ? code | 0x80 : code)))
}

function ones(value: number): number {
  let count = 0
  for (let rest = value; rest > 0; rest >>= 1) count += rest & 1
  return count
}

const hammingCodes = Buffer.from('1502495e6473382fd0c78c9ba1b6fdea', 'hex')

function hamming(nibble: number): number {
  return hammingCodes.readUInt8(nibble)
}

/** The bits of a byte the other way round: teletext sends the lowest first, a transport stream the highest. */
function reversed(byte: number): number {
  let result = 0
  for (let bit = 0; bit < 8; bit++) result |= ((byte >> bit) & 1) << (7 - bit)
  return result
}
