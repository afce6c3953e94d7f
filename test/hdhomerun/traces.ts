// What real clients ask of an HDHomeRun device and what they rely on in the answers, in our own words.
// Sources: the clients' own code and reports of their users; Kodi also by listening to it.

/** What a client looks at in an answer. */
export interface Expectation {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | RegExp>>
  /** Fields of the JSON body, or of the first element where it is a list. */
  readonly json?: Readonly<Record<string, unknown>>
  readonly body?: RegExp | 'empty' | 'stream'
}

export type Step =
  | {
      /** Method and path; `{channel}` is the path of the first channel's URL in the lineup. */
      readonly asks: string
      readonly headers?: Readonly<Record<string, string>>
      readonly expects: Expectation
      /** It goes on reading under this name. */
      readonly keeps?: string
    }
  /** It hangs up on what it kept. */
  | { readonly stops: string }
  /** Meanwhile others watch so much that no tuner is left. */
  | { readonly others: 'come' | 'leave' }
  /** So often has the receiver been asked for the channel by now. */
  | { readonly opened: number }

export interface Trace {
  readonly client: string
  readonly steps: readonly Step[]
}

const html = /<td>tuner0<\/td>/
const json = { 'content-type': 'application/json; charset=utf-8' }
const identity = {
  DeviceID: /^10[0-9A-F]{6}$/,
  TunerCount: 2,
  ModelNumber: /^(?!.*HDTC)HDHR/,
  BaseURL: /^http:\/\/127\.0\.0\.1:\d+$/,
  LineupURL: /^http:\/\/127\.0\.0\.1:\d+\/lineup\.json$/,
}
const entry = { GuideNumber: /^\d+$/, GuideName: /./, URL: /\/auto\/v\d+$/, AudioCodec: 'AAC' }
const stream: Expectation = {
  status: 200,
  headers: { 'content-type': /^video\//, 'x-hdhomerun-resource': 'tuner0' },
  body: 'stream',
}
/** After others have left: of the tuners that linger, which one is taken is the receiver's affair. */
const streamOfAny: Expectation = {
  ...stream,
  headers: { ...stream.headers, 'x-hdhomerun-resource': /^tuner[01]$/ },
}
const busy: Expectation = {
  status: 503,
  headers: { 'retry-after': /^\d+$/, 'x-hdhomerun-error': '805 All Tuners In Use' },
}
const idle = { status: 200, json: { ScanInProgress: 0, ScanPossible: 1, Source: /^(Cable|Antenna)$/ } }
const lavf = { 'User-Agent': 'Lavf/60.16.100', Accept: '*/*', Connection: 'close', 'Icy-MetaData': '1' }
const range = { Range: 'bytes=0-' }

const discover: Step = { asks: 'GET /discover.json', expects: { status: 200, headers: json, json: identity } }
const lineup: Step = { asks: 'GET /lineup.json', expects: { status: 200, headers: json, json: entry } }

/** Looks, hangs up, looks again: players probe before they play. */
const opensThrice = (headers: Readonly<Record<string, string>>): Step[] => [
  { asks: 'GET {channel}', headers, expects: stream, keeps: 'probe' },
  { stops: 'probe' },
  { asks: 'GET {channel}', headers, expects: stream, keeps: 'again' },
  { stops: 'again' },
  { asks: 'GET {channel}', headers, expects: stream, keeps: 'play' },
  { opened: 1 },
]

/** Nobody is put out for it, and nothing is asked of the receiver's stream port. */
const findsAllBusy = (headers: Readonly<Record<string, string>>): Step[] => [
  { stops: 'play' },
  { others: 'come' },
  { asks: 'GET {channel}', headers, expects: busy },
  { opened: 1 },
  { others: 'leave' },
  { asks: 'GET {channel}', headers, expects: streamOfAny, keeps: 'play' },
  { stops: 'play' },
]

export const traces: readonly Trace[] = [
  {
    client: 'Plex',
    steps: [
      { asks: 'GET /device.xml', expects: { status: 200, body: /<UDN>uuid:[0-9a-f-]{36}<\/UDN>/ } },
      { asks: 'GET /capability', expects: { status: 200, body: /<modelNumber>HDHR/ } },
      discover,
      { asks: 'GET /lineup_status.json', expects: idle },
      { asks: 'POST /lineup.post?scan=start&source=Cable', expects: { status: 200, body: 'empty' } },
      ...[0, 20, 40, 60, 80].map((progress): Step => ({
        asks: 'GET /lineup_status.json',
        expects: { status: 200, json: { ScanInProgress: 1, Progress: progress } },
      })),
      { asks: 'GET /lineup_status.json', expects: idle },
      lineup,
      ...opensThrice({ ...lavf, ...range }),
      ...findsAllBusy({ ...lavf, ...range }),
    ],
  },
  {
    client: 'Jellyfin',
    steps: [
      discover,
      lineup,
      { asks: 'GET {channel}', headers: { Connection: 'close' }, expects: stream, keeps: 'copy' },
      { asks: 'GET {channel}', headers: lavf, expects: stream, keeps: 'second' },
      { opened: 1 },
      { stops: 'second' },
      { stops: 'copy' },
      { asks: 'GET {channel}', headers: lavf, expects: stream, keeps: 'play' },
      ...findsAllBusy(lavf),
    ],
  },
  {
    client: 'Emby',
    steps: [discover, lineup, ...opensThrice({ ...lavf, ...range }), ...findsAllBusy(lavf)],
  },
  {
    client: 'Channels DVR',
    steps: [
      discover,
      { asks: 'GET /lineup.json?show=found', expects: { status: 200, headers: json, json: entry } },
      {
        asks: 'GET /lineup.json?tuning',
        headers: { 'User-Agent': 'Go-http-client/1.1' },
        expects: { status: 200, json: entry },
      },
      { asks: 'GET {channel}', headers: { Connection: 'close' }, expects: stream, keeps: 'play' },
      { asks: 'GET /tuners.html', expects: { status: 200, body: html } },
      {
        asks: 'GET /status.json',
        expects: {
          status: 200,
          json: { Resource: 'tuner0', VctName: 'Nostalgie TV', TargetIP: '127.0.0.1' },
        },
      },
      ...findsAllBusy({ Connection: 'close' }),
      {
        asks: 'GET {channel}?transcode=mobile',
        expects: { status: 400, headers: { 'x-hdhomerun-error': /^802 / } },
      },
    ],
  },
  {
    client: 'Kodi pvr.hdhomerun',
    steps: [
      lineup,
      {
        asks: 'HEAD {channel}',
        expects: { status: 200, headers: { 'content-type': /^video\// }, body: 'empty' },
      },
      ...opensThrice({ 'User-Agent': 'Kodi/20.1', ...range, Connection: 'close' }),
      ...findsAllBusy({ 'User-Agent': 'Kodi/20.1', ...range, Connection: 'close' }),
    ],
  },
]
