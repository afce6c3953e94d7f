// What `serve --demo` tells the person at the terminal: what can be watched, and how.

/** One address per channel of the emulated receiver, commands that play the first, and what lists them all. */
export function describeDemo(
  channels: readonly { name: string; ref: string; kind: string }[],
  { proxyPort, apiPort, tunerPort }: { proxyPort: number; apiPort: number; tunerPort?: number | undefined },
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
    'For Kodi, Jellyfin and others:',
    `  playlist  http://localhost:${apiPort}/playlist.m3u`,
    `  guide     http://localhost:${apiPort}/xmltv.xml`,
    ...(tunerPort === undefined
      ? []
      : [`  tuner     http://localhost:${tunerPort}  (HDHomeRun: Plex, Jellyfin, Emby, Channels)`]),
    '',
    'Ctrl-C stops.',
    '',
    '',
  ].join('\n')
}
