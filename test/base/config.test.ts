import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeConfig, loadConfig } from '../../src/base/config.ts'
import { AppError } from '../../src/base/errors.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xg2g-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function fileWith(content: string): string {
  const file = join(folder, `${Math.random()}.yaml`)
  writeFileSync(file, content)
  return file
}

function problemOf(load: () => unknown): string {
  try {
    load()
  } catch (error) {
    expect(error).toBeInstanceOf(AppError)
    expect((error as AppError).code).toBe('CONFIG_INVALID')
    return (error as AppError).message
  }
  throw new Error('the configuration was accepted')
}

describe('loadConfig', () => {
  it('has a default for all that needs one', () => {
    const { workers, ...config } = loadConfig({ env: {} })
    expect(config).toEqual({
      owiTimeoutMs: 10_000,
      owiFallback: [],
      tuners: 'auto',
      tunersReserved: 0,
      linger: 5000,
      bouquets: [],
      channelRefresh: 45 * 60_000,
      epgRefresh: 6 * 3_600_000,
      epgDays: 7,
      epgTimeoutMs: 15_000,
      data: 'var',
      listen: { host: undefined, port: 8080 },
      tlsListen: { host: undefined, port: 8443 },
      transcoderListen: { host: undefined, port: 3000 },
      transcoderSources: [],
      trustedProxies: [],
      allowedOrigins: [],
      rateLimitEnabled: true,
      rateLimitRps: 50,
      rateLimitBurst: 500,
      rateLimitWhitelist: [],
      enableStreamProxy: true,
      proxyListen: { host: undefined, port: 8001 },
      hlsIos: true,
      enableAudioTranscoding: true,
      audioCodec: 'aac',
      audioEncoder: 'xg2g',
      audioBitrate: 192_000,
      audioChannels: 2,
      audioLanguage: [],
      audioTracks: 'all',
      useNativeRemuxer: true,
      ffmpeg: 'ffmpeg',
      streamsPerWorker: 128,
      slowClients: 'skip',
      reconnect: 60_000,
      mostClients: 512,
      mostStreams: 128,
      mostStreamsPerClient: 64,
      mostBufferMb: 1024,
      hlsEnabled: true,
      hlsPart: 200,
      hlsSegment: 2000,
      hlsWindow: 30_000,
      hlsLinger: 45_000,
      mostHls: 32,
      hlsDvr: 0,
      hlsDvrMb: 4096,
      udsPath: '/run/xg2g/remux.sock',
      udsMode: 0o660,
      udsUsers: [],
      mostJobs: 128,
      jobIdle: 30_000,
      hdhrEnabled: true,
      hdhrListen: { host: undefined, port: 5004 },
      hdhrNetworks: ['private'],
      hdhrDiscovery: true,
      hdhrFriendlyName: 'xg2g',
      hdhrTuners: 'auto',
      hdhrSplit: 'auto',
      logLevel: 'info',
      warnings: [],
      given: [],
    })
    expect(workers).toBeGreaterThanOrEqual(1)
  })

  it.each([
    ['XG2G_HLS_PART', 'off', 'hlsPart', 0],
    ['XG2G_HLS_PART', '333ms', 'hlsPart', 333],
    ['XG2G_HLS_DVR', '2h', 'hlsDvr', 7_200_000],
    ['XG2G_HLS_DVR', '0', 'hlsDvr', 0],
  ] as const)('reads %s=%s', (name, value, key, ms) => {
    expect(loadConfig({ env: { [name]: value } })[key]).toBe(ms)
  })

  it.each([
    ['XG2G_HLS_PART', '50ms', 'off or a time from 100ms to 2s'],
    ['XG2G_HLS_DVR', '5h', 'off or a time from 1m to 4h'],
    ['XG2G_HLS_SEGMENT', '20s', 'a time from 1s to 6s'],
    ['XG2G_HLS_LINGER', '1s', 'a time from 10s to 1h'],
  ])('refuses %s=%s', (name, value, expected) => {
    expect(() => loadConfig({ env: { [name]: value } })).toThrow(`Expected ${expected}`)
  })

  it('reads the environment', () => {
    const env = {
      XG2G_OWI_BASE: 'http://192.168.1.20/',
      XG2G_OWI_USER: 'root',
      XG2G_OWI_PASS: '0123',
      XG2G_LISTEN: '127.0.0.1:0',
      XG2G_PROXY_TARGET: 'http://192.168.1.20:8001',
      XG2G_ENABLE_AUDIO_TRANSCODING: 'false',
      XG2G_AUDIO_CODEC: 'mp3',
      XG2G_AUDIO_ENCODER: 'libavcodec',
      XG2G_AUDIO_BITRATE: '128k',
      XG2G_AUDIO_CHANNELS: '6',
      XG2G_AUDIO_LANGUAGE: 'deu, eng',
      XG2G_WORKERS: '4',
      XG2G_TUNERS: '2',
      XG2G_LINGER: '0s',
      PATH: '/bin',
    }
    expect(loadConfig({ env })).toMatchObject({
      tuners: 2,
      linger: 0,
      owiBase: 'http://192.168.1.20',
      owiUser: 'root',
      owiPass: '0123',
      listen: { host: '127.0.0.1', port: 0 },
      proxyTarget: 'http://192.168.1.20:8001',
      enableAudioTranscoding: false,
      audioCodec: 'mp3',
      audioEncoder: 'libavcodec',
      audioBitrate: 128_000,
      audioChannels: 6,
      audioLanguage: ['deu', 'eng'],
      workers: 4,
    })
  })

  it.each([
    ['http://box:3000', 'http://box:3000'],
    ['http://192.168.1.9:3000/', 'http://192.168.1.9:3000'],
    ['unix:/run/xg2g/remux.sock', 'unix:/run/xg2g/remux.sock'],
  ])('finds a transcoder at %s', (url, read) => {
    expect(loadConfig({ env: { XG2G_TRANSCODER_URL: url } }).transcoderUrl).toBe(read)
  })

  it('takes an empty variable as not set', () => {
    expect(loadConfig({ env: { XG2G_OWI_BASE: '', XG2G_LISTEN: '' } })).toMatchObject({
      listen: { port: 8080 },
    })
  })

  it.each(['', 'off', ' off '])('switches the job socket off by %j', (value) => {
    expect(loadConfig({ env: { XG2G_UDS_PATH: value } }).udsPath).toBe('off')
    expect(loadConfig({ env: {}, file: fileWith(`udsPath: "${value}"\n`) }).udsPath).toBe('off')
    expect(loadConfig({ env: {}, file: fileWith('udsPath:\n') }).udsPath).toBe('/run/xg2g/remux.sock')
  })

  it('reads permissions as octal, also where YAML takes them for a number', () => {
    expect(loadConfig({ env: { XG2G_UDS_MODE: '0600' } }).udsMode).toBe(0o600)
    expect(loadConfig({ env: {}, file: fileWith('udsMode: 0666\nudsUsers: [1000, tv]\n') })).toMatchObject({
      udsMode: 0o666,
      udsUsers: ['1000', 'tv'],
    })
    expect(loadConfig({ env: {}, file: fileWith('udsUsers: 1000\n') }).udsUsers).toEqual(['1000'])
  })

  it('tells what was set from what is a default', () => {
    const file = fileWith('udsPath: /run/xg2g/remux.sock\nlinger:\n')
    const env = { XG2G_USE_RUST_REMUXER: 'false', XG2G_LISTEN: '' }
    expect(loadConfig({ env, file }).given).toEqual(['useNativeRemuxer', 'udsPath'])
  })

  it('reads a YAML file in the types of YAML', () => {
    const file = fileWith(
      'listen: :9000\naudioChannels: 6\naudioBitrate: 96000\nuseNativeRemuxer: no\naudioLanguage: [deu]\nworkers:\n',
    )
    expect(loadConfig({ env: {}, file })).toMatchObject({
      listen: { port: 9000 },
      audioChannels: 6,
      audioBitrate: 96_000,
      useNativeRemuxer: false,
      audioLanguage: ['deu'],
    })
  })

  it('lets the environment win over the file', () => {
    const file = fileWith('audioBitrate: 96k\naudioCodec: mp3\n')
    expect(loadConfig({ env: { XG2G_AUDIO_BITRATE: '256k' }, file })).toMatchObject({
      audioBitrate: 256_000,
      audioCodec: 'mp3',
    })
  })

  it.each(['', '# nothing yet\n'])('accepts a file without settings', (content) => {
    expect(loadConfig({ env: {}, file: fileWith(content) }).audioCodec).toBe('aac')
  })

  it.each(['XG2G_USE_RUST_REMUXER', 'XG2G_USE_RUST_TRANSCODER'])(
    'reads the old name %s and warns',
    (name) => {
      const config = loadConfig({ env: { [name]: 'false' } })
      expect(config.useNativeRemuxer).toBe(false)
      expect(config.warnings).toEqual([`${name} is an old name of XG2G_USE_NATIVE_REMUXER`])
    },
  )

  it('prefers the new name to an old one', () => {
    const env = { XG2G_USE_RUST_REMUXER: 'false', XG2G_USE_NATIVE_REMUXER: 'true' }
    expect(loadConfig({ env }).useNativeRemuxer).toBe(true)
  })

  it('warns of names whose part does not exist yet', () => {
    expect(loadConfig({ env: { XG2G_HDHR_MODEL: 'HDTC-2US' } }).warnings).toEqual([
      'XG2G_HDHR_MODEL has no effect in this version',
    ])
  })

  it.each([
    [
      'XG2G1234',
      /^Expected 8 hex digits .* such as 10[0-9A-F]{6} for XG2G_HDHR_DEVICE_ID but received "XG2G1234"$/,
    ],
    ['1038F5AC', /such as 1038F5A6 for XG2G_HDHR_DEVICE_ID/],
  ])('offers a valid device id in place of %s', (id, message) => {
    expect(problemOf(() => loadConfig({ env: { XG2G_HDHR_DEVICE_ID: id } }))).toMatch(message)
  })

  it('reads what the HDHomeRun tuner is to be, the number of tuners also under its old name', () => {
    const env = {
      XG2G_HDHR_DEVICE_ID: '1038f5a6',
      XG2G_HDHR_NETWORKS: 'private, 203.0.113.0/24',
      XG2G_HDHR_TUNER_COUNT: '2',
    }
    expect(loadConfig({ env })).toMatchObject({
      hdhrDeviceId: '1038F5A6',
      hdhrNetworks: ['private', '203.0.113.0/24'],
      hdhrTuners: 2,
    })
  })

  it.each([
    [{ XG2G_LISTEN: 'abc' }, /^Expected an address to listen on .* for XG2G_LISTEN but received "abc"$/],
    ...[
      'box:3000',
      'https://box:3000',
      'http://box:3000/path',
      'http://box:3000/?a=1',
      'http://root:geheim@box:3000',
      'unix:remux.sock',
      `unix:/${'x'.repeat(107)}`,
    ].map((url): [Record<string, string>, RegExp] => [
      { XG2G_TRANSCODER_URL: url },
      /^Expected http:\/\/host:port or unix:\/path for XG2G_TRANSCODER_URL but received "/,
    ]),
    [{ XG2G_AUDIO_CODEC: 'opus' }, /^Expected one of aac, mp3 for XG2G_AUDIO_CODEC but received "opus"$/],
    [{ XG2G_AUDIO_CHANNELS: '3' }, /^Expected one of 1, 2, 6 for XG2G_AUDIO_CHANNELS but received "3"$/],
    [
      { XG2G_AUDIO_LANGUAGE: Array(17).fill('deu').join() },
      /^Expected at most 16 languages for XG2G_AUDIO_LANGUAGE but received "deu,/,
    ],
    [{ XG2G_AUDIO_TRACKS: 'two' }, /^Expected one of all, one for XG2G_AUDIO_TRACKS but received "two"$/],
    [{ XG2G_AUDIO_BITRATE: '9M' }, /^Expected a bitrate .* for XG2G_AUDIO_BITRATE but received "9M"$/],
    [
      { XG2G_WORKERS: '0' },
      /^Expected auto or a whole number from 1 to 256 for XG2G_WORKERS but received "0"$/,
    ],
    [
      { XG2G_OWI_BASE: 'box' },
      /^Expected an http:\/\/ or https:\/\/ address for XG2G_OWI_BASE but received "box"$/,
    ],
    [
      { XG2G_API_TOKEN: 'short' },
      /^Expected a token of at least 8 .* for XG2G_API_TOKEN but received "\*{3}"$/,
    ],
    [
      { XG2G_TRUSTED_PROXIES: '10.0.0.0/8,proxy' },
      /^Expected addresses or networks .* for XG2G_TRUSTED_PROXIES/,
    ],
    [{ XG2G_EPG_DAYS: '15' }, /^Expected a whole number from 1 to 14 for XG2G_EPG_DAYS but received "15"$/],
    [
      { XG2G_EPG_REFRESH: '1m' },
      /^Expected a time from 10m to 7d .* for XG2G_EPG_REFRESH but received "1m"$/,
    ],
    [{ XG2G_ALLOWED_ORIGINS: 'https://a.b/path' }, /^Expected origins such as .* for XG2G_ALLOWED_ORIGINS/],
    [{ XG2G_UDS_PATH: 'yes' }, /^Expected off or a path .* for XG2G_UDS_PATH but received "yes"$/],
    [{ XG2G_UDS_PATH: '/run/xg2g/' }, /^Expected off or a path .* for XG2G_UDS_PATH/],
    [{ XG2G_UDS_MODE: '0o660' }, /^Expected three octal digits .* for XG2G_UDS_MODE but received "0o660"$/],
    [{ XG2G_UDS_MODE: '0460' }, /^Expected three octal digits .* for XG2G_UDS_MODE but received "0460"$/],
    [{ XG2G_UDS_MODE: '4660' }, /^Expected three octal digits .* for XG2G_UDS_MODE but received "4660"$/],
    [{ XG2G_UDS_GROUP: 'a b' }, /^Expected the name or number of a group for XG2G_UDS_GROUP/],
    [{ XG2G_UDS_USERS: 'tv,a/b' }, /^Expected names or numbers of users .* for XG2G_UDS_USERS/],
    [{ XG2G_ENABLE_STREAM_PROXY: 'perhaps' }, /^Expected true or false for XG2G_ENABLE_STREAM_PROXY/],
    [{ XG2G_LISSTEN: ':1' }, /^Expected a known setting \(see README\) for XG2G_LISSTEN but received ":1"$/],
  ])('refuses %o', (env, message) => {
    expect(problemOf(() => loadConfig({ env }))).toMatch(message)
  })

  it.each([
    ['udsMode: 0o660\n', /^Expected three octal digits .* for udsMode but received 432$/],
    ['lissten: :1\n', /^Expected a known setting \(see README\) for lissten but received ":1"$/],
    ['audioCodec: [aac]\n', /^Expected one of aac, mp3 for audioCodec but received \["aac"\]$/],
    ['- a\n', /^Expected settings, one `key: value` a line for .*yaml but received \["a"\]$/],
    ['a: b: c\n', /^The configuration file cannot be read: /],
    ['listen: :1\nlisten: :2\n', /^The configuration file cannot be read: .*unique/],
  ])('refuses the file %j', (content, message) => {
    expect(problemOf(() => loadConfig({ env: {}, file: fileWith(content) }))).toMatch(message)
  })

  it('reads a secret from a file named by the environment or by the YAML file', () => {
    const secret = fileWith('ge:heim\n')
    expect(loadConfig({ env: { XG2G_OWI_PASS_FILE: secret } }).owiPass).toBe('ge:heim')
    expect(loadConfig({ env: {}, file: fileWith(`owiPassFile: ${secret}\n`) }).owiPass).toBe('ge:heim')
  })

  it('lets a secret of the environment win over the file of the YAML file', () => {
    const file = fileWith(`owiPassFile: ${fileWith('old')}\n`)
    expect(loadConfig({ env: { XG2G_OWI_PASS: 'new' }, file }).owiPass).toBe('new')
  })

  it.each([
    [{ XG2G_OWI_PASS_FILE: '/nowhere' }, '', /^The file of XG2G_OWI_PASS_FILE cannot be read: ENOENT/],
    [
      { XG2G_OWI_PASS_FILE: '/dev/null', XG2G_OWI_PASS: 'geheim' },
      '',
      /^Expected one of XG2G_OWI_PASS and XG2G_OWI_PASS_FILE but received both$/,
    ],
    [{ XG2G_OWI_PASS_FILE: '/dev/null' }, '', /^Expected a file that holds a secret for XG2G_OWI_PASS_FILE/],
    [{}, 'owiPassFile: /nowhere\n', /^The file of owiPassFile cannot be read: ENOENT/],
    [{}, 'owiPassFile: [a]\n', /^Expected the path of a file for owiPassFile but received \["a"\]$/],
    [{ XG2G_OWI_USER_FILE: '/dev/null' }, '', /^Expected a known setting .* for XG2G_OWI_USER_FILE/],
  ])('refuses a secret that cannot be had: %o %j', (env, content, message) => {
    expect(problemOf(() => loadConfig({ env, file: fileWith(content) }))).toMatch(message)
  })

  it('names all problems at once', () => {
    const message = problemOf(() => loadConfig({ env: { XG2G_WORKERS: 'x', XG2G_LISTEN: 'x', XG2G_X: 'x' } }))
    expect(message.split('\n')).toHaveLength(3)
  })

  it('names a file that is not there', () => {
    expect(problemOf(() => loadConfig({ env: {}, file: '/nowhere.yaml' }))).toMatch(
      /cannot be read: ENOENT.*nowhere/,
    )
  })

  it.each([{ XG2G_OWI_BASE: 'ftp://root:geheim@box' }, { XG2G_OWI_PASSWORD: 'geheim' }])(
    'never repeats a secret: %o',
    (env) => {
      expect(problemOf(() => loadConfig({ env }))).not.toContain('geheim')
    },
  )
})

describe('describeConfig', () => {
  const env = {
    XG2G_OWI_BASE: 'http://root:geheim@box',
    XG2G_OWI_FALLBACK: 'http://box2, http://root:geheim@box3',
    XG2G_OWI_PASS: 'geheim',
    XG2G_LISTEN: '[::1]:9000',
  }

  it('masks secrets', () => {
    const text = describeConfig(loadConfig({ env }))
    expect(text).not.toContain('geheim')
    expect(text).toContain('owiBase: http://***@box')
    expect(text).toContain('  - http://box2\n  - http://***@box3')
  })

  it('is read again as the same configuration', () => {
    const before = loadConfig({
      env: {
        XG2G_LISTEN: '[::1]:9000',
        XG2G_AUDIO_LANGUAGE: 'deu,eng',
        XG2G_EPG_REFRESH: '4h',
        XG2G_UDS_MODE: '600',
      },
    })
    const after = loadConfig({ env: {}, file: fileWith(describeConfig(before)) })
    expect({ ...after, given: before.given }).toEqual(before)
  })
})
