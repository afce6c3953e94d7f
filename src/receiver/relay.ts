// The receiver's list of services that its relay serves: one reference a line, with comments.

/** Where it is on the receiver. */
export const whitelistPath = '/etc/enigma2/whitelist_streamrelay'

/** The first ten fields of each reference in the list, upper case. Lines that are none are passed over. */
export function readWhitelist(text: string): ReadonlySet<string> {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim().toUpperCase())
  const fields = lines.map((line) => line.split(':').slice(0, 10))
  return new Set(fields.filter((parts) => parts.length === 10).map((parts) => parts.join(':')))
}
