// What `serve --demo` tells the person at the terminal: what can be watched, and how.

/** One address per channel of the emulated receiver, and commands that play the first. */
export function describeDemo(
  channels: readonly { name: string; ref: string; kind: string }[],
  proxyPort: number,
): string {
  const address = (ref: string) => `http://localhost:${proxyPort}/${ref}`
  const width = Math.max(...channels.map(({ name }) => name.length))
  const first = address(channels[0]?.ref ?? '')
  return [
    '',
    'Channels of the emulated receiver:',
    ...channels.map(({ name, ref, kind }) => `  ${name.padEnd(width)}  ${address(ref)}  ${kind}`),
    '',
    'To watch one:',
    `  vlc ${first}`,
    `  ffplay ${first}`,
    '',
    'Ctrl-C stops.',
    '',
    '',
  ].join('\n')
}
